//! Lines above and below a table, as `合计|{debits}|{debit_sum}`: literal text and values in turn, cells parted by `|`.

use crate::Message;
use crate::tables::half_width;

use super::values;

/// The longest line that is looked at; a longer one is no such line. Letters, as the search costs by them.
const LINE_MAX: usize = 1_000;
/// Values of one template.
const VALUES_MAX: usize = 12;

macro_rules! values {
    ($($variant:ident = $name:literal, $form:ident;)+) => {
        /// What such a line tells.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(super) enum Value { $($variant,)+ }

        impl Value {
            fn parse(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)+ _ => None }
            }

            const fn form(self) -> Form {
                match self { $(Self::$variant => Form::$form,)+ }
            }

            /// As people call it.
            pub(super) const fn term(self) -> Message {
                Message::new(match self { $(Self::$variant => concat!("reading.told_", $name),)+ })
            }

            #[cfg(test)]
            pub(super) const ALL: &[Self] = &[$(Self::$variant),+];
        }
    };
}

values! {
    Ignored = "_", Text;
    Id = "id", Text;
    Account = "account", Text;
    SubAccount = "sub_account", Text;
    Currency = "currency", Text;
    From = "from", Date;
    To = "to", Date;
    Opening = "opening", Amount;
    Closing = "closing", Amount;
    Entries = "entries", Count;
    Credits = "credits", Count;
    CreditSum = "credit_sum", Amount;
    Debits = "debits", Count;
    DebitSum = "debit_sum", Amount;
    MessageId = "message_id", Text;
    OriginalFile = "original_file", Text;
    Lines = "lines", Count;
    Paid = "paid", Count;
    PaidSum = "paid_sum", Amount;
    Failed = "failed", Count;
    FailedSum = "failed_sum", Amount;
}

#[derive(Clone, Copy)]
enum Form {
    Text,
    Date,
    Amount,
    Count,
}

impl Form {
    fn holds(self, text: &str) -> bool {
        match self {
            Self::Text => true,
            Self::Date => values::date(text, false).is_some(),
            Self::Amount => values::amount(text).is_some(),
            Self::Count => values::count(text).is_some(),
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug)]
enum Part {
    Literal(String),
    Value(Value),
}

impl Template {
    /// `Err` says why it is no template.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((literal, behind)) = rest.split_once('{') {
            push_literal(&mut parts, literal);
            let (name, behind) = behind.split_once('}').ok_or_else(|| format!("{{{behind}"))?;
            if matches!(parts.last(), Some(Part::Value(_))) {
                return Err(format!("}}{{{name}}}"));
            }
            parts.push(Part::Value(Value::parse(name).ok_or_else(|| format!("{{{name}}}"))?));
            rest = behind;
        }
        push_literal(&mut parts, rest);
        let values = parts.iter().filter(|part| matches!(part, Part::Value(_))).count();
        // Beginning with a literal is what tells such a line from a row of the table at the first sign.
        if !matches!(parts.first(), Some(Part::Literal(_))) || values > VALUES_MAX {
            return Err(text.to_owned());
        }
        Ok(Self { parts })
    }

    /// Whether a line that begins so can match.
    pub(super) fn may_begin(&self, first_cell: &str) -> bool {
        let Some(Part::Literal(literal)) = self.parts.first() else { return false };
        let first = |text: &str| {
            let letter = text.trim_start().chars().next().map(String::from).unwrap_or_default();
            half_width(&letter).unwrap_or(letter)
        };
        first(literal) == first(first_cell)
    }

    /// The values of a line that this template describes; `None` if it does not. A value ends where the next literal
    /// begins, the first place at which it has its form; if it nowhere has, it is handed on for a problem to name it.
    pub(super) fn values<'a>(&self, line: &'a str) -> Option<Vec<(Value, &'a str)>> {
        if line.len() > LINE_MAX {
            return None;
        }
        let mut found = Vec::new();
        let mut rest = line;
        let mut parts = self.parts.iter().peekable();
        while let Some(part) = parts.next() {
            match part {
                Part::Literal(literal) => rest = rest.strip_prefix(literal.as_str())?,
                Part::Value(value) => {
                    let end = match parts.peek() {
                        Some(Part::Literal(next)) => {
                            let mut ends = rest.match_indices(next.as_str()).map(|(end, _)| end);
                            let fits = |end: &usize| value.form().holds(&rest[..*end]);
                            ends.clone().find(fits).or_else(|| ends.next())?
                        }
                        _ => rest.len(),
                    };
                    if *value != Value::Ignored {
                        found.push((*value, rest[..end].trim()));
                    }
                    rest = &rest[end..];
                }
            }
        }
        rest.is_empty().then_some(found)
    }
}

fn push_literal(parts: &mut Vec<Part>, literal: &str) {
    // As the lines themselves are written; the spaces at the ends part words from values, so they stay.
    let mut plain = values::plain(literal);
    if literal.starts_with(' ') && !parts.is_empty() {
        plain.insert(0, ' ');
    }
    if literal.len() > 1 && literal.ends_with(' ') {
        plain.push(' ');
    }
    if !plain.is_empty() {
        parts.push(Part::Literal(plain));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<'a>(template: &str, line: &'a str) -> Option<Vec<(Value, &'a str)>> {
        Template::parse(template).unwrap().values(line)
    }

    #[test]
    fn values_stand_between_literals() {
        assert_eq!(
            read("收入：{credits}笔 {credit_sum}元", "收入:1笔 28.50元"),
            Some(vec![(Value::Credits, "1"), (Value::CreditSum, "28.50")])
        );
        assert_eq!(read("合计|{_}|{debit_sum}", "合计|x|1.00"), Some(vec![(Value::DebitSum, "1.00")]));
        assert_eq!(read("合计|{_}|{debit_sum}", "合计"), None);
        assert_eq!(read("人民币合计", "人民币合计"), Some(vec![]));
        assert_eq!(read("账号|{account}", "户名|x"), None);
    }

    #[test]
    fn a_value_ends_where_it_has_its_form() {
        let wanted = |from, to| Some(vec![(Value::From, from), (Value::To, to)]);
        assert_eq!(read("期间:{from}-{to}", "期间:2025-12-01-2025-12-31"), wanted("2025-12-01", "2025-12-31"));
        assert_eq!(read("期间:{from}-{to}", "期间:20251201-20251231"), wanted("20251201", "20251231"));
        assert_eq!(read("期间:{from}-{to}", "期间:x-y"), wanted("x", "y"), "handed on, to be named");
    }

    #[test]
    fn what_is_no_template_is_refused() {
        for text in ["{account}", "账号{x}", "账号{account", "账号{account}{to}", ""] {
            assert!(Template::parse(text).is_err(), "{text}");
        }
    }
}
