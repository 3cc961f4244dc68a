//! Invented claimant lists that look like real ones, for the demonstration and for measurements.
//!
//! No person is in them: the area in each identity number and credit code is one that was never assigned, telephones
//! begin with 100, and names are drawn from syllables.

use std::io::{self, Write};

use ankuan_ledger::Amount;

use crate::identifiers::{
    credit_code_check_character, identity_check_character, luhn_check_digit, organisation_code_check_character,
};

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampleSummary {
    /// Rows below the heading.
    pub claimants: u64,
    /// Sum of the claims.
    pub sum: Amount,
    /// Rows whose account cannot be used.
    pub bad_accounts: u64,
}

/// Districts that do not exist, in provinces that do.
const AREAS: [&str; 16] = [
    "330198", "330298", "330398", "330498", "330598", "330698", "330798", "331098", "320198", "320598", "310198",
    "340198", "350198", "360198", "370198", "440198",
];

const SURNAMES: [&str; 48] = [
    "王", "李", "张", "刘", "陈", "杨", "黄", "赵", "吴", "周", "徐", "孙", "马", "朱", "胡", "郭", "何", "林", "罗",
    "高", "郑", "梁", "谢", "宋", "唐", "许", "韩", "冯", "邓", "曹", "彭", "曾", "肖", "田", "董", "潘", "袁", "蔡",
    "蒋", "余", "于", "杜", "叶", "程", "魏", "欧阳", "上官", "诸葛",
];

const GIVEN: [&str; 64] = [
    "伟", "芳", "娜", "秀", "敏", "静", "丽", "强", "磊", "军", "洋", "勇", "艳", "杰", "娟", "涛", "明", "超", "霞",
    "平", "刚", "桂", "英", "华", "玉", "兰", "红", "梅", "鹏", "飞", "鑫", "波", "斌", "宇", "浩", "凯", "健", "俊",
    "帆", "雪", "琳", "晨", "欣", "怡", "佳", "慧", "莹", "倩", "瑞", "峰", "龙", "云", "春", "国", "建", "文", "志",
    "海", "永", "子", "思", "雨", "䶮", "堃",
];

const TRADES: [&str; 8] = ["商贸", "科技", "建材", "纺织", "物流", "餐饮管理", "电子", "农业发展"];

/// Bank, first digits of its cards, and the bank code of its head office.
const BANKS: [(&str, &str, &str); 6] = [
    ("中国工商银行", "622202", "102100099996"),
    ("中国农业银行", "622848", "103100000026"),
    ("中国银行", "621660", "104100000004"),
    ("中国建设银行", "621700", "105100000017"),
    ("招商银行", "621485", "308584000013"),
    ("中国邮政储蓄银行", "622188", "403100000004"),
];

/// Days of birth: each of these years, 12 months of 28 days.
const FIRST_YEAR: u64 = 1940;
const YEARS: u64 = 64;
const PEOPLE_MAX: u64 = AREAS.len() as u64 * YEARS * 12 * 28 * 1_000;
/// Has no factor in common with `PEOPLE_MAX` or a power of ten, so multiplying by it only changes the order.
const STRIDE: u64 = 1_000_003;

/// The smallest claim, ¥1,000.00, and the largest, ¥5,000,000.00.
const SMALLEST_CLAIM_MINOR: u64 = 100_000;
const LARGEST_CLAIM_MINOR: u64 = 500_000_000;

/// Writes a list of `claimants` rows in UTF-8: the same for the same arguments, on every machine.
///
/// About one in a hundred is an organisation; `bad_account_share_per_10_000` of the rows have an account that cannot be
/// used, and a claim that is sound. Numbers are unique up to 344 million claimants.
///
/// # Errors
/// If `out` cannot be written, or the claims sum to more than an [`Amount`] holds.
pub fn write_sample_list(
    out: impl Write,
    claimants: u64,
    bad_account_share_per_10_000: u32,
    seed: u64,
) -> io::Result<SampleSummary> {
    let mut out = io::BufWriter::new(out);
    let mut random = SplitMix64(seed);
    let mut sum = Amount::ZERO;
    let mut bad_accounts = 0;
    out.write_all(
        "\u{feff}债权编号,姓名,证件类型,证件号码,债权金额,收款人,收款账号,开户行,联行号,手机号\n".as_bytes(),
    )?;
    for index in 0..claimants {
        let is_organisation = random.below(100) == 0;
        let (name, document_type, document) = if is_organisation {
            (organisation_name(&mut random), "统一社会信用代码", credit_code(index)?)
        } else {
            (person_name(&mut random), "身份证", identity_number(index)?)
        };
        let amount = claim(&mut random);
        let (bank, prefix, bank_code) = BANKS[random.index(BANKS.len())];
        let good = if is_organisation { unit_account(index) } else { card_number(prefix, index)? };
        let is_bad = random.below(10_000) < u64::from(bad_account_share_per_10_000);
        let account = if is_bad { spoiled(&good, &mut random) } else { good };
        bad_accounts += u64::from(is_bad);
        sum = sum.plus(amount).ok_or_else(|| io::Error::other("the claims sum to more than an amount holds"))?;
        let (yuan, fen) = (amount.minor() / 100, amount.minor() % 100);
        let telephone = random.below(100_000_000);
        writeln!(
            out,
            "{:07},{name},{document_type},{document},{yuan}.{fen:02},{name},{account},{bank},{bank_code},100{telephone:08}",
            index + 1
        )?;
    }
    out.flush()?;
    Ok(SampleSummary { claimants, sum, bad_accounts })
}

/// Each step up doubles the amount and is taken five times in eight: most claims are small, a few make half the sum.
fn claim(random: &mut SplitMix64) -> Amount {
    let mut base = SMALLEST_CLAIM_MINOR;
    while base * 2 < LARGEST_CLAIM_MINOR && random.below(8) < 5 {
        base *= 2;
    }
    let minor = (base + random.below(base)).min(LARGEST_CLAIM_MINOR);
    // At most LARGEST_CLAIM_MINOR.
    Amount::from_minor(minor as i64)
}

fn person_name(random: &mut SplitMix64) -> String {
    let mut name = SURNAMES[random.index(SURNAMES.len())].to_owned();
    for _ in 0..=random.below(2) {
        name.push_str(GIVEN[random.index(GIVEN.len())]);
    }
    name
}

fn organisation_name(random: &mut SplitMix64) -> String {
    let first = GIVEN[random.index(GIVEN.len())];
    let second = GIVEN[random.index(GIVEN.len())];
    format!("示例{first}{second}{}有限公司", TRADES[random.index(TRADES.len())])
}

fn identity_number(index: u64) -> io::Result<String> {
    let mut rest = index % PEOPLE_MAX * STRIDE % PEOPLE_MAX;
    let mut part = |size: u64| {
        let value = rest % size;
        rest /= size;
        value
    };
    let (sequence, day, month, year) = (part(1_000), part(28) + 1, part(12) + 1, part(YEARS) + FIRST_YEAR);
    let area = AREAS[(rest % AREAS.len() as u64) as usize];
    with_check(format!("{area}{year}{month:02}{day:02}{sequence:03}"), identity_check_character)
}

fn credit_code(index: u64) -> io::Result<String> {
    let organisation = with_check(format!("{:08}", index * STRIDE % 100_000_000), organisation_code_check_character)?;
    let area = AREAS[(index % AREAS.len() as u64) as usize];
    with_check(format!("91{area}{organisation}"), credit_code_check_character)
}

fn card_number(prefix: &str, index: u64) -> io::Result<String> {
    with_check(format!("{prefix}{:012}", index % 1_000_000_000 * STRIDE % 1_000_000_000_000), luhn_check_digit)
}

fn unit_account(index: u64) -> String {
    format!("1202{:013}", index % 1_000_000_000 * STRIDE % 10_000_000_000_000)
}

fn with_check(mut number: String, check: fn(&[u8]) -> Option<u8>) -> io::Result<String> {
    let last = check(number.as_bytes()).ok_or_else(|| io::Error::other(format!("no check character for {number}")))?;
    number.push(last.into());
    Ok(number)
}

/// An account as it arrives after a spreadsheet or a tired typist had it.
fn spoiled(account: &str, random: &mut SplitMix64) -> String {
    match random.below(3) {
        0 => String::new(),
        1 => format!("{}.{}E+{}", &account[..1], &account[1..6], account.len() - 1),
        _ => format!("{}****{}", &account[..6], &account[account.len() - 4..]),
    }
}

/// The generator of Steele, Lea and Flood (SplitMix64): small, and the same everywhere.
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, limit: u64) -> u64 {
        // The bias of at most one in 2^32 does not show in invented data.
        ((u128::from(self.next()) * u128::from(limit)) >> 64) as u64
    }

    fn index(&mut self, length: usize) -> usize {
        self.below(length as u64) as usize
    }
}
