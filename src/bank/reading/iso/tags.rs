//! The elements that are read, by name.

/// Folds a name into a number: its length and its first and last bytes, read as words.
const fn fold(name: &[u8]) -> u64 {
    let mixed = match (name.first_chunk::<8>(), name.last_chunk::<8>()) {
        (Some(first), Some(last)) => u64::from_le_bytes(*first) ^ u64::from_le_bytes(*last).rotate_left(23),
        _ => match (name.first_chunk::<4>(), name.last_chunk::<4>()) {
            (Some(first), Some(last)) => u32::from_le_bytes(*first) as u64 | (u32::from_le_bytes(*last) as u64) << 32,
            _ => match name {
                [] => 0,
                [first, .., last] => *first as u64 | (*last as u64) << 8,
                [only] => *only as u64,
            },
        },
    };
    (mixed ^ name.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// Places of the table, a power of two: sparse, so that most names are found or missed at the first look.
const PLACES: usize = 1024;

const fn place(name: &[u8]) -> usize {
    (fold(name) >> (u64::BITS - PLACES.trailing_zeros())) as usize
}

macro_rules! tags {
    ($($name:ident)*) => {
        /// An element by its name without prefix. `Other` is every element that is not read.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(clippy::upper_case_acronyms, reason = "named as the elements")]
        pub(super) enum Tag { $($name,)* Other }

        const NAMES: &[(&str, Tag)] = &[$((stringify!($name), Tag::$name)),*];
    };
}

/// The names by their places; one that is taken already stands in the next free one.
static TABLE: [(&str, Tag); PLACES] = {
    let mut table = [("", Tag::Other); PLACES];
    let mut number = 0;
    while number < NAMES.len() {
        let mut at = place(NAMES[number].0.as_bytes());
        while !table[at].0.is_empty() {
            at = (at + 1) % PLACES;
        }
        table[at] = NAMES[number];
        number += 1;
    }
    table
};

impl Tag {
    /// The element of a name, with or without prefix.
    pub(super) fn of(name: &[u8]) -> Self {
        match Self::known(name) {
            Self::Other => match name.iter().position(|byte| *byte == b':') {
                Some(colon) => Self::known(&name[colon + 1..]),
                None => Self::Other,
            },
            tag => tag,
        }
    }

    fn known(name: &[u8]) -> Self {
        let mut at = place(name);
        loop {
            let (known, tag) = TABLE[at];
            if known.is_empty() || known.as_bytes() == name {
                return tag;
            }
            at = (at + 1) % PLACES;
        }
    }
}

tags! {
    Acct AcctSvcrRef AddtlInf AddtlNtryInf AddtlRmtInf AddtlTxInf Agt Amt AmtDtls AppHdr
    BBAN Bal BkTxCd BookgDt Btch
    Ccy Cd CdOrPrtry CdtDbtInd CdtTrfTxInf Cdtr CdtrAcct CdtrRef CdtrRefInf CtrlSum
    Dbtr DbtrAcct Document Domn Dt DtldCtrlSum DtldNbOfTxs DtldSts
    ElctrncSeqNb EndToEndId EqvtAmt
    FinInstnId Fmly FrDt FrDtTm FrToDt
    GrpHdr GrpSts
    IBAN Id InstdAmt InstrId IntrBkSttlmAmt
    LastPgInd LglSeqNb
    MsgId MsgPgntn
    NbOfNtries NbOfTxs NbOfTxsPerSts Nm Ntfctn NtfctnPgntn Ntry NtryDtls
    OrgnlEndToEndId OrgnlGrpInfAndSts OrgnlInstrId OrgnlMsgId OrgnlPmtInfAndSts OrgnlPmtInfId OrgnlTxRef Othr
    PgNb PmtId PmtInf PmtInfId PmtInfSts Prtry PrtryAcct Pty
    Ref Refs ReqdExctnDt RltdPties RmtInf Rpt RptPgntn Rsn RtrInf RvslInd
    Stmt StmtPgntn Strd Sts StsRsnInf SubFmlyCd Sum
    ToDt ToDtTm Tp TtlCdtNtries TtlDbtNtries TtlNtries TxAmt TxDtls TxId TxInfAndSts TxSts TxsSummry
    UPIC UltmtCdtr UltmtDbtr Ustrd
    ValDt
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_element_is_found_by_its_name() {
        for (name, tag) in NAMES {
            assert_eq!(Tag::of(name.as_bytes()), *tag);
            assert_eq!(Tag::of(format!("ns2:{name}").as_bytes()), *tag);
            assert_eq!(Tag::of(format!("{name}x").as_bytes()), Tag::Other);
        }
        assert_eq!(Tag::of(b""), Tag::Other);
    }
}
