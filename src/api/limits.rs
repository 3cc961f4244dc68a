//! How much may be asked: a bucket of tokens for each caller, and for each address that proves nothing. In memory: after
//! a start everybody has a full one.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

/// Who is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Counted {
    /// A person in a browser.
    Person {
        /// Court.
        court_id: i64,
        /// Person.
        person_id: i64,
    },
    /// A key of a program.
    Key {
        /// Court.
        court_id: i64,
        /// Key.
        key_id: i64,
    },
    /// Somebody who proves nothing, by address.
    Address(Option<IpAddr>),
    /// Whoever signs in or enrols, by address.
    SignIn(Option<IpAddr>),
    /// All who sign in or enrol.
    SignIns,
    /// Whoever comes when no more buckets are kept.
    Rest,
}

/// A bucket: how many requests at once, and how many more come each second.
#[derive(Clone, Copy, Debug)]
struct Size {
    burst: i64,
    a_second: i64,
}

/// A program that reads a run of 170,000 lines by pages of 100 asks 1,700 times.
const CALLER: Size = Size { burst: 2_000, a_second: 50 };

/// Enough for an office behind one address whose sessions have ended; too few to keep the database busy. That keys cannot
/// be tried out is by their 256 bits.
const ADDRESS: Size = Size { burst: 600, a_second: 10 };

/// The people of a court may come from one address, behind one proxy, at half past eight; more than one a second for long
/// is no court.
const SIGN_IN: Size = Size { burst: 60, a_second: 1 };

/// Each sign-in hashes a password, of which two a time are hashed in some tens of milliseconds: ten a second leave most of
/// the machine to those who work.
const SIGN_INS: Size = Size { burst: 200, a_second: 10 };

/// Buckets that are kept; beyond it those go that are full again.
const KEPT_MAX: usize = 10_000;

/// A token in millionths, so that time is reckoned to the microsecond without fractions.
const TOKEN: i64 = 1_000_000;

#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// Millionths of a token.
    level: i64,
    /// Microseconds.
    at: i64,
}

impl Bucket {
    fn filled(self, size: Size, now: i64) -> i64 {
        let passed = now.saturating_sub(self.at).max(0);
        self.level.saturating_add(passed.saturating_mul(size.a_second)).min(size.burst * TOKEN)
    }
}

/// All buckets.
#[derive(Debug, Default)]
pub struct Limits(Mutex<HashMap<Counted, Bucket>>);

impl Limits {
    /// Takes a token.
    ///
    /// # Errors
    /// The seconds after which there is one.
    pub fn take(&self, who: Counted, now: Timestamp) -> Result<(), u64> {
        let (size, now) = (size_of(who), now.as_microsecond());
        // What a panicking thread left is a count all the same.
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= KEPT_MAX && !buckets.contains_key(&who) {
            buckets.retain(|known, bucket| {
                let size = size_of(*known);
                bucket.filled(size, now) < size.burst * TOKEN
            });
        }
        // Addresses cost nobody anything: who comes as one too many shares a bucket, and memory stays what it is.
        let is_kept = buckets.len() < KEPT_MAX || buckets.contains_key(&who);
        let (who, size) = if is_kept { (who, size) } else { (Counted::Rest, size_of(Counted::Rest)) };
        let bucket = buckets.entry(who).or_insert(Bucket { level: size.burst * TOKEN, at: now });
        let level = bucket.filled(size, now);
        let is_allowed = level >= TOKEN;
        *bucket = Bucket { level: if is_allowed { level - TOKEN } else { level }, at: now };
        if is_allowed { Ok(()) } else { Err(wait(size, level)) }
    }
}

const fn size_of(who: Counted) -> Size {
    match who {
        Counted::Address(_) | Counted::Rest => ADDRESS,
        Counted::SignIn(_) => SIGN_IN,
        Counted::SignIns => SIGN_INS,
        Counted::Person { .. } | Counted::Key { .. } => CALLER,
    }
}

fn wait(size: Size, level: i64) -> u64 {
    let lacking = (TOKEN - level).max(0);
    let a_second = size.a_second * TOKEN;
    u64::try_from((lacking + a_second - 1) / a_second).unwrap_or(1).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(microseconds: i64) -> Timestamp {
        Timestamp::from_microsecond(1_795_312_800_000_000 + microseconds).unwrap()
    }

    #[test]
    fn a_bucket_empties_and_fills_again() {
        let (limits, who) = (Limits::default(), Counted::Address(None));
        for _ in 0..ADDRESS.burst {
            limits.take(who, at(0)).unwrap();
        }
        assert_eq!(limits.take(who, at(0)), Err(1));
        assert_eq!(limits.take(who, at(99_999)), Err(1));
        limits.take(Counted::Address(Some([127, 0, 0, 1].into())), at(0)).unwrap();
        limits.take(who, at(100_000)).unwrap();
        assert_eq!(limits.take(who, at(100_000)), Err(1));
        // However long nobody asks, no more than the burst.
        for _ in 0..ADDRESS.burst {
            limits.take(who, at(86_400_000_000)).unwrap();
        }
        assert_eq!(limits.take(who, at(86_400_000_000)), Err(1));
    }

    #[test]
    fn memory_is_bounded_whoever_comes() {
        let limits = Limits::default();
        for number in 0..KEPT_MAX as u32 + 1_000 {
            let address = Some(std::net::Ipv4Addr::from(number).into());
            let _taken = limits.take(Counted::SignIn(address), at(0));
        }
        assert_eq!(limits.0.lock().unwrap().len(), KEPT_MAX + 1);
        assert!(limits.take(Counted::SignIn(Some([9, 9, 9, 9].into())), at(0)).is_err(), "who comes as one too many");
        limits.take(Counted::SignIn(Some([0, 0, 0, 1].into())), at(0)).unwrap();
    }

    #[test]
    fn full_buckets_are_forgotten() {
        let limits = Limits::default();
        for person_id in 0..KEPT_MAX as i64 {
            limits.take(Counted::Person { court_id: 1, person_id }, at(0)).unwrap();
        }
        limits.take(Counted::Address(None), at(1_000_000)).unwrap();
        assert_eq!(limits.0.lock().unwrap().len(), 1);
    }
}
