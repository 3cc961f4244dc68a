//! `institution-sim`: banks, insurers and fund centres to practise with.

use std::path::PathBuf;

use clap::Args;

use super::{Context, both};
use crate::institution_sim::{Options, simulate};
use crate::{Failure, Message, Outcome};

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

/// Runs the institutions. Opens no database.
///
/// # Errors
/// Those of [`simulate`].
pub fn run(context: &Context, args: &InstitutionSimArgs) -> Outcome<()> {
    let options = Options { seed: args.seed, refuse: args.refuse, differ: args.differ, elsewhere: args.elsewhere };
    std::fs::create_dir_all(&args.out).map_err(|error| Failure::of_file(&args.out, &error))?;
    let report = simulate(&args.instructions, &args.out, &options)?;
    context.output.object(&report)?;
    let results: Vec<String> = report.results.iter().map(|(result, count)| format!("{result} {count}")).collect();
    context.output.sentence(
        &Message::new("institution_sim.done")
            .with("answers", report.answers.len())
            .with("before", report.answered_before)
            .with("results", if results.is_empty() { "—".to_owned() } else { results.join(", ") })
            .with("deducted", report.deducted_minor),
    )?;
    Ok(())
}
