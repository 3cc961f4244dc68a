//! Which row showed a value first, for millions of rows in little memory.

/// A hash table from a 64-bit fingerprint to the row that showed it first, and to a short tag of that row.
///
/// The standard map doubles when it is full and may be half empty after; with three of them a row would cost more than
/// the 120 bytes it may. This one grows by half: at most 30 bytes an entry, 20 more while it moves.
#[derive(Debug, Default)]
pub(super) struct FirstSeen {
    slots: Vec<Slot>,
    used: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    /// 0 is an empty slot; a fingerprint of 0 is stored as 1.
    fingerprint: u64,
    first: First,
}

/// The row that showed a value first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct First {
    pub(super) row: u32,
    /// What the caller wants to compare: part of the fingerprint of a name.
    pub(super) tag: u32,
}

const SLOTS_AT_FIRST: usize = 1_024;

impl FirstSeen {
    /// The row that showed this fingerprint before, or `None` after noting this one as the first.
    pub(super) fn note(&mut self, fingerprint: u64, first: First) -> Option<First> {
        if self.used * 5 >= self.slots.len() * 4 {
            self.grow();
        }
        let fingerprint = fingerprint.max(1);
        let slot = &mut self.slots;
        let mut place = home(fingerprint, slot.len());
        loop {
            if slot[place].fingerprint == fingerprint {
                return Some(slot[place].first);
            }
            if slot[place].fingerprint == 0 {
                slot[place] = Slot { fingerprint, first };
                self.used += 1;
                return None;
            }
            place = if place + 1 == slot.len() { 0 } else { place + 1 };
        }
    }

    fn grow(&mut self) {
        let size = (self.slots.len() + self.slots.len() / 2).max(SLOTS_AT_FIRST);
        let mut slots = vec![Slot::default(); size];
        for slot in self.slots.iter().filter(|slot| slot.fingerprint != 0) {
            let mut place = home(slot.fingerprint, size);
            while slots[place].fingerprint != 0 {
                place = if place + 1 == size { 0 } else { place + 1 };
            }
            slots[place] = *slot;
        }
        self.slots = slots;
    }

    #[cfg(test)]
    fn bytes(&self) -> usize {
        self.slots.capacity() * size_of::<Slot>()
    }
}

/// The slot where a fingerprint belongs: its share of the range, so that any number of slots serves.
fn home(fingerprint: u64, slots: usize) -> usize {
    ((u128::from(fingerprint) * slots as u128) >> 64) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn does_what_a_map_does(keys in proptest::collection::vec(0_u64..3_000, 0..6_000), spread: bool) {
            let mut map = std::collections::HashMap::new();
            let mut table = FirstSeen::default();
            for (row, key) in keys.into_iter().enumerate() {
                let first = First { row: row as u32, tag: 7 };
                let key = if spread { key.wrapping_mul(0x9e37_79b9_7f4a_7c15) } else { key };
                let expected = map.get(&key.max(1)).copied();
                map.entry(key.max(1)).or_insert(first);
                prop_assert_eq!(table.note(key, first), expected);
            }
        }
    }

    #[test]
    fn three_tables_keep_within_120_bytes_a_row() {
        let mut table = FirstSeen::default();
        let mut before = 0;
        for row in 0..200_000_u32 {
            table.note(u64::from(row).wrapping_mul(0x9e37_79b9_7f4a_7c15), First { row, tag: 0 });
            let grown = table.bytes() != before;
            let moving = if grown { before } else { 0 };
            before = table.bytes();
            // Small tables are below any limit worth naming.
            if row > 10_000 {
                assert!((3 * before + moving) / (row as usize + 1) <= 120, "at row {row}");
            }
        }
    }
}
