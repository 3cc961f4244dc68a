//! Which column of a list holds what: headings in Chinese or English, in any order.

use crate::message::Message;
use crate::tables::COLUMNS_MAX;

use super::codes;
use super::{Problem, Severity};

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    ClaimantNumber,
    Name,
    DocumentType,
    DocumentNumber,
    ClaimAmount,
    FixedAmount,
    Standing,
    Class,
    PayeeName,
    Account,
    BankName,
    BankCode,
    Telephone,
}

const ALL: [Column; 13] = [
    Column::ClaimantNumber,
    Column::Name,
    Column::DocumentType,
    Column::DocumentNumber,
    Column::ClaimAmount,
    Column::FixedAmount,
    Column::Standing,
    Column::Class,
    Column::PayeeName,
    Column::Account,
    Column::BankName,
    Column::BankCode,
    Column::Telephone,
];

/// Without these there is no claim to speak of. Payment details may come later, from the bank or a second list.
const REQUIRED: [Column; 4] = [Column::ClaimantNumber, Column::Name, Column::DocumentNumber, Column::ClaimAmount];

/// A running number of the sheet says nothing about a claim, so its column needs no warning.
const IGNORED: [&str; 4] = ["序号", "行号", "no", "serial"];

impl Column {
    /// The headings by which a column is known, as [`normalised`] leaves them; the first is the one to recommend.
    fn headings(self) -> &'static [&'static str] {
        match self {
            Self::ClaimantNumber => &[
                "债权编号",
                "编号",
                "集资参与人编号",
                "债权人编号",
                "申报编号",
                "登记编号",
                "claimantnumber",
                "claimnumber",
                "claimantno",
                "claimantid",
                "claimid",
            ],
            Self::Name => &[
                "姓名",
                "名称",
                "姓名/名称",
                "姓名或名称",
                "债权人",
                "债权人姓名",
                "债权人名称",
                "集资参与人",
                "集资参与人姓名",
                "name",
                "claimant",
                "claimantname",
            ],
            Self::DocumentType => &["证件类型", "证件种类", "documenttype", "idtype"],
            Self::DocumentNumber => &[
                "证件号码",
                "证件号",
                "身份证号",
                "身份证号码",
                "公民身份号码",
                "统一社会信用代码",
                "documentnumber",
                "documentno",
                "idnumber",
                "idno",
            ],
            Self::ClaimAmount => &[
                "债权金额",
                "损失金额",
                "确认金额",
                "债权确认金额",
                "确认债权金额",
                "确认损失金额",
                "claimamount",
                "amount",
                "loss",
                "confirmedamount",
            ],
            Self::FixedAmount => &["发放金额", "固定金额", "本次发放金额", "fixedamount", "payoutamount"],
            Self::Standing => &["状态", "债权状态", "standing", "status", "claimstatus"],
            Self::Class => &["顺位", "清偿顺位", "受偿顺位", "class", "rank"],
            Self::PayeeName => &[
                "收款人",
                "户名",
                "收款人姓名",
                "收款人名称",
                "收款户名",
                "账户名称",
                "payeename",
                "payee",
                "accountname",
            ],
            Self::Account => &[
                "收款账号",
                "收款帐号",
                "账号",
                "帐号",
                "银行账号",
                "银行帐号",
                "银行卡号",
                "卡号",
                "收款人账号",
                "account",
                "accountnumber",
                "accountno",
            ],
            Self::BankName => &["开户行", "开户银行", "收款银行", "开户行名称", "收款人开户行", "bankname", "bank"],
            Self::BankCode => {
                &["联行号", "行号代码", "开户行行号", "开户行联行号", "大额行号", "bankcode", "cnaps", "cnapscode"]
            }
            Self::Telephone => {
                &["手机号", "手机号码", "手机", "电话", "联系电话", "telephone", "phone", "mobile", "tel"]
            }
        }
    }

    /// What a problem in this column stands in the way of.
    pub(super) const fn severity(self) -> Severity {
        match self {
            Self::ClaimantNumber
            | Self::Name
            | Self::DocumentType
            | Self::DocumentNumber
            | Self::ClaimAmount
            | Self::FixedAmount
            | Self::Standing
            | Self::Class => Severity::Claim,
            Self::PayeeName | Self::Account | Self::BankName => Severity::Payment,
            Self::BankCode | Self::Telephone => Severity::Warning,
        }
    }

    /// The longest content in characters. Names as in ISO 20022 (Max140Text); the others are several times what a
    /// real one needs, and keep a slipped column from being stored.
    pub(super) const fn characters_max(self) -> usize {
        match self {
            Self::Name | Self::PayeeName | Self::BankName => 140,
            Self::ClaimantNumber => 64,
            _ => 40,
        }
    }
}

/// The columns of a list, from its heading.
#[derive(Debug)]
pub(super) struct Columns {
    places: [Option<usize>; ALL.len()],
    headings: Vec<String>,
}

impl Columns {
    /// How many cells of a row are known headings: two make it the heading row.
    pub(super) fn count_known<'a>(cells: impl Iterator<Item = &'a str>) -> usize {
        cells.filter(|cell| recognise(&normalised(cell)).is_some()).count()
    }

    /// Reads the heading; unknown columns are reported through `on_problem` and ignored.
    ///
    /// Refuses a list that lacks a required column, has one twice, or has more than [`COLUMNS_MAX`].
    pub(super) fn from_heading<'a>(
        cells: impl Iterator<Item = &'a str>,
        row: u64,
        on_problem: &mut dyn FnMut(Problem),
    ) -> Result<Self, Problem> {
        let mut headings: Vec<String> = cells.map(str::to_owned).collect();
        while headings.last().is_some_and(String::is_empty) {
            headings.pop();
        }
        if headings.len() > COLUMNS_MAX {
            return Err(Problem::file(row, Message::new(codes::TOO_MANY_COLUMNS).with("limit", COLUMNS_MAX)));
        }
        let mut places = [None; ALL.len()];
        for (place, heading) in headings.iter().enumerate() {
            let known = normalised(heading);
            let Some(column) = recognise(&known) else {
                if !known.is_empty() && !IGNORED.contains(&known.as_str()) {
                    let message = Message::new(codes::COLUMN_UNKNOWN).with("heading", heading);
                    let column = Some(heading.clone());
                    on_problem(Problem { row, column, severity: Severity::Warning, message });
                }
                continue;
            };
            if let Some(first) = places[column as usize].replace(place) {
                let message = Message::new(codes::COLUMN_TWICE).with("first", &headings[first]).with("second", heading);
                return Err(Problem { row, column: Some(heading.clone()), severity: Severity::File, message });
            }
        }
        let missing: Vec<&str> = REQUIRED
            .into_iter()
            .filter(|column| places[*column as usize].is_none())
            .map(|column| column.headings()[0])
            .collect();
        if !missing.is_empty() {
            return Err(Problem::file(row, Message::new(codes::COLUMNS_MISSING).with("missing", missing.join("、"))));
        }
        Ok(Self { places, headings })
    }

    /// Where a column stands, from 0.
    pub(super) fn place(&self, column: Column) -> Option<usize> {
        self.places[column as usize]
    }

    /// The heading as the list writes it.
    pub(super) fn heading(&self, column: Column) -> Option<String> {
        self.place(column).and_then(|place| self.headings.get(place)).cloned()
    }

    /// How many cells a row has.
    pub(super) fn width(&self) -> usize {
        self.headings.len()
    }
}

/// The headings that a list must have, to be named in a message.
pub(super) fn required_headings() -> String {
    REQUIRED.map(|column| column.headings()[0]).join("、")
}

fn recognise(heading: &str) -> Option<Column> {
    ALL.into_iter().find(|column| column.headings().contains(&heading))
}

/// A heading without what people decorate it with: spaces, line breaks, `*`, `_`, and a unit that says yuan.
///
/// Another unit (万元) stays, so that the column is not taken for one in yuan.
fn normalised(heading: &str) -> String {
    let plain: String = heading
        .chars()
        .filter(|letter| {
            !letter.is_whitespace() && !letter.is_control() && !matches!(letter, '*' | '_' | '-' | '\u{feff}')
        })
        .map(|letter| match letter {
            '（' => '(',
            '）' => ')',
            '／' => '/',
            other => other.to_ascii_lowercase(),
        })
        .collect();
    for unit in ["(元)", "(人民币元)", "(rmb)", "(cny)", "(yuan)", "(必填)", "(选填)"] {
        if let Some(bare) = plain.strip_suffix(unit) {
            return bare.to_owned();
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_heading_belongs_to_two_columns() {
        for column in ALL {
            for heading in column.headings() {
                assert_eq!(recognise(heading), Some(column), "{heading}");
                assert_eq!(normalised(heading), *heading);
            }
        }
    }

    #[test]
    fn another_unit_is_another_column() {
        assert_eq!(recognise(&normalised("* 债权金额（元）")), Some(Column::ClaimAmount));
        assert_eq!(recognise(&normalised("Claim_Amount (CNY)")), Some(Column::ClaimAmount));
        assert_eq!(recognise(&normalised("债权金额（万元）")), None);
    }
}
