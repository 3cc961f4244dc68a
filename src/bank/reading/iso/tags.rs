//! The elements that are read, by name.

/// Places in the table of names: a power of two, so many more than names that a look-up rarely takes a second step.
const PLACES: usize = 512;

/// A name as numbers, which are compared faster than texts: its first and its last bytes, which overlap or meet in names
/// of up to sixteen, and its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key {
    first: u64,
    last: u64,
    length: usize,
}

/// Names that a [`Key`] tells in full.
const TOLD_IN_FULL: usize = 16;

const fn key(name: &[u8]) -> Key {
    let (first, last) = if let (Some(first), Some(last)) = (name.first_chunk(), name.last_chunk()) {
        (u64::from_le_bytes(*first), u64::from_le_bytes(*last))
    } else if let (Some(first), Some(last)) = (name.first_chunk(), name.last_chunk()) {
        (u32::from_le_bytes(*first) as u64, u32::from_le_bytes(*last) as u64)
    } else if let (Some(first), Some(last)) = (name.first_chunk(), name.last_chunk()) {
        (u16::from_le_bytes(*first) as u64, u16::from_le_bytes(*last) as u64)
    } else if let [only] = name {
        (*only as u64, 0)
    } else {
        (0, 0)
    };
    Key { first, last, length: name.len() }
}

/// Where the search for a name begins.
const fn place(key: Key) -> usize {
    let folded = key.first ^ key.last.rotate_left(29) ^ key.length as u64;
    (folded.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 55) as usize % PLACES
}

const fn keys<const N: usize>(names: &[&str; N]) -> [Key; N] {
    let mut keys = [key(b""); N];
    let mut number = 0;
    while number < N {
        keys[number] = key(names[number].as_bytes());
        number += 1;
    }
    keys
}

/// The number of the name that has a place; that of no name where none has it.
const fn table<const N: usize>(keys: &[Key; N]) -> [u8; PLACES] {
    assert!(N < 256);
    let mut table = [N as u8; PLACES];
    let mut number = 0;
    while number < N {
        let mut at = place(keys[number]);
        while table[at] as usize != N {
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

        const TAGS: [Tag; [$(stringify!($name)),*].len()] = [$(Tag::$name),*];
        const NAMES: [&str; TAGS.len()] = [$(stringify!($name)),*];
    };
}

impl Tag {
    /// The element of a name.
    #[inline]
    pub(super) fn of(name: &[u8]) -> Self {
        static KEYS: [Key; NAMES.len()] = keys(&NAMES);
        static TABLE: [u8; PLACES] = table(&KEYS);
        let key = key(name);
        let mut at = place(key);
        loop {
            let number = usize::from(TABLE[at]);
            match KEYS.get(number) {
                None => return Self::Other,
                Some(known) if *known == key && (name.len() <= TOLD_IN_FULL || NAMES[number].as_bytes() == name) => {
                    return TAGS[number];
                }
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
            let middle = name.len() / 2;
            let other = format!("{}_{}", &name[..middle], &name[middle + 1..]);
            assert_eq!(Tag::of(other.as_bytes()), Tag::Other);
        }
        assert_eq!(Tag::of(b""), Tag::Other);
        assert_eq!(Tag::of("金额".as_bytes()), Tag::Other);
    }
}
