//! Payment details that a person brings, not a list: checked, then sealed under an id of their own.

use ankuan_ledger::chain::Digest;
use ankuan_ledger::{Act, Tx};

use super::check::{is_in_gb18030, is_invisible};
use super::{ACCOUNT_LENGTH_MAX, DocumentType};
use crate::clock::Randomness;
use crate::documents::keys::Keys;
use crate::documents::personal::{DetailWriter, PersonalDetail};
use crate::failure::Outcome;
use crate::identifiers::{check_credit_code, check_identity_number};
use crate::message::Message;

/// Characters of a name: what ISO 20022 takes (Max140Text).
const NAME_LENGTH_MAX: usize = 140;

/// Digits of a bank code (联行号).
const BANK_CODE_LENGTH: usize = 12;

/// Refuses details by which no bank could pay. A list sets such a share aside; a person who stands at the counter can
/// correct them at once.
///
/// # Errors
/// `details.empty` (name of the account, account or bank), `details.characters` (invisible ones, or such as GB18030
/// cannot carry), `details.long`, `details.account`, `details.bank_code`, `details.document` (GB 11643, GB 32100).
pub fn check_details(document_type: DocumentType, detail: &PersonalDetail<'_>) -> Result<(), Message> {
    let needed = [("payee_name", detail.payee_name), ("account", detail.account), ("bank_name", detail.bank_name)];
    if let Some((field, _)) = needed.iter().find(|(_, text)| text.trim().is_empty()) {
        return Err(Message::new("details.empty").with("field", field));
    }
    let others = [("document_number", detail.document_number), ("telephone", detail.telephone)];
    for (field, text) in needed.into_iter().chain(others) {
        if text.chars().any(|letter| is_invisible(letter) || !is_in_gb18030(letter)) || text.trim() != text {
            return Err(Message::new("details.characters").with("field", field));
        }
        if text.chars().count() > NAME_LENGTH_MAX {
            return Err(Message::new("details.long").with("field", field).with("max", NAME_LENGTH_MAX));
        }
    }
    let is_number = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    if detail.account.len() > ACCOUNT_LENGTH_MAX || !detail.account.chars().all(is_number) {
        return Err(Message::new("details.account").with("max", ACCOUNT_LENGTH_MAX));
    }
    let code = detail.bank_code;
    if !code.is_empty() && (code.len() != BANK_CODE_LENGTH || !code.bytes().all(|byte| byte.is_ascii_digit())) {
        return Err(Message::new("details.bank_code").with("code", code.escape_debug()));
    }
    check_document(document_type, detail.document_number)
}

/// Refuses a document number that its own rule refuses. None at all is accepted only for a document of another kind:
/// courts and the treasury have none.
pub(crate) fn check_document(document_type: DocumentType, number: &str) -> Result<(), Message> {
    let is_sound = match document_type {
        DocumentType::IdentityCard => check_identity_number(number).is_ok(),
        DocumentType::CreditCode => check_credit_code(number).is_ok(),
        DocumentType::Other => true,
        _ => !number.is_empty(),
    };
    if is_sound { Ok(()) } else { Err(Message::new("details.document").with("document_type", document_type.as_str())) }
}

/// Seals details under an id of the act and returns the commitment for the fact that carries the id.
///
/// # Errors
/// What the system's randomness or the database says.
pub fn seal_details(
    tx: &mut Tx<'_>,
    act: &Act,
    keys: &Keys,
    randomness: &mut Randomness,
    detail_id: i64,
    document_type: &str,
    detail: &PersonalDetail<'_>,
) -> Outcome<Digest> {
    let nonce = randomness.bytes().map_err(std::io::Error::other)?;
    let mut writer = DetailWriter::new(keys, act.book());
    let commitment = writer.write(tx, detail_id, nonce, document_type, detail)?;
    writer.finish(tx)?;
    Ok(commitment)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bank::PayeeKind;
    use crate::message::Language;

    fn sound() -> PersonalDetail<'static> {
        PersonalDetail {
            kind: PayeeKind::Person,
            payee_name: "王芳",
            bank_name: "中国工商银行杭州分行",
            bank_code: "102331000013",
            document_number: "11010519491231002X",
            account: "6222020000000000015",
            telephone: "13800000000",
        }
    }

    #[test]
    fn what_a_bank_cannot_pay_by_is_refused_with_place_and_remedy() {
        let card = DocumentType::IdentityCard;
        assert_eq!(check_details(card, &sound()), Ok(()));
        let long = "王".repeat(NAME_LENGTH_MAX + 1);
        let cases = [
            (card, PersonalDetail { payee_name: "  ", ..sound() }, "details.empty"),
            (card, PersonalDetail { account: "", ..sound() }, "details.empty"),
            (card, PersonalDetail { bank_name: "", ..sound() }, "details.empty"),
            (card, PersonalDetail { payee_name: "王\u{200b}芳", ..sound() }, "details.characters"),
            (card, PersonalDetail { payee_name: " 王芳", ..sound() }, "details.characters"),
            (card, PersonalDetail { bank_name: "工行\n杭州", ..sound() }, "details.characters"),
            (card, PersonalDetail { payee_name: &long, ..sound() }, "details.long"),
            (card, PersonalDetail { account: "6.22E+18", ..sound() }, "details.account"),
            (card, PersonalDetail { account: "６２２２", ..sound() }, "details.account"),
            (card, PersonalDetail { account: "622202000000000001562220200000000001", ..sound() }, "details.account"),
            (card, PersonalDetail { bank_code: "1023", ..sound() }, "details.bank_code"),
            (card, PersonalDetail { document_number: "110105194912310021", ..sound() }, "details.document"),
            (DocumentType::Passport, PersonalDetail { document_number: "", ..sound() }, "details.document"),
            (DocumentType::CreditCode, PersonalDetail { document_number: "9133", ..sound() }, "details.document"),
        ];
        for (document_type, detail, code) in cases {
            let message = check_details(document_type, &detail).unwrap_err();
            assert_eq!(message.code, code, "{detail:?}");
            for language in [Language::Zh, Language::En] {
                let text = message.text(language);
                assert!(!text.contains(code) && !text.contains("%{"), "{text}");
            }
        }
        let court = PersonalDetail { document_number: "", bank_code: "", ..sound() };
        assert_eq!(check_details(DocumentType::Other, &court), Ok(()));
    }
}
