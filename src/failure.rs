//! An operation did not come about: the domain said no, or something broke.

use std::io;
use std::path::Path;

use ankuan_ledger as ledger;

use crate::message::Message;

/// Both leave nothing behind. Mapped to text and exit code in one place, `cli::Context::exit_as`.
#[derive(Debug)]
pub enum Failure {
    /// The domain said no; the code is stable.
    Refused(Message),
    /// Something broke.
    Broken(ledger::Error),
}

/// The result of an operation.
pub type Outcome<T> = Result<T, Failure>;

impl Failure {
    /// A file or folder that somebody named cannot be used: `file.not_found`, `file.not_permitted`, `file.is_folder`,
    /// `file.not_a_folder`, `file.not_text`. Anything else broke: a full disk, a lost mount; the path stands in the error.
    #[must_use]
    pub fn of_file(path: &Path, error: &io::Error) -> Self {
        use io::ErrorKind as Kind;
        let code = match error.kind() {
            Kind::NotFound => "file.not_found",
            Kind::PermissionDenied => "file.not_permitted",
            Kind::IsADirectory => "file.is_folder",
            // Bytes that are no text, where text is read.
            Kind::InvalidData => "file.not_text",
            Kind::NotADirectory | Kind::AlreadyExists => "file.not_a_folder",
            kind => return io::Error::new(kind, format!("{}: {error}", path.display())).into(),
        };
        Self::Refused(Message::new(code).with("path", path.display()))
    }

    /// For the log of a service: what broke, or the code of a refusal without its values, which may be somebody's.
    #[must_use]
    pub fn for_log(&self) -> String {
        match self {
            Self::Refused(message) => message.code.to_owned(),
            Self::Broken(error) => error.to_string(),
        }
    }

    /// A refusal names the file that it is about; what broke stays as it is.
    #[must_use]
    pub fn in_file(self, path: &Path) -> Self {
        match self {
            Self::Refused(message) => Self::Refused(message.in_file(path)),
            broken @ Self::Broken(_) => broken,
        }
    }
}

impl From<Message> for Failure {
    fn from(message: Message) -> Self {
        Self::Refused(message)
    }
}

impl From<ledger::Error> for Failure {
    fn from(error: ledger::Error) -> Self {
        Self::Broken(error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Broken(error.into())
    }
}

impl From<ledger::Failure> for Failure {
    fn from(failure: ledger::Failure) -> Self {
        match failure {
            ledger::Failure::Refused(refusal) => Self::Refused(say(&refusal)),
            ledger::Failure::Broken(error) => Self::Broken(error),
        }
    }
}

/// The ledger's refusals in the words of `locales/ledger.yml`.
fn say(refusal: &ledger::Refusal) -> Message {
    use ledger::Refusal as R;
    let message = Message::new(refusal.code());
    match refusal {
        R::RequestKeyReused(key) => message.with("key", key),
        R::BookUnknown(book) => message.with("book", book),
        R::MonthClosed { month, .. } => message.with("month", month),
        R::EntryEmpty => message,
        R::AmountNotPositive(amount) => message.with("amount", amount),
        R::SamePlace(account) | R::AccountUnknown(account) | R::AccountClosed(account) | R::Overflow(account) => {
            message.with("account", account.0)
        }
        R::AccountNotEmpty { account, balance } => message.with("account", account.0).with("balance", balance),
        R::CurrencyMismatch(debit, credit) => message.with("debit", debit.0).with("credit", credit.0),
        R::BelowFloor { account, available, wanted } => {
            message.with("account", account.0).with("available", available).with("wanted", wanted)
        }
        R::ItemBelowZero { place, available, wanted } => message
            .with("account", place.account.0)
            .with("item", place.item.0)
            .with("available", available)
            .with("wanted", wanted),
        R::HoldUnknown(hold) | R::HoldElsewhere(hold) => message.with("hold", hold.0),
        R::HoldExceeded { hold, remaining, wanted } => {
            message.with("hold", hold.0).with("remaining", remaining).with("wanted", wanted)
        }
        R::EntryUnknown(entry) | R::AlreadyReversed(entry) => message.with("entry", entry.0),
    }
}
