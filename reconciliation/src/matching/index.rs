//! What finds things: a fast hasher, texts by hash, and rows in order of amount and day.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};

use super::input::NONE;

/// Multiplies to twice the width and folds, eight bytes at a time: fast, every bit of the input moves every bit of the
/// result, and the same in every run. Who could choose texts that collide would have to be paid or to pay by the hundred
/// thousand.
#[derive(Clone, Copy, Default)]
pub(super) struct FixedHasher(u64);

pub(super) type Fixed = BuildHasherDefault<FixedHasher>;

impl FixedHasher {
    #[inline]
    const fn add(&mut self, word: u64) {
        let product = (self.0.rotate_left(23) ^ word ^ 0x9e37_79b9_7f4a_7c15) as u128 * 0xf135_7aea_2e62_a9c5;
        self.0 = product as u64 ^ (product >> 64) as u64;
    }
}

impl Hasher for FixedHasher {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.add(u64::from_le_bytes(*word));
        }
        // Byte by byte: copying so few through memory costs more than all the rest.
        let last = rest.iter().fold(0, |last, byte| last << 8 | u64::from(*byte));
        self.add(last ^ (bytes.len() as u64) << 56);
    }

    #[inline]
    fn write_u8(&mut self, byte: u8) {
        // Mostly the end of a text, which has its length mixed in.
        self.0 ^= u64::from(byte);
    }

    #[inline]
    fn write_u32(&mut self, word: u32) {
        self.add(u64::from(word));
    }

    #[inline]
    fn write_i64(&mut self, word: i64) {
        self.add(word.cast_unsigned());
    }

    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }
}

/// Rows by a key that several may have; a key's rows come in the order in which they were given.
pub(super) struct Groups<K> {
    first: HashMap<K, u32, Fixed>,
    /// For each row the next of the same key.
    next: Vec<u32>,
}

impl<K: Copy + Eq + Hash> Groups<K> {
    /// Of row numbers and their keys, in descending order of the rows; `rows` is above every number.
    pub fn new(rows: usize, keys: impl Iterator<Item = (u32, K)>) -> Self {
        let mut first = HashMap::with_capacity_and_hasher(keys.size_hint().1.unwrap_or(0), Fixed::default());
        let mut next = Vec::new();
        for (row, key) in keys {
            if let Some(later) = first.insert(key, row) {
                // Only where a key comes twice, which is rare, is there anything to chain.
                if next.is_empty() {
                    next = vec![NONE; rows];
                }
                next[row as usize] = later;
            }
        }
        Self { first, next }
    }

    pub fn get(&self, key: K) -> impl Iterator<Item = u32> {
        std::iter::successors(self.first.get(&key).copied(), |row| self.next.get(*row as usize).copied())
            .take_while(|row| *row != NONE)
    }
}

/// Rows sorted by a key and a day, from which used ones are passed over without walking them again and again.
pub(super) struct Sorted<K> {
    rows: Vec<(K, i32, u32)>,
    /// From a place to the first place from there on which may still be open.
    skip: Vec<u32>,
    /// Where the rows of a key begin and end: one look instead of twenty.
    groups: HashMap<K, (u32, u32), Fixed>,
}

impl<K: Copy + Ord + Hash> Sorted<K> {
    /// Of keys, days and row numbers.
    pub fn new(rows: Vec<(K, i32, u32)>) -> Self {
        let mut sorted = Self::without_groups(rows);
        let mut start = 0;
        let groups = sorted.rows.chunk_by(|one, other| one.0 == other.0).map(|rows| {
            let group = (start, start + rows.len() as u32);
            start = group.1;
            (rows[0].0, group)
        });
        sorted.groups = groups.collect();
        sorted
    }

    fn without_groups(mut rows: Vec<(K, i32, u32)>) -> Self {
        rows.sort_unstable();
        // One place beyond the end, which is always open.
        let skip = (0..=rows.len() as u32).collect();
        Self { rows, skip, groups: HashMap::default() }
    }

    /// The open rows of a key within days, both included, in order.
    pub fn open(&mut self, key: K, from: i32, to: i32, is_open: impl Fn(u32) -> bool) -> impl Iterator<Item = u32> {
        let (start, end) = self.groups.get(&key).map_or((0, 0), |(start, end)| (*start as usize, *end as usize));
        let mut place = start + self.rows[start..end].partition_point(|(_, day, _)| *day < from);
        std::iter::from_fn(move || {
            if place < end {
                place = self.next_open(place, &is_open);
            }
            let (_, day, row) = *self.rows[..end].get(place)?;
            place += 1;
            (day <= to).then_some(row)
        })
    }

    fn next_open(&mut self, mut place: usize, is_open: &impl Fn(u32) -> bool) -> usize {
        loop {
            let further = self.skip[place] as usize;
            if further != place {
                // Halve the way for whoever comes next.
                self.skip[place] = self.skip[further];
                place = self.skip[place] as usize;
            } else if self.rows.get(place).is_some_and(|(_, _, row)| !is_open(*row)) {
                self.skip[place] = place as u32 + 1;
            } else {
                return place;
            }
        }
    }
}

/// Keys in order, to find by their beginning what a bank cut short.
pub(super) struct Beginnings<'a> {
    rows: Sorted<(i64, &'a str)>,
}

impl<'a> Beginnings<'a> {
    /// Of amounts, keys and row numbers.
    pub fn new(rows: impl Iterator<Item = (i64, &'a str, u32)>) -> Self {
        Self { rows: Sorted::without_groups(rows.map(|(amount, key, row)| ((amount, key), 0, row)).collect()) }
    }

    /// The open rows of an amount whose key begins so.
    pub fn open(&mut self, amount: i64, beginning: &str, is_open: impl Fn(u32) -> bool) -> impl Iterator<Item = u32> {
        let mut place = self.rows.rows.partition_point(|((a, key), _, _)| (*a, *key) < (amount, beginning));
        std::iter::from_fn(move || {
            place = self.rows.next_open(place, &is_open);
            let ((a, key), _, row) = *self.rows.rows.get(place)?;
            place += 1;
            (a == amount && key.starts_with(beginning)).then_some(row)
        })
    }
}
