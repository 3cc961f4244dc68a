//! `institution-sim`: banks, insurers and fund centres to practise with.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;

use super::{Context, both};
use crate::institution_sim::{Options, simulate};
use crate::{Failure, Language, Message, Outcome};

/// What `institution-sim` takes.
#[derive(Clone, Debug, Args)]
pub struct InstitutionSimArgs {
    /// 指令文件所在文件夹 · Folder of instruction files
    #[arg(long, value_name = "FOLDER")]
    pub instructions: PathBuf,
    /// 写入答复的文件夹；各机构的账也在其中（world.json） · Folder for the answers and the institutions' own books
    #[arg(long, value_name = "FOLDER")]
    pub out: PathBuf,
    /// 随机种子 · Seed: makes the balances; the same seed and files give the same answers
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// 拒绝比例，如 1% 或 0.5% · How many orders are refused
    #[arg(long, default_value = "0%", value_name = "PERCENT", value_parser = percent)]
    pub refuse: u16,
    /// 到账金额与确认金额不同的比例 · How many deductions and surrenders pay another amount than was confirmed
    #[arg(long, default_value = "0%", value_name = "PERCENT", value_parser = percent)]
    pub differ: u16,
    /// 收入被付给他人的比例 · How many deductions of income are answered: paid to somebody else
    #[arg(long, default_value = "0%", value_name = "PERCENT", value_parser = percent)]
    pub elsewhere: u16,
}

/// Per cent with up to two decimals, in hundredths.
fn percent(text: &str) -> Result<u16, String> {
    let wrong = || both(&Message::new("institution_sim.percent").with("text", text.escape_debug()));
    let number = crate::amount::parse_yuan(text.strip_suffix('%').ok_or_else(wrong)?).map_err(|_| wrong())?;
    u16::try_from(number.minor()).ok().filter(|hundredths| *hundredths <= 10_000).ok_or_else(wrong)
}

fn results_text(results: &BTreeMap<String, usize>, language: Language) -> String {
    if results.is_empty() {
        return "—".to_owned();
    }
    let said = |(result, count): (&String, &usize)| {
        let code = match result.as_str() {
            "done" => "institution_sim.result_done",
            "partly" => "institution_sim.result_partly",
            "waiting" => "institution_sim.result_waiting",
            "refused" => "institution_sim.result_refused",
            "paid_elsewhere" => "institution_sim.result_paid_elsewhere",
            other => return format!("{other} {count}"),
        };
        format!("{} {count}", Message::new(code).text(language))
    };
    results.iter().map(said).collect::<Vec<_>>().join(if language == Language::Zh { "，" } else { ", " })
}

/// Runs the institutions. Opens no database.
///
/// # Errors
/// Those of [`simulate`].
pub fn run(context: &Context, args: &InstitutionSimArgs) -> Outcome<()> {
    let options = Options { seed: args.seed, refuse: args.refuse, differ: args.differ, elsewhere: args.elsewhere };
    std::fs::create_dir_all(&args.out).map_err(|error| Failure::of_file(&args.out, &error))?;
    let report = simulate(&args.instructions, &args.out, &options)?;
    context.output.object(&report)?;
    context.output.sentence(
        &Message::new("institution_sim.done")
            .with("answers", report.answers.len())
            .with("before", report.answered_before)
            .with_said("results", |language| results_text(&report.results, language))
            .with("deducted", report.deducted_minor),
    )?;
    Ok(())
}
