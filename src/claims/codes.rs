//! The stable codes of what can be wrong with a claimant list. Their texts stand in `locales/claims.yml`.

macro_rules! codes {
    ($($name:ident = $code:literal;)*) => {
        $(pub(super) const $name: &str = $code;)*
        /// Every code that reading a list can give.
        pub const ALL: &[&str] = &[$($code),*];
    };
}

codes! {
    // The file as a whole cannot be used.
    EMPTY_FILE = "claims.empty_file";
    NUL_BYTE = "claims.nul_byte";
    ENCODING = "claims.encoding";
    UTF_16 = "claims.utf_16";
    OLD_WORKBOOK = "claims.old_workbook";
    WORKBOOK_UNREADABLE = "claims.workbook_unreadable";
    WORKBOOK_TOO_LARGE = "claims.workbook_too_large";
    RECORD_TOO_LONG = "claims.record_too_long";
    UNCLOSED_QUOTE = "claims.unclosed_quote";
    NO_HEADING = "claims.no_heading";
    COLUMNS_MISSING = "claims.columns_missing";
    COLUMN_TWICE = "claims.column_twice";
    TOO_MANY_COLUMNS = "claims.too_many_columns";
    NO_ROWS = "claims.no_rows";
    TOO_MANY_ROWS = "claims.too_many_rows";
    ROWS_DIFFER = "claims.rows_differ";
    SUM_DIFFERS = "claims.sum_differs";
    TOTAL_DIFFERS = "claims.total_differs";
    SUM_TOO_LARGE = "claims.sum_too_large";
    // A claim is broken.
    RAGGED_ROW = "claims.ragged_row";
    QUOTE_MISPLACED = "claims.quote_misplaced";
    NUMBER_EMPTY = "claims.number_empty";
    NUMBER_SCIENTIFIC = "claims.number_scientific";
    NUMBER_DUPLICATE = "claims.number_duplicate";
    NUMBER_IN_CASE = "claims.number_in_case";
    NAME_EMPTY = "claims.name_empty";
    DOCUMENT_EMPTY = "claims.document_empty";
    DOCUMENT_SCIENTIFIC = "claims.document_scientific";
    DOCUMENT_NUMBER_CELL = "claims.document_number_cell";
    DOCUMENT_OTHER_NAME = "claims.document_other_name";
    IDENTITY_LENGTH = "claims.identity_length";
    IDENTITY_CHARACTERS = "claims.identity_characters";
    IDENTITY_DATE = "claims.identity_date";
    IDENTITY_CHECKSUM = "claims.identity_checksum";
    CREDIT_CODE_FORM = "claims.credit_code_form";
    CREDIT_CODE_CHECKSUM = "claims.credit_code_checksum";
    PERSON_IN_CASE = "claims.person_in_case";
    AMOUNT_EMPTY = "claims.amount_empty";
    AMOUNT_UNREADABLE = "claims.amount_unreadable";
    AMOUNT_DECIMALS = "claims.amount_decimals";
    AMOUNT_NOT_POSITIVE = "claims.amount_not_positive";
    AMOUNT_COMMAS = "claims.amount_commas";
    AMOUNT_SCIENTIFIC = "claims.amount_scientific";
    AMOUNT_TOO_LARGE = "claims.amount_too_large";
    FIXED_ABOVE_CLAIM = "claims.fixed_above_claim";
    STANDING_UNKNOWN = "claims.standing_unknown";
    CLASS_UNKNOWN = "claims.class_unknown";
    // Either of them, by the column.
    FULL_WIDTH = "claims.full_width";
    CONTROL_CHARACTER = "claims.control_character";
    FIELD_TOO_LONG = "claims.field_too_long";
    // The money cannot be sent.
    ACCOUNT_EMPTY = "claims.account_empty";
    ACCOUNT_SCIENTIFIC = "claims.account_scientific";
    ACCOUNT_NUMBER_CELL = "claims.account_number_cell";
    ACCOUNT_CHARACTERS = "claims.account_characters";
    ACCOUNT_LENGTH = "claims.account_length";
    CHARACTER_LOST = "claims.character_lost";
    CHARACTER_NOT_IN_GB18030 = "claims.character_not_in_gb18030";
    // To be looked at.
    ACCOUNT_COLUMN_MISSING = "claims.account_column_missing";
    ACCOUNT_SPACES = "claims.account_spaces";
    ACCOUNT_OTHER_NAME = "claims.account_other_name";
    CHARACTER_PRIVATE = "claims.character_private";
    IDENTITY_OLD_FORM = "claims.identity_old_form";
    SAME_PERSON = "claims.same_person";
    PAYEE_DIFFERS = "claims.payee_differs";
    BANK_CODE = "claims.bank_code";
    CARD_CHECKSUM = "claims.card_checksum";
    TELEPHONE = "claims.telephone";
    DOCUMENT_TYPE_UNKNOWN = "claims.document_type_unknown";
    DOCUMENT_TYPE_ASSUMED = "claims.document_type_assumed";
    AMOUNT_NOISE = "claims.amount_noise";
    COLUMN_UNKNOWN = "claims.column_unknown";
    TOTAL_ROW = "claims.total_row";
    OTHER_SHEETS = "claims.other_sheets";
}
