//! The elements that are read, by name.

/// Places in the table of names: a power of two, so many more than names that a look-up rarely takes a second step.
const PLACES: usize = 512;

/// Where the search for a name begins. Every second token is looked up, so a step a byte must do.
const fn place(name: &[u8]) -> usize {
    let mut folded = name.len() as u64;
    let mut next = 0;
    while next < name.len() {
        folded = folded.rotate_left(7) ^ name[next] as u64;
        next += 1;
    }
    (folded.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 55) as usize % PLACES
}

/// The number of the name that has a place, [`Tag::Other`]'s for none.
const fn table(names: &[&str]) -> [u8; PLACES] {
    assert!(names.len() < 256 && names.len() < PLACES / 2);
    let mut table = [names.len() as u8; PLACES];
    let mut number = 0;
    while number < names.len() {
        let mut at = place(names[number].as_bytes());
        while table[at] as usize != names.len() {
            at = (at + 1) % PLACES;
        }
        table[at] = number as u8;
        number += 1;
    }
    table
}

macro_rules! tags {
    ($($name:ident)*) => {
        /// An element by its name without prefix. `Other` is every element that is not read.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(clippy::upper_case_acronyms, reason = "named as the elements")]
        pub(super) enum Tag { $($name,)* Other }

        const TAGS: &[Tag] = &[$(Tag::$name),*];
        const NAMES: &[&str] = &[$(stringify!($name)),*];
    };
}

impl Tag {
    /// The element of a name.
    pub(super) fn of(name: &[u8]) -> Self {
        static TABLE: [u8; PLACES] = table(NAMES);
        let mut at = place(name);
        loop {
            let number = usize::from(TABLE[at]);
            match NAMES.get(number) {
                None => return Self::Other,
                Some(known) if known.as_bytes() == name => return TAGS[number],
                Some(_) => at = (at + 1) % PLACES,
            }
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
    fn every_name_is_found_and_no_other() {
        for (tag, name) in TAGS.iter().zip(NAMES) {
            assert_eq!(Tag::of(name.as_bytes()), *tag);
            assert_eq!(Tag::of(format!("{name}x").as_bytes()), Tag::Other);
            assert_eq!(Tag::of(name.to_lowercase().as_bytes()), Tag::Other);
        }
        assert_eq!(Tag::of(b""), Tag::Other);
        assert_eq!(Tag::of("金额".as_bytes()), Tag::Other);
    }
}
