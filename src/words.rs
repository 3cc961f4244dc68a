//! Columns that hold more than a number or a text: dates, and closed lists of words.

use ankuan_ledger as ledger;
use ankuan_ledger::engine::{Error, Row};
use jiff::civil::Date;

/// Declares an enum of words with its text form both ways.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$variant_meta])* $variant,)*
        }

        impl $name {
            /// Every one.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// As stored and as written in files.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }

            /// From what is stored or written.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|word| word.as_str() == text)
            }
        }
    };
}
pub(crate) use words;

/// A civil date out of a column of ISO text.
///
/// # Errors
/// [`Error::Inconsistent`] when it is none.
pub fn read_date(row: &Row<'_>, column: usize) -> ledger::engine::Result<Date> {
    let text = row.text(column)?;
    text.parse().map_err(|_| Error::Inconsistent(format!("{text:?} in column {column} is not a date")))
}

/// A word of a closed list out of a column.
///
/// # Errors
/// [`Error::Inconsistent`] when it is not in the list.
pub fn read_word<T>(row: &Row<'_>, column: usize, parse: impl Fn(&str) -> Option<T>) -> ledger::engine::Result<T> {
    let text = row.text(column)?;
    parse(text).ok_or_else(|| Error::Inconsistent(format!("{text:?} in column {column} is not a known word")))
}
