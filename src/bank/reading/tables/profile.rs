//! How a bank lays out statements or reply files as tables: a TOML file. `profiles/README.md` lists the keys.

use std::collections::BTreeMap;

use ankuan_reconciliation::reply::Cause;
use serde::Deserialize;

use crate::tables::{COLUMNS_MAX, Encoding, Record, TextOptions};
use crate::{Message, Outcome};

use super::template::Template;
use super::values;

/// The profiles that come with the program: name and TOML. Without a profile they are tried, so the headings of no two
/// may fit the same file, and none may say how its text is parted or encoded: that is told before a profile is chosen.
pub(super) const SHIPPED: [(&str, &str); 9] = [
    ("alipay", include_str!("../../../../profiles/statements/alipay.toml")),
    ("boc-debit", include_str!("../../../../profiles/statements/boc-debit.toml")),
    ("bocom-debit", include_str!("../../../../profiles/statements/bocom-debit.toml")),
    ("cmb-debit", include_str!("../../../../profiles/statements/cmb-debit.toml")),
    ("generic-reply-csv", include_str!("../../../../profiles/replies/generic-reply-csv.toml")),
    ("generic-statement-csv", include_str!("../../../../profiles/statements/generic-statement-csv.toml")),
    ("icbc-debit", include_str!("../../../../profiles/statements/icbc-debit.toml")),
    ("spdb-debit", include_str!("../../../../profiles/statements/spdb-debit.toml")),
    ("wechat", include_str!("../../../../profiles/statements/wechat.toml")),
];

/// A profile is a page of text; what is larger is another file given by mistake.
const PROFILE_BYTES_MAX: usize = 64 * 1024;
/// Rows among which the heading is looked for: the longest preamble met has 24 lines, with notes to the customer.
pub(super) const LEADING_ROWS_MAX: u64 = 60;

/// What the files of a profile tell of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    Statement,
    Reply,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Field {
    // Of a statement.
    BookingDate,
    ValueDate,
    Credit,
    Debit,
    Mark,
    Balance,
    Currency,
    Text,
    BankReference,
    OwnReference,
    Code,
    SubAccount,
    OwnAccount,
    // Of a reply.
    Key,
    Serial,
    ReasonCode,
    Reason,
    // Of both.
    Amount,
    Name,
    Account,
    State,
}

const FIELDS: usize = Field::State as usize + 1;

impl Field {
    const fn is_of(self, kind: Kind) -> bool {
        match self {
            Self::Amount | Self::Name | Self::Account | Self::State => true,
            Self::Key | Self::Serial | Self::ReasonCode | Self::Reason => matches!(kind, Kind::Reply),
            _ => matches!(kind, Kind::Statement),
        }
    }

    /// Without these a cut row could be taken for a whole one.
    const fn carries_money(self) -> bool {
        matches!(
            self,
            Self::BookingDate | Self::Amount | Self::Credit | Self::Debit | Self::Mark | Self::Balance | Self::State
        )
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum AmountUnit {
    #[default]
    Yuan,
    Fen,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawProfile {
    name: String,
    kind: Kind,
    checked_against: String,
    encoding: Option<RawEncoding>,
    separator: Option<char>,
    quote: Option<bool>,
    #[serde(default)]
    row_end_separator: bool,
    #[serde(default)]
    amount_unit: AmountUnit,
    #[serde(default)]
    currency: String,
    #[serde(default)]
    empty: Vec<String>,
    columns: BTreeMap<Field, Vec<String>>,
    #[serde(default)]
    optional: Vec<Field>,
    #[serde(default)]
    leading: Vec<String>,
    #[serde(default)]
    footers: Vec<String>,
    #[serde(default)]
    marks: Marks,
    #[serde(default)]
    states: States,
    #[serde(default)]
    reversals: Vec<String>,
    #[serde(default)]
    causes: BTreeMap<RawCause, Vec<String>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
enum RawEncoding {
    #[serde(rename = "gb18030")]
    Gb18030,
    #[serde(rename = "utf-8")]
    Utf8,
}

/// Which way the money went, by the words of a column.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Marks {
    pub credit: Vec<String>,
    pub debit: Vec<String>,
    pub not_booked: Vec<String>,
}

/// What became of a row, by the words of a column.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct States {
    pub not_booked: Vec<String>,
    pub paid: Vec<String>,
    pub failed: Vec<String>,
    pub unknown: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RawCause {
    AccountUnknown,
    AccountClosed,
    AccountBlocked,
    NameDiffers,
    BankUnknown,
    Limit,
    FundsShort,
    Duplicate,
    Other,
}

impl From<RawCause> for Cause {
    fn from(raw: RawCause) -> Self {
        match raw {
            RawCause::AccountUnknown => Self::AccountUnknown,
            RawCause::AccountClosed => Self::AccountClosed,
            RawCause::AccountBlocked => Self::AccountBlocked,
            RawCause::NameDiffers => Self::NameDiffers,
            RawCause::BankUnknown => Self::BankUnknown,
            RawCause::Limit => Self::Limit,
            RawCause::FundsShort => Self::FundsShort,
            RawCause::Duplicate => Self::Duplicate,
            RawCause::Other => Self::Other,
        }
    }
}

/// A checked profile. All words are kept as [`values::word`] leaves them.
#[derive(Clone, Debug)]
pub(super) struct Profile {
    pub name: String,
    pub kind: Kind,
    pub text: TextOptions,
    pub amount_unit: AmountUnit,
    pub currency: String,
    /// Rows end in a separator that the heading does not have.
    row_end_separator: bool,
    empty: Vec<String>,
    columns: BTreeMap<Field, Vec<String>>,
    optional: Vec<Field>,
    pub leading: Vec<Template>,
    pub footers: Vec<Template>,
    pub marks: Marks,
    pub states: States,
    pub reversals: Vec<String>,
    /// The bank's code, and what it means.
    pub causes: BTreeMap<String, Cause>,
}

impl Profile {
    /// The profiles that come with the program.
    pub(super) fn shipped() -> Outcome<Vec<Self>> {
        SHIPPED.iter().map(|(_, toml)| Self::parse(toml)).collect()
    }

    /// Checks a profile's text.
    ///
    /// # Errors
    /// `reading.profile_too_large`, `reading.profile_syntax` (not TOML, unknown or missing key, wrong type),
    /// `reading.profile_key` (a key whose content does not fit).
    pub(super) fn parse(toml: &str) -> Outcome<Self> {
        if toml.len() > PROFILE_BYTES_MAX {
            return Err(Message::new("reading.profile_too_large").with("max", PROFILE_BYTES_MAX).into());
        }
        let toml = toml.strip_prefix('\u{feff}').unwrap_or(toml);
        let raw: RawProfile = toml::from_str(toml).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start.min(toml.len()));
            let line = toml.get(..start).unwrap_or_default().matches('\n').count();
            Message::new("reading.profile_syntax")
                .with("line", line + 1)
                .with("text", toml.lines().nth(line).unwrap_or_default().trim())
                .with("reason", error.message())
        })?;
        Self::check(raw)
    }

    fn check(raw: RawProfile) -> Outcome<Self> {
        let refuse = |key: &str, value: &str| {
            let message = Message::new("reading.profile_key").with("profile", &raw.name).with("key", key);
            Err(message.with("value", value).into())
        };
        if raw.name.is_empty() || raw.checked_against.is_empty() {
            return refuse("name, checked_against", "");
        }
        if let Some(separator) = raw.separator.filter(|sign| !sign.is_ascii() || matches!(sign, '"' | '\n' | '\r')) {
            return refuse("separator", &separator.to_string());
        }
        if let Some(field) = raw.columns.keys().chain(&raw.optional).find(|field| !field.is_of(raw.kind)) {
            return refuse("columns", &format!("{field:?}"));
        }
        let has = |field| raw.columns.contains_key(&field);
        let sides = has(Field::Credit) && has(Field::Debit) && !has(Field::Amount) && !has(Field::Mark);
        let one = has(Field::Amount) && !has(Field::Credit) && !has(Field::Debit);
        let is_whole = match raw.kind {
            Kind::Statement => has(Field::BookingDate) && (sides || one),
            Kind::Reply => has(Field::State) && (has(Field::Key) || has(Field::Serial) || has(Field::Account)),
        };
        if !is_whole {
            return refuse("columns", "");
        }
        if let Some(field) = raw.optional.iter().find(|field| field.carries_money() && **field != Field::Balance) {
            return refuse("optional", &format!("{field:?}"));
        }
        if has(Field::Mark) && (raw.marks.credit.is_empty() || raw.marks.debit.is_empty()) {
            return refuse("marks", "");
        }
        if raw.kind == Kind::Reply && raw.states.paid.is_empty() {
            return refuse("states", "");
        }
        let mut columns = BTreeMap::new();
        let mut seen = Vec::new();
        for (field, headings) in &raw.columns {
            let headings = words(headings);
            if let Some(heading) = headings.iter().find(|heading| heading.is_empty() || seen.contains(*heading)) {
                return refuse("columns", heading);
            }
            if headings.is_empty() {
                return refuse("columns", &format!("{field:?}"));
            }
            seen.extend(headings.iter().cloned());
            columns.insert(*field, headings);
        }
        let mut templates = [Vec::new(), Vec::new()];
        for (templates, (key, texts)) in
            templates.iter_mut().zip([("leading", &raw.leading), ("footers", &raw.footers)])
        {
            for text in texts {
                match Template::parse(text) {
                    Ok(template) => templates.push(template),
                    Err(part) => return refuse(key, &part),
                }
            }
        }
        let [leading, footers] = templates;
        let mut causes = BTreeMap::new();
        for (cause, codes) in raw.causes {
            causes.extend(words(&codes).into_iter().map(|code| (code, Cause::from(cause))));
        }
        Ok(Self {
            name: raw.name,
            kind: raw.kind,
            text: TextOptions {
                separator: raw.separator.and_then(|separator| u8::try_from(separator).ok()),
                encoding: raw.encoding.map(|encoding| match encoding {
                    RawEncoding::Gb18030 => Encoding::Gb18030,
                    RawEncoding::Utf8 => Encoding::Utf8,
                }),
                quote: raw.quote.unwrap_or(true),
                heading_rows: LEADING_ROWS_MAX,
            },
            amount_unit: raw.amount_unit,
            currency: raw.currency,
            row_end_separator: raw.row_end_separator,
            empty: words(&raw.empty),
            columns,
            optional: raw.optional,
            leading,
            footers,
            marks: Marks {
                credit: words(&raw.marks.credit),
                debit: words(&raw.marks.debit),
                not_booked: words(&raw.marks.not_booked),
            },
            states: States {
                not_booked: words(&raw.states.not_booked),
                paid: words(&raw.states.paid),
                failed: words(&raw.states.failed),
                unknown: words(&raw.states.unknown),
            },
            reversals: words(&raw.reversals),
            causes,
        })
    }

    /// How many of a row's cells are headings of this profile.
    pub(super) fn known_headings(&self, row: &Record) -> usize {
        let cells = row.cells().take(COLUMNS_MAX).map(values::word);
        cells.filter(|cell| self.columns.values().any(|headings| headings.contains(cell))).count()
    }

    /// The columns, if the row is the heading of this profile's table; else the first spellings of those that it lacks.
    pub(super) fn columns(&self, row: &Record) -> Result<Columns, Vec<String>> {
        let cells: Vec<String> = row.cells().map(values::word).collect();
        let mut places = [const { Vec::new() }; FIELDS];
        let mut missing = Vec::new();
        for (field, headings) in &self.columns {
            let found = headings.iter().flat_map(|heading| {
                cells.iter().enumerate().filter(move |(_, cell)| *cell == heading).map(|(place, _)| place)
            });
            let places = &mut places[*field as usize];
            places.extend(found);
            if places.is_empty() && !self.optional.contains(field) {
                missing.push(headings[0].clone());
            }
        }
        if !missing.is_empty() {
            return Err(missing);
        }
        let money = self.columns.keys().filter(|field| field.carries_money());
        let least = money.filter_map(|field| places[*field as usize].first()).max().map_or(0, |place| place + 1);
        let count = cells.len() + usize::from(self.row_end_separator);
        Ok(Columns { places, headings: cells, cells: count, least })
    }

    /// Whether a cell says that nothing stands in it.
    pub(super) fn is_empty(&self, cell: &str) -> bool {
        cell.is_empty() || !self.empty.is_empty() && self.empty.contains(&values::word(cell))
    }
}

fn words(texts: &[String]) -> Vec<String> {
    texts.iter().map(|text| values::word(text)).collect()
}

/// Where what stands.
#[derive(Debug)]
pub(super) struct Columns {
    places: [Vec<usize>; FIELDS],
    headings: Vec<String>,
    /// Cells that a row of text may have.
    pub cells: usize,
    /// Cells that a row must have, not to be a cut one.
    pub least: usize,
}

impl Columns {
    /// The place of the column that holds a field.
    pub(super) fn place(&self, field: Field) -> Option<usize> {
        self.places[field as usize].first().copied()
    }

    /// All places of a field: texts are joined.
    pub(super) fn places(&self, field: Field) -> &[usize] {
        &self.places[field as usize]
    }

    /// Two columns with the same field, other than texts, by their headings.
    pub(super) fn twice(&self) -> Option<&str> {
        let joined = [Field::Text as usize, Field::Reason as usize];
        let mut fields = self.places.iter().enumerate().filter(|(field, _)| !joined.contains(field));
        fields.find_map(|(_, places)| places.get(1)).map(|place| self.headings[*place].as_str())
    }

    /// Whether a row is the heading once more, as on every page of a printed list.
    pub(super) fn is_heading(&self, row: &Record) -> bool {
        let first = self.headings.iter().position(|heading| !heading.is_empty()).unwrap_or(0);
        self.headings.get(first).is_some_and(|heading| values::word(row.cell(first)) == *heading)
            && row.cells().map(values::word).eq(self.headings.iter().cloned())
    }
}
