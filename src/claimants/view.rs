//! What one claimant sees: the arithmetic, where the money is, what happens next. Pure: the listener has only this.

use ankuan_ledger::Amount;
use serde::{Deserialize, Serialize};

use crate::Message;
use crate::payouts::distribute::{Outcome as ShareOutcome, SetAside};
use crate::payouts::explain::{Arithmetic, Explanation, percent};
use crate::payouts::sent::Standing;
use crate::replies::cause_message;

/// Everything about one claim that its claimant may know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// The court's name.
    pub court: String,
    /// The case's current number.
    pub case: String,
    /// The claim.
    pub claim_id: i64,
    /// The claimant's number in the list.
    pub claimant_no: String,
    /// Name.
    pub name: String,
    /// The loss, as it counts: the confirmed claim.
    #[serde(rename = "claim_minor")]
    pub claim: Amount,
    /// Why shares of it are set aside as it stands now.
    pub hold: Option<SetAside>,
    /// The moment of which this is true (µs).
    pub as_of: i64,
    /// Distributions in force, oldest first.
    pub rounds: Vec<Round>,
    /// What was handed to the bank, oldest first.
    pub payments: Vec<Payment>,
    /// What was kept back after a distribution had granted it.
    pub held: Vec<Held>,
    /// Where money goes now: bank and the last characters of the account.
    pub account: Account,
    /// Whether they may give another account here.
    pub may_correct: bool,
}

/// One distribution in which the claim took part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Round {
    /// Which one of the case, from 1.
    pub round_no: i64,
    /// The arithmetic, as `distribute explain` says it.
    pub explanation: Explanation,
}

/// A payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Payment {
    /// What it is.
    #[serde(rename = "amount_minor")]
    pub amount: Amount,
    /// To whose account.
    pub holder: String,
    /// At which bank and account.
    pub account: Account,
    /// The day it was handed to the bank.
    pub sent_on: String,
    /// Where it stands, as stored.
    pub standing: String,
    /// The day the bank paid it or gave it back; empty while neither is known.
    pub on: String,
    /// Why it came back, as stored.
    pub cause: String,
}

/// An account as it may be shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// Bank.
    pub bank: String,
    /// Its last four characters.
    pub last_four: String,
}

/// Money kept back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Held {
    /// How much.
    #[serde(rename = "amount_minor")]
    pub amount: Amount,
    /// Why, as stored.
    pub reason: String,
}

/// The last four characters of a number.
#[must_use]
pub fn last_four(number: &str) -> String {
    let count = number.chars().count();
    number.chars().skip(count.saturating_sub(4)).collect()
}

impl Payment {
    /// Where it stands.
    #[must_use]
    pub fn standing(&self) -> Standing {
        // An export is signed and of this program's words; another word is of a payment that nothing is known of.
        Standing::parse(&self.standing).unwrap_or(Standing::Out)
    }

    /// Where it stands, in a claimant's words.
    #[must_use]
    pub fn said(&self) -> Message {
        // What the bank only answered, and no statement has shown, has no day of its own.
        let day = if self.on.is_empty() { &self.sent_on } else { &self.on };
        let cause = cause_message(&self.cause);
        match self.standing() {
            Standing::Out => Message::new("claimants.payment_out").with("date", &self.sent_on),
            Standing::Debited => Message::new("claimants.payment_paid").with("date", day),
            Standing::Failed | Standing::Returned => {
                Message::new("claimants.payment_back").with("date", day).with_term("cause", &cause)
            }
            Standing::Reissued => Message::new("claimants.payment_again").with("date", day).with_term("cause", &cause),
        }
    }
}

/// Where a claimant's money is. `granted = paid + on_way + back + kept`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Granted by all rounds in force.
    pub granted: Amount,
    /// The bank has paid it.
    pub paid: Amount,
    /// With the bank.
    pub on_way: Amount,
    /// Came back and is not with the bank again.
    pub back: Amount,
    /// Granted and not handed to the bank: set aside, kept back, or not sent yet.
    pub kept: Amount,
    /// Shares too small to be paid by themselves, which stay for the next round.
    pub carried: Amount,
    /// Of the claim, what no round has granted.
    pub open: Amount,
}

/// The difference, never below zero: what is shown is no place to fail.
fn less(one: Amount, other: Amount) -> Amount {
    Amount::from_minor(one.minor().saturating_sub(other.minor()).max(0))
}

fn total(amounts: impl Iterator<Item = Amount>) -> Amount {
    Amount::from_minor(amounts.fold(0, |sum, amount| sum.saturating_add(amount.minor())))
}

impl Seen {
    /// Where the money is.
    #[must_use]
    pub fn figures(&self) -> Figures {
        let shares = || self.rounds.iter().map(|round| &round.explanation.share);
        let granted = total(shares().map(|share| share.adds_to_paid_before()));
        // What was carried stands in the next pot: only the last round's is still there.
        let carried = shares().next_back().filter(|share| share.outcome == ShareOutcome::Carried);
        let sum = |wanted: &[Standing]| {
            total(self.payments.iter().filter(|one| wanted.contains(&one.standing())).map(|one| one.amount))
        };
        let paid = sum(&[Standing::Debited]);
        let on_way = sum(&[Standing::Out]);
        let back = sum(&[Standing::Failed, Standing::Returned]);
        let gone = total([paid, on_way, back].into_iter());
        Figures {
            granted,
            paid,
            on_way,
            back,
            kept: less(granted, gone),
            carried: carried.map_or(Amount::ZERO, |share| share.granted),
            open: less(self.claim, granted),
        }
    }

    /// The one line that everybody looks for: loss × ratio = share, of the last round.
    #[must_use]
    pub fn share_line(&self) -> Option<Message> {
        let explanation = &self.rounds.last()?.explanation;
        let message = match &explanation.arithmetic {
            Arithmetic::Ratio { money, claims, floor, gets_extra_fen, .. } => {
                let code = if *gets_extra_fen { "claimants.share_ratio_fen" } else { "claimants.share_ratio" };
                let total = Amount::from_minor(floor.minor() + i64::from(*gets_extra_fen));
                let percent = percent(*money, *claims);
                Message::new(code).with("percent", percent).with("floor", floor).with("total", total)
            }
            Arithmetic::Full => Message::new("claimants.share_full").with("total", explanation.share.granted),
            _ => Message::new("claimants.share_other").with("total", explanation.share.granted),
        };
        Some(message.with("claim", explanation.claim))
    }

    /// What happens next, in the order in which it concerns them.
    #[must_use]
    pub fn next(&self) -> Vec<Message> {
        let figures = self.figures();
        let mut next = Vec::new();
        let mut say = |code, amount: Amount| next.push(Message::new(code).with("amount", amount));
        if self.rounds.is_empty() {
            say("claimants.next_no_round", Amount::ZERO);
        }
        if figures.back > Amount::ZERO {
            say(if self.may_correct { "claimants.next_back" } else { "claimants.next_back_at_court" }, figures.back);
        }
        if figures.on_way > Amount::ZERO {
            say("claimants.next_on_way", figures.on_way);
        }
        let held = total(self.held.iter().map(|held| held.amount));
        let set_aside = total(self.rounds.iter().filter_map(|round| {
            let share = round.explanation.share;
            matches!(share.outcome, ShareOutcome::SetAside(_)).then_some(share.granted)
        }));
        let waiting = less(less(figures.kept, held), set_aside);
        if waiting > Amount::ZERO {
            say("claimants.next_waiting", waiting);
        }
        if figures.carried > Amount::ZERO {
            say("claimants.next_carried", figures.carried);
        }
        if set_aside > Amount::ZERO {
            next.push(Message::new("claimants.next_set_aside").with("amount", set_aside));
            next.extend(self.set_aside_for().map(SetAside::message));
            if self.set_aside_for() == Some(SetAside::NoAccount) && self.may_correct {
                next.push(Message::new("claimants.next_give_account"));
            }
        }
        if held > Amount::ZERO {
            next.push(Message::new("claimants.next_held").with("amount", held));
            let mut reasons: Vec<&str> = self.held.iter().map(|held| held.reason.as_str()).collect();
            reasons.sort_unstable();
            reasons.dedup();
            next.extend(reasons.into_iter().map(held_reason));
        }
        match (self.rounds.is_empty(), figures.open > Amount::ZERO) {
            (false, true) => next.push(Message::new("claimants.next_open").with("amount", figures.open)),
            (false, false) if figures.paid == self.claim => next.push(Message::new("claimants.next_done")),
            _ => {}
        }
        next
    }

    fn set_aside_for(&self) -> Option<SetAside> {
        self.rounds.iter().rev().find_map(|round| match round.explanation.share.outcome {
            ShareOutcome::SetAside(reason) => Some(reason),
            _ => None,
        })
    }
}

/// Why money was kept back, in a claimant's words.
fn held_reason(reason: &str) -> Message {
    match (SetAside::from_code(reason), reason) {
        (Some(reason), _) => reason.message(),
        (None, "payee_frozen") => Message::new("claimants.held_frozen"),
        (None, _) => Message::new("claimants.held_case"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Language;
    use crate::payouts::distribute::{ClaimInput, Plan, Rule, distribute};
    use crate::payouts::explain::explain;

    fn amount(minor: i64) -> Amount {
        Amount::from_minor(minor)
    }

    /// The first of three claims of 600, 600 and 200, in a pot of `pot`.
    fn seen(pot: i64, hold: Option<SetAside>) -> Seen {
        let input = |claim_id, claim| ClaimInput {
            claim_id,
            claim: amount(claim),
            class: 1,
            fixed: None,
            paid_before: Amount::ZERO,
            hold: hold.filter(|_| claim_id == 1),
        };
        let (plan, claims) = (Plan::new(Rule::ProRata), [input(1, 600), input(2, 600), input(3, 200)]);
        let shares = distribute(&plan, amount(pot), &claims).unwrap().shares;
        let explanation = explain(&plan, amount(pot), &claims, &shares[0]).unwrap();
        Seen {
            court: "某法院".into(),
            case: "（2026）浙0106执1号".into(),
            claim_id: 1,
            claimant_no: "A1".into(),
            name: "甲".into(),
            claim: amount(600),
            hold,
            as_of: 0,
            rounds: vec![Round { round_no: 1, explanation }],
            payments: Vec::new(),
            held: Vec::new(),
            account: Account { bank: "某银行".into(), last_four: "0001".into() },
            may_correct: true,
        }
    }

    fn payment(minor: i64, standing: Standing) -> Payment {
        Payment {
            amount: amount(minor),
            holder: "甲".into(),
            account: Account::default(),
            sent_on: "2026-11-22".into(),
            standing: standing.as_str().into(),
            on: "2026-11-23".into(),
            cause: "account_closed".into(),
        }
    }

    fn codes(seen: &Seen) -> Vec<&'static str> {
        seen.next().iter().map(|message| message.code).collect()
    }

    #[test]
    fn the_figures_tie_wherever_the_money_is() {
        use Standing::{Debited, Failed, Out, Reissued, Returned};
        let table: &[(&[Standing], [i64; 4], &[&str])] = &[
            (&[], [0, 0, 0, 300], &["claimants.next_waiting", "claimants.next_open"]),
            (&[Out], [0, 300, 0, 0], &["claimants.next_on_way", "claimants.next_open"]),
            (&[Debited], [300, 0, 0, 0], &["claimants.next_open"]),
            (&[Failed], [0, 0, 300, 0], &["claimants.next_back", "claimants.next_open"]),
            (&[Returned], [0, 0, 300, 0], &["claimants.next_back", "claimants.next_open"]),
            (&[Reissued], [0, 0, 0, 300], &["claimants.next_waiting", "claimants.next_open"]),
            (&[Reissued, Out], [0, 300, 0, 0], &["claimants.next_on_way", "claimants.next_open"]),
            (&[Reissued, Debited], [300, 0, 0, 0], &["claimants.next_open"]),
        ];
        for (standings, wanted, next) in table {
            let mut seen = seen(700, None);
            seen.payments = standings.iter().map(|standing| payment(300, *standing)).collect();
            let found = seen.figures();
            let parts = [found.paid, found.on_way, found.back, found.kept].map(Amount::minor);
            assert_eq!(parts, *wanted, "{standings:?}");
            assert_eq!(parts.iter().sum::<i64>(), found.granted.minor());
            assert_eq!(found.open, amount(300));
            assert_eq!(codes(&seen), *next, "{standings:?}");
        }
    }

    #[test]
    fn what_is_set_aside_or_held_is_said_with_its_reason() {
        let without = seen(700, Some(SetAside::NoAccount));
        let expected = [
            "claimants.next_set_aside",
            "payouts.set_aside_no_account",
            "claimants.next_give_account",
            "claimants.next_open",
        ];
        assert_eq!(codes(&without), expected);
        let mut held = seen(1_400, None);
        held.held = vec![Held { amount: amount(600), reason: "payee_frozen".into() }];
        assert_eq!(codes(&held), ["claimants.next_held", "claimants.held_frozen"]);
        let mut done = seen(1_400, None);
        done.payments = vec![payment(600, Standing::Debited)];
        assert_eq!(codes(&done), ["claimants.next_done"]);
        done.rounds.clear();
        done.payments.clear();
        assert_eq!(codes(&done), ["claimants.next_no_round"]);
    }

    #[test]
    fn the_line_says_loss_ratio_and_share() {
        // 600 × 701 ÷ 1,400 = 300.43: cut to 300, and of the two fen left over none, for others have more.
        let line = seen(701, None).share_line().unwrap();
        let text = line.text(Language::Zh);
        assert!(text.contains("6.00") && text.contains("50.07142857…%") && text.contains("3.0"), "{text}");
    }

    #[test]
    fn what_is_seen_survives_its_file() {
        let mut seen = seen(701, Some(SetAside::Disputed));
        seen.payments = vec![payment(300, Standing::Returned)];
        let text = serde_json::to_string(&seen).unwrap();
        assert_eq!(serde_json::from_str::<Seen>(&text).unwrap(), seen);
    }
}
