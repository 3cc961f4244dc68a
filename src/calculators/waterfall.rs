//! Distribution by class (清偿顺序): each class in full before the next gets anything. The classes are data, in versions
//! (`waterfall.toml`), as the law about them changes. The split itself is [`distribute`]'s, to the fen.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use ankuan_ledger::Amount;
use serde::{Deserialize, Serialize};

use super::input::{Field, Row, rows};
use super::{Text, from_toml, too_large, wrong_rules};
use crate::amount::parse_yuan;
use crate::message::{Language, Message};
use crate::payouts::distribute::{ClaimInput, Plan, Rule, distribute};

/// The waterfalls that are built in.
pub const STANDARD: &str = include_str!("waterfall.toml");

/// Waterfalls by name and version.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waterfalls {
    /// In the order of the file.
    #[serde(rename = "waterfall")]
    pub all: Vec<Waterfall>,
}

/// Who is paid before whom.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waterfall {
    /// `natural_person`, `company`, `criminal`, `bankruptcy`, or a court's own.
    pub name: String,
    /// Which text of the law it follows.
    pub version: String,
    /// In words.
    pub title: Text,
    /// By which article money that is left goes back.
    pub rest: Text,
    /// From first to last.
    #[serde(rename = "class")]
    pub classes: Vec<Class>,
}

/// Claims that are paid together.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Class {
    /// As lists of claims name it.
    pub name: String,
    /// In words.
    pub title: Text,
    /// How its money is divided.
    pub within: Within,
    /// Law and article.
    pub source: Text,
}

/// How the money of a class is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Within {
    /// All claims at one ratio.
    ProRata,
    /// Claims of an earlier order first (the freezing, the registration); of one order, at one ratio.
    ByOrder,
}

impl Within {
    /// In words.
    #[must_use]
    pub const fn message(self) -> Message {
        Message::new(match self {
            Self::ProRata => "calc.within_pro_rata",
            Self::ByOrder => "calc.within_by_order",
        })
    }
}

/// A claim that takes part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Its number; unique within its class, and the last tie-break.
    pub claim: String,
    /// Name of its class.
    pub class: String,
    /// Its place in the order, from 1; needed in a class that is paid by order.
    pub order: Option<u32>,
    /// Above zero.
    pub amount: Amount,
}

/// What a claim gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// The claim.
    pub claim: Claim,
    /// What it gets, between zero and its amount.
    pub share: Amount,
}

/// What a class gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassTotal<'a> {
    /// The class.
    pub class: &'a Class,
    /// How many claims it has.
    pub claims: usize,
    /// What they come to.
    pub claimed: Amount,
    /// What they get.
    pub shares: Amount,
}

/// A division: `the sum of the shares + surplus = money`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Division<'a> {
    /// The waterfall.
    pub waterfall: &'a Waterfall,
    /// The money that was divided.
    pub money: Amount,
    /// Every class, claims or none.
    pub classes: Vec<ClassTotal<'a>>,
    /// Every claim: by class, order and number.
    pub shares: Vec<Share>,
    /// What is left when every claim is paid.
    pub surplus: Amount,
}

impl Waterfalls {
    /// Reads waterfalls.
    ///
    /// # Errors
    /// `calc.file`, `calc.rules` (no class, a class or a version named twice).
    pub fn parse(text: &str) -> Result<Self, Message> {
        let waterfalls: Self = from_toml(text)?;
        for (place, waterfall) in waterfalls.all.iter().enumerate() {
            let Waterfall { name, version, classes, .. } = waterfall;
            if waterfalls.all[..place].iter().any(|other| (&other.name, &other.version) == (name, version)) {
                return Err(wrong_rules(format!("{name}@{version} × 2")));
            }
            if classes.is_empty() {
                return Err(wrong_rules(format!("{name}: class")));
            }
            let twice = |(place, class): (usize, &Class)| classes[..place].iter().any(|other| other.name == class.name);
            if classes.iter().enumerate().any(twice) {
                return Err(wrong_rules(format!("{name}: class × 2")));
            }
        }
        Ok(waterfalls)
    }

    /// The waterfall `NAME`, in its last version, or `NAME@VERSION`.
    ///
    /// # Errors
    /// `calc.waterfall_unknown`, with those that there are.
    pub fn find(&self, name: &str) -> Result<&Waterfall, Message> {
        let (wanted, version) = name.split_once('@').map_or((name, None), |(name, version)| (name, Some(version)));
        let fits = |one: &&Waterfall| one.name == wanted && version.is_none_or(|version| version == one.version);
        self.all.iter().rfind(fits).ok_or_else(|| {
            let known: Vec<String> = self.all.iter().map(|one| format!("{}@{}", one.name, one.version)).collect();
            Message::new("calc.waterfall_unknown").with("name", name.escape_debug()).with("known", known.join(", "))
        })
    }
}

/// The waterfalls that are built in; a test reads them.
static BUILT_IN: LazyLock<Vec<Waterfall>> =
    LazyLock::new(|| Waterfalls::parse(STANDARD).map_or_else(|_| Vec::new(), |waterfalls| waterfalls.all));

/// A class in words, by the rules that are built in: of this waterfall, or of the first that has it. Classes of a court's
/// own rules are called as the court calls them.
#[must_use]
pub fn class_text(waterfall: Option<&str>, class: &str, language: Language) -> String {
    let of = waterfall.map(|name| name.split_once('@').map_or(name, |(name, _)| name));
    let mut classes = BUILT_IN.iter().filter(|one| of.is_none_or(|name| one.name == name)).flat_map(|one| &one.classes);
    let found = classes.find(|one| one.name == class);
    found.map_or_else(|| class.to_owned(), |one| one.title.text(language).to_owned())
}

/// A waterfall in words, likewise.
#[must_use]
pub fn waterfall_text(waterfall: &str, language: Language) -> String {
    let name = waterfall.split_once('@').map_or(waterfall, |(name, _)| name);
    let found = BUILT_IN.iter().rfind(|one| one.name == name);
    found.map_or_else(|| waterfall.to_owned(), |one| one.title.text(language).to_owned())
}

/// Reads claims: a table or a JSON list with claim (债权编号), class (类别), amount (债权金额) and, where one pays by order,
/// order (顺序).
///
/// # Errors
/// `calc.table…` (what cannot be read as rows), `calc.cell` with the row and why.
pub fn read_claims(bytes: &[u8]) -> Result<Vec<Claim>, Message> {
    const FIELDS: [Field; 4] = [
        Field { name: "claim", headings: &["债权编号", "编号"], is_required: true },
        Field { name: "class", headings: &["类别", "顺位"], is_required: true },
        Field { name: "order", headings: &["顺序", "冻结顺序"], is_required: false },
        Field { name: "amount", headings: &["债权金额", "金额"], is_required: true },
    ];
    let claim = |row: &Row| {
        let amount = parse_yuan(row.cell("amount")).map_err(|why| row.refuse("amount", &why))?;
        let order = match row.cell("order") {
            "" => None,
            text => Some(
                text.parse()
                    .map_err(|_| row.refuse("order", &Message::new("calc.order").with("text", text.escape_debug())))?,
            ),
        };
        Ok(Claim { claim: row.cell("claim").to_owned(), class: row.cell("class").to_owned(), order, amount })
    };
    rows(bytes, &FIELDS)?.iter().map(claim).collect()
}

/// Divides money among claims. The result does not depend on the order of the claims.
///
/// # Errors
/// `calc.claim_not_positive`, `calc.class_unknown`, `calc.order_missing`, `calc.claim_twice`, `calc.too_large`, and what
/// [`distribute`] refuses (`payouts.…`).
pub fn divide<'a>(waterfall: &'a Waterfall, money: Amount, claims: &[Claim]) -> Result<Division<'a>, Message> {
    let mut sorted = Vec::with_capacity(claims.len());
    for claim in claims {
        if claim.amount <= Amount::ZERO {
            return Err(Message::new("calc.claim_not_positive")
                .with("claim", &claim.claim)
                .with("amount", claim.amount));
        }
        let Some(place) = waterfall.classes.iter().position(|class| class.name == claim.class) else {
            let known: Vec<&str> = waterfall.classes.iter().map(|class| class.name.as_str()).collect();
            let message = Message::new("calc.class_unknown").with("claim", &claim.claim).with("class", &claim.class);
            return Err(message.with("known", known.join(", ")));
        };
        let order = match waterfall.classes[place].within {
            Within::ProRata => 0,
            Within::ByOrder => {
                claim.order.ok_or_else(|| Message::new("calc.order_missing").with("claim", &claim.claim))?
            }
        };
        sorted.push((place, order, claim));
    }
    sorted.sort_by_key(|(place, order, claim)| (*place, *order, claim.claim.as_str()));
    let mut seen = BTreeMap::new();
    for (place, _, claim) in &sorted {
        if seen.insert((*place, claim.claim.as_str()), ()).is_some() {
            return Err(Message::new("calc.claim_twice").with("claim", &claim.claim));
        }
    }
    // Each order of each class is a rank; the place in the sorted list is the tie-break.
    let ranks: Vec<(usize, u32)> = sorted.iter().map(|(place, order, _)| (*place, *order)).collect();
    let amounts: Vec<Amount> = sorted.iter().map(|(.., claim)| claim.amount).collect();
    let (granted, surplus) = divide_ranked(money, &ranks, &amounts)?;
    let mut classes: Vec<ClassTotal<'a>> = waterfall
        .classes
        .iter()
        .map(|class| ClassTotal { class, claims: 0, claimed: Amount::ZERO, shares: Amount::ZERO })
        .collect();
    let mut shares = Vec::with_capacity(sorted.len());
    for ((place, _, claim), share) in sorted.into_iter().zip(granted) {
        let total = &mut classes[place];
        total.claims += 1;
        total.claimed = total.claimed.plus(claim.amount).ok_or_else(too_large)?;
        total.shares = total.shares.plus(share).ok_or_else(too_large)?;
        shares.push(Share { claim: claim.clone(), share });
    }
    Ok(Division { waterfall, money, classes, shares, surplus })
}

/// Divides money among amounts: equal neighbours in `ranks` are paid pro rata, earlier ranks before later ones. Gives the
/// shares in the same order, and what is left.
pub(super) fn divide_ranked<R: PartialEq>(
    money: Amount,
    ranks: &[R],
    amounts: &[Amount],
) -> Result<(Vec<Amount>, Amount), Message> {
    let mut class = 0;
    let mut inputs = Vec::with_capacity(amounts.len());
    for (place, (claim_id, claim)) in (0..).zip(amounts).enumerate() {
        if place > 0 && ranks[place] != ranks[place - 1] {
            class += 1;
        }
        inputs.push(ClaimInput { claim_id, claim: *claim, class, fixed: None, paid_before: Amount::ZERO, hold: None });
    }
    let done = distribute(&Plan::new(Rule::Ranked), money, &inputs).map_err(|refusal| refusal.message())?;
    Ok((done.shares.iter().map(|share| share.granted).collect(), done.proof.surplus))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn standard() -> Waterfalls {
        Waterfalls::parse(STANDARD).unwrap()
    }

    fn claim(claim: &str, class: &str, order: Option<u32>, amount: &str) -> Claim {
        Claim { claim: claim.into(), class: class.into(), order, amount: parse_yuan(amount).unwrap() }
    }

    fn shares(waterfall: &str, money: &str, claims: &[Claim]) -> Vec<(String, String)> {
        let standard = standard();
        let division = divide(standard.find(waterfall).unwrap(), parse_yuan(money).unwrap(), claims).unwrap();
        division.shares.into_iter().map(|share| (share.claim.claim, share.share.to_string())).collect()
    }

    fn got(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(claim, share)| ((*claim).to_owned(), (*share).to_owned())).collect()
    }

    #[test]
    fn natural_persons_costs_then_preferred_then_pro_rata() {
        let claims = [
            claim("丙", "ordinary", None, "200"),
            claim("乙", "ordinary", None, "600"),
            claim("甲", "ordinary", None, "600"),
            claim("抵押", "preferred", Some(1), "100"),
            claim("评估", "costs", None, "5"),
        ];
        // 115 − 5 − 100 = 10 over 1,400.
        assert_eq!(
            shares("natural_person", "115.00", &claims),
            got(&[("评估", "5.00"), ("抵押", "100.00"), ("丙", "1.43"), ("乙", "4.29"), ("甲", "4.28")])
        );
    }

    #[test]
    fn companies_by_the_order_of_freezing() {
        let claims = [
            claim("C", "ordinary", Some(3), "100"),
            claim("B2", "ordinary", Some(2), "100"),
            claim("B1", "ordinary", Some(2), "200"),
            claim("A", "ordinary", Some(1), "100"),
        ];
        assert_eq!(
            shares("company", "130", &claims),
            got(&[("A", "100.00"), ("B1", "20.00"), ("B2", "10.00"), ("C", "0.00")])
        );
        let standard = standard();
        let company = standard.find("company").unwrap();
        let refused = divide(company, Amount::from_minor(1), &[claim("A", "ordinary", None, "1")]).unwrap_err();
        assert_eq!(refused.code, "calc.order_missing");
    }

    #[test]
    fn criminal_property_medical_costs_first_and_confiscation_last() {
        let claims = [
            claim("没收", "confiscation", None, "1000"),
            claim("罚金", "fine", None, "50"),
            claim("货款", "civil", None, "20"),
            claim("被害人1", "restitution", None, "300"),
            claim("被害人2", "restitution", None, "100"),
            claim("抵押", "preferred", Some(1), "30"),
            claim("医疗", "medical", None, "10"),
        ];
        assert_eq!(
            shares("criminal", "240", &claims),
            got(&[
                ("医疗", "10.00"),
                ("抵押", "30.00"),
                ("被害人1", "150.00"),
                ("被害人2", "50.00"),
                ("货款", "0.00"),
                ("罚金", "0.00"),
                ("没收", "0.00")
            ])
        );
    }

    #[test]
    fn bankruptcy_classes() {
        let claims = [
            claim("普通", "ordinary", None, "1000"),
            claim("税", "insurance_and_tax", None, "200"),
            claim("工资", "wages", None, "100"),
            claim("管理人", "bankruptcy_costs", None, "50"),
            claim("共益", "common_benefit", None, "25"),
        ];
        assert_eq!(
            shares("bankruptcy", "275", &claims),
            got(&[("管理人", "50.00"), ("共益", "25.00"), ("工资", "100.00"), ("税", "100.00"), ("普通", "0.00")])
        );
    }

    #[test]
    fn mass_payouts_on_record() {
        // Shuaige Jiaju: 15,468 people, their loss and the net proceeds. The ratio as stated, 18.42915%, leaves ¥1.98.
        let (people, loss, net) = (15_468_i64, 63_695_001_989_i64, 11_738_447_657_i64);
        assert_eq!(i128::from(net) * 10_000_000_000 / i128::from(loss), 1_842_915_031);
        let stated = i128::from(loss) * 1_842_915 / 10_000_000;
        assert_eq!(i64::try_from(stated).unwrap(), net - 198);
        // Whatever the single losses were, all of the money is given out, to the fen.
        let one = |number: i64, minor: i64| Claim {
            amount: Amount::from_minor(minor),
            ..claim(&format!("{number:05}"), "restitution", None, "1")
        };
        let mut claims: Vec<Claim> =
            (1..people).map(|number| one(number, 4_000_000 + number * 7_919 % 200_000)).collect();
        let rest = loss - claims.iter().map(|claim| claim.amount.minor()).sum::<i64>();
        claims.push(one(people, rest));
        let standard = standard();
        let division = divide(standard.find("criminal").unwrap(), Amount::from_minor(net), &claims).unwrap();
        assert_eq!(division.shares.iter().map(|share| share.share.minor()).sum::<i64>(), net);
        assert_eq!(division.surplus, Amount::ZERO);
        // Rounding each for himself can miss by half a fen a person, ¥77; no share is a whole fen off the exact one.
        let exact = |claim: i64| i128::from(claim) * i128::from(net);
        for share in &division.shares {
            let off = i128::from(share.share.minor()) * i128::from(loss) - exact(share.claim.amount.minor());
            assert!(off.abs() < i128::from(loss), "{share:?}");
        }
        // Longyan: 1.7bn over 5.7bn is 29.82%; 2% of the rows left out would make it 30.43% and move ¥34m.
        let (pot, all) = (170_000_000_000_i64, 570_000_000_000_i64);
        assert_eq!(pot * 10_000 / all, 2_982);
        assert_eq!(pot * 10_000 / (all / 100 * 98), 3_043);
        assert_eq!(pot / 100 * 2, 3_400_000_000);
        let parts = [claim("a", "restitution", None, "5586000000"), claim("b", "restitution", None, "114000000")];
        let division = divide(standard.find("criminal").unwrap(), Amount::from_minor(pot), &parts).unwrap();
        assert_eq!(division.shares[1].share.to_string(), "34,000,000.00");
    }

    #[test]
    fn a_pot_that_grows_may_take_a_fen_from_one() {
        let three = |pot: i64| {
            let claims = [
                claim("1", "ordinary", None, "6"),
                claim("2", "ordinary", None, "6"),
                claim("3", "ordinary", None, "2"),
            ];
            let standard = standard();
            let division = divide(standard.find("natural_person").unwrap(), Amount::from_minor(pot), &claims).unwrap();
            division.shares.iter().map(|share| share.share.minor()).collect::<Vec<_>>()
        };
        assert_eq!((three(10), three(11)), (vec![4, 4, 2], vec![5, 5, 1]));
    }

    #[test]
    fn versions_and_files_of_ones_own() {
        let own = format!(
            "{STANDARD}\n{}",
            STANDARD
                .split("[[waterfall]]")
                .nth(1)
                .map(|one| format!("[[waterfall]]{one}"))
                .unwrap()
                .replace("version = \"2022\"", "version = \"draft\"")
                .replacen("pro_rata", "by_order", 1)
        );
        let own = Waterfalls::parse(&own).unwrap();
        assert_eq!(own.find("natural_person").unwrap().version, "draft", "the last");
        assert_eq!(own.find("natural_person@2022").unwrap().classes[0].within, Within::ProRata);
        for name in ["person", "natural_person@2023", ""] {
            assert_eq!(own.find(name).unwrap_err().code, "calc.waterfall_unknown");
        }
        let twice = format!("{STANDARD}\n{STANDARD}");
        assert_eq!(Waterfalls::parse(&twice).unwrap_err().code, "calc.rules");
        assert_eq!(Waterfalls::parse("waterfall = []").unwrap().all.len(), 0);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let standard = standard();
        let refused = |money: &str, claims: &[Claim]| {
            divide(standard.find("natural_person").unwrap(), parse_yuan(money).unwrap(), claims).unwrap_err().code
        };
        let one = claim("1", "ordinary", None, "1");
        assert_eq!(refused("0", std::slice::from_ref(&one)), "payouts.pot_not_positive");
        assert_eq!(refused("1", &[]), "payouts.no_claims");
        assert_eq!(refused("1", &[claim("1", "ordinary", None, "0")]), "calc.claim_not_positive");
        assert_eq!(refused("1", &[claim("1", "wages", None, "1")]), "calc.class_unknown");
        assert_eq!(refused("1", &[one.clone(), one.clone()]), "calc.claim_twice");
        let large = Claim { amount: Amount::from_minor(i64::MAX), ..one.clone() };
        assert_eq!(refused("1", &[one, Claim { claim: "2".into(), ..large }]), "payouts.amounts_too_large");
        let cell = read_claims("claim,class,order,amount\nA,ordinary,x,1\n".as_bytes()).unwrap_err();
        assert_eq!(cell.code, "calc.cell");
        let read = read_claims("债权编号,类别,顺序,债权金额\nA,ordinary,2,\"1,000.00\"\n".as_bytes()).unwrap();
        assert_eq!(read, [claim("A", "ordinary", Some(2), "1,000")]);
    }

    fn claims() -> impl Strategy<Value = Vec<Claim>> {
        let one = (prop::sample::select(vec!["costs", "preferred", "ordinary"]), 1_u32..4, 1_i64..1_000_000);
        prop::collection::vec(one, 1..40).prop_map(|all| {
            (0..)
                .zip(all)
                .map(|(number, (class, order, minor))| Claim {
                    claim: format!("{number:03}"),
                    class: class.into(),
                    order: Some(order),
                    amount: Amount::from_minor(minor),
                })
                .collect()
        })
    }

    proptest! {
        #[test]
        fn every_fen_goes_somewhere_and_no_class_before_its_turn(
            claims in claims(), money in 1_i64..30_000_000, name in prop::sample::select(vec!["natural_person", "company"]),
        ) {
            let standard = standard();
            let division = divide(standard.find(name).unwrap(), Amount::from_minor(money), &claims).unwrap();
            let shared: i64 = division.shares.iter().map(|share| share.share.minor()).sum();
            prop_assert_eq!(shared + division.surplus.minor(), money);
            prop_assert!(division.shares.iter().all(|one| one.share >= Amount::ZERO && one.share <= one.claim.amount));
            let short = division.classes.iter().position(|class| class.shares < class.claimed);
            if let Some(short) = short {
                prop_assert_eq!(division.surplus, Amount::ZERO);
                prop_assert!(division.classes[short + 1..].iter().all(|class| class.shares == Amount::ZERO));
            }
        }

        #[test]
        fn the_order_of_the_list_does_not_matter(claims in claims(), money in 1_i64..30_000_000) {
            let standard = standard();
            let waterfall = standard.find("company").unwrap();
            let mut turned = claims.clone();
            turned.reverse();
            let money = Amount::from_minor(money);
            prop_assert_eq!(divide(waterfall, money, &claims), divide(waterfall, money, &turned));
        }

        #[test]
        fn more_money_takes_nothing_from_a_class(claims in claims(), money in 1_i64..30_000_000, more in 0_i64..1_000_000) {
            let standard = standard();
            let waterfall = standard.find("natural_person").unwrap();
            let totals = |money| {
                let division = divide(waterfall, Amount::from_minor(money), &claims).unwrap();
                division.classes.iter().map(|class| class.shares).collect::<Vec<_>>()
            };
            prop_assert!(totals(money).iter().zip(totals(money + more)).all(|(one, other)| *one <= other));
        }
    }
}
