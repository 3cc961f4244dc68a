//! The elements that are read, by name.

/// Folds a name into a number by which a `match` finds it in a few steps.
const fn key(name: &[u8]) -> u64 {
    // FNV-1a; two names that fold alike would be an unreachable arm, which the compiler reports.
    let mut key = 0xcbf2_9ce4_8422_2325_u64;
    let mut place = 0;
    while place < name.len() {
        key = (key ^ name[place] as u64).wrapping_mul(0x100_0000_01b3);
        place += 1;
    }
    key
}

macro_rules! tags {
    ($($name:ident)*) => {
        /// An element by its name without prefix. `Other` is every element that is not read.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(clippy::upper_case_acronyms, reason = "named as the elements")]
        pub(super) enum Tag { $($name,)* Other }

        impl Tag {
            /// The element of a name.
            #[allow(non_upper_case_globals, reason = "the constants are named as the elements")]
            pub(super) fn of(name: &str) -> Self {
                $(const $name: u64 = key(stringify!($name).as_bytes());)*
                let (tag, known) = match key(name.as_bytes()) {
                    $($name => (Self::$name, stringify!($name)),)*
                    _ => return Self::Other,
                };
                if name == known { tag } else { Self::Other }
            }
        }
    };
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
