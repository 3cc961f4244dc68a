//! Where time and randomness come from: nothing else in ankuan reads the clock or the system's random numbers.

use jiff::{
    Timestamp,
    civil::Date,
    tz::{Offset, TimeZone},
};
use ring::{
    digest,
    rand::{SecureRandom, SystemRandom},
};
use thiserror::Error;

/// China's time, exact since 1991-09-15, when the last summer time ended (tz database, zone `Asia/Shanghai`). An
/// offset and not the zone's name, so that a bare machine without a tz database reckons the same dates.
const SHANGHAI: Offset = Offset::constant(8);

/// The time of day: the system's, or one that stands still.
#[derive(Clone, Copy, Debug)]
pub struct Clock(Option<Timestamp>);

impl Clock {
    /// The system's clock.
    #[must_use]
    pub const fn system() -> Self {
        Self(None)
    }

    /// A clock that always shows `timestamp`: for tests, and to do over what was done then.
    #[must_use]
    pub const fn fixed(timestamp: Timestamp) -> Self {
        Self(Some(timestamp))
    }

    /// The instant, cut to whole microseconds: PostgreSQL drops the nanoseconds, and a hash over them would not
    /// verify when read back.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
        let now = self.0.unwrap_or_else(Timestamp::now);
        // Never refused: the same second, with less of its fraction.
        Timestamp::new(now.as_second(), now.subsec_nanosecond() / 1_000 * 1_000).unwrap_or(now)
    }

    /// The civil date in China (Asia/Shanghai): the accounting date of what is posted now.
    #[must_use]
    pub fn today_in_shanghai(&self) -> Date {
        day_in_shanghai(self.now())
    }
}

/// The civil date in China of an instant.
#[must_use]
pub fn day_in_shanghai(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::fixed(SHANGHAI)).date()
}

/// An instant (µs) as people in China read it, to the second.
#[must_use]
pub fn shown_in_shanghai(at: i64) -> String {
    // What is no instant was written by nobody; it is shown as the number it is.
    Timestamp::from_microsecond(at).map_or_else(
        |_| at.to_string(),
        |at| at.to_zoned(TimeZone::fixed(SHANGHAI)).strftime("%Y-%m-%d %H:%M:%S").to_string(),
    )
}

/// How long something takes: for figures and the log, never for what is recorded.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(std::time::Instant);

impl Stopwatch {
    /// Begins now.
    #[must_use]
    pub fn start() -> Self {
        Self(std::time::Instant::now())
    }

    /// Microseconds since it began.
    #[must_use]
    pub fn micros(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

/// Random bytes: the system's, or a sequence that a seed determines.
#[derive(Clone, Debug)]
pub struct Randomness(Source);

#[derive(Clone)]
enum Source {
    System(SystemRandom),
    Seeded { seed: u64, blocks_drawn: u64 },
}

// What comes next must not be readable in a log.
impl std::fmt::Debug for Source {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::System(_) => "System",
            Self::Seeded { .. } => "Seeded",
        })
    }
}

/// The system gave no random bytes. Nothing that needs a key or a salt can go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the system gives no random bytes")]
pub struct NoRandomness;

impl Randomness {
    /// The operating system's generator: for keys and salts.
    #[must_use]
    pub fn system() -> Self {
        Self(Source::System(SystemRandom::new()))
    }

    /// The same bytes for the same seed and the same calls: for tests and made-up data, never for keys or salts.
    #[must_use]
    pub const fn seeded(seed: u64) -> Self {
        Self(Source::Seeded { seed, blocks_drawn: 0 })
    }

    /// The next `N` bytes.
    ///
    /// # Errors
    /// [`NoRandomness`] when the system refuses; never from a seed.
    pub fn bytes<const N: usize>(&mut self) -> Result<[u8; N], NoRandomness> {
        let mut bytes = [0; N];
        match &mut self.0 {
            Source::System(system) => system.fill(&mut bytes).map_err(|_| NoRandomness)?,
            Source::Seeded { seed, blocks_drawn } => {
                for chunk in bytes.chunks_mut(digest::SHA256_OUTPUT_LEN) {
                    let mut input = [0; 16];
                    input[..8].copy_from_slice(&seed.to_le_bytes());
                    input[8..].copy_from_slice(&blocks_drawn.to_le_bytes());
                    *blocks_drawn = blocks_drawn.wrapping_add(1);
                    let block = digest::digest(&digest::SHA256, &input);
                    chunk.copy_from_slice(&block.as_ref()[..chunk.len()]);
                }
            }
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn at(text: &str) -> Clock {
        Clock::fixed(text.parse().unwrap())
    }

    #[test]
    fn time_is_cut_to_microseconds() {
        assert_eq!(at("2026-01-01T00:00:00.123456789Z").now().to_string(), "2026-01-01T00:00:00.123456Z");
        let system = Clock::system().now();
        assert_eq!(Timestamp::from_microsecond(system.as_microsecond()).unwrap(), system);
        for extreme in [Timestamp::MIN, Timestamp::MAX] {
            assert_eq!(Clock::fixed(extreme).now().as_microsecond(), extreme.as_microsecond());
            assert_eq!(Clock::fixed(extreme).now().subsec_nanosecond() % 1_000, 0);
        }
    }

    #[test]
    fn the_date_changes_at_midnight_in_china() {
        assert_eq!(at("2021-07-18T15:59:59.999999Z").today_in_shanghai(), date(2021, 7, 18));
        assert_eq!(at("2021-07-18T16:00:00Z").today_in_shanghai(), date(2021, 7, 19));
    }

    #[test]
    fn a_seed_determines_the_bytes() {
        let mut first = Randomness::seeded(7);
        let mut second = Randomness::seeded(7);
        let drawn: [u8; 70] = first.bytes().unwrap();
        assert_eq!(drawn, second.bytes::<70>().unwrap());
        assert_ne!(drawn[..32], drawn[32..64], "each block is another");
        assert_ne!(first.bytes::<32>().unwrap(), drawn[..32], "a second call goes on");
        assert_ne!(drawn, Randomness::seeded(8).bytes::<70>().unwrap());
    }

    #[test]
    fn the_system_gives_new_bytes_each_time() {
        let mut system = Randomness::system();
        assert_ne!(system.bytes::<32>().unwrap(), system.bytes::<32>().unwrap());
    }
}
