//! One part of a suite: by place, or so that all parts take about as long.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
    time::Duration,
};

/// The `index`th of `count` parts, from one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    index: usize,
    count: usize,
}

impl Shard {
    /// The `index`th of `count`; nothing unless `1 <= index <= count`.
    #[must_use]
    pub const fn new(index: usize, count: usize) -> Option<Self> {
        if index >= 1 && index <= count { Some(Self { index, count }) } else { None }
    }

    /// Which part this is, from one.
    #[must_use]
    pub const fn index(self) -> usize {
        self.index
    }

    /// How many parts there are.
    #[must_use]
    pub fn count(self) -> u32 {
        u32::try_from(self.count).unwrap_or(u32::MAX)
    }

    const fn has(self, position: usize) -> bool {
        position % self.count == self.index - 1
    }

    /// Of each id whether it is in this part. The ids are sorted, and the same for every part: together the parts have
    /// each id once. With durations the longest goes first, each to the part that has least to do so far; an id that has
    /// none is taken to be as long as the median of the others.
    pub(super) fn holds(self, ids: &[&str], durations: &BTreeMap<String, Duration>) -> Vec<bool> {
        let mut known: Vec<_> = ids.iter().filter_map(|id| durations.get(*id)).copied().collect();
        known.sort_unstable();
        let Some(median) = known.get(known.len() / 2).copied() else {
            return (0..ids.len()).map(|position| self.has(position)).collect();
        };
        let mut longest_first: Vec<_> = ids
            .iter()
            .enumerate()
            .map(|(at, id)| (Reverse(durations.get(*id).copied().unwrap_or(median)), at))
            .collect();
        longest_first.sort_unstable();
        // What a part has to do, how much of it there is, and which part: those that take no time are spread as well.
        let mut parts: BinaryHeap<_> = (1..=self.count.min(ids.len()))
            .map(|index| Reverse((Duration::ZERO, 0_usize, index)))
            .collect();
        let mut holds = vec![false; ids.len()];
        for (Reverse(duration), at) in longest_first {
            if let Some(Reverse((load, members, index))) = parts.pop() {
                holds[at] = index == self.index;
                parts.push(Reverse((load.saturating_add(duration), members + 1, index)));
            }
        }
        holds
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, time::Duration};

    use proptest::prelude::*;

    use super::Shard;

    #[test]
    fn shards_are_a_partition() {
        for count in 1..5 {
            for position in 0..20 {
                let owners = (1..=count).filter_map(|index| Shard::new(index, count));
                assert_eq!(owners.filter(|shard| shard.has(position)).count(), 1);
            }
        }
        assert_eq!(Shard::new(0, 3), None);
        assert_eq!(Shard::new(4, 3), None);
    }

    #[test]
    fn the_longest_has_a_part_of_its_own() {
        let ids = ["a", "b", "c", "d", "new"];
        let seconds = [("a", 1), ("b", 9), ("c", 1), ("d", 3)];
        let durations =
            seconds.map(|(id, seconds)| (id.to_owned(), Duration::from_secs(seconds))).into();
        let part = |index| {
            let holds = Shard::new(index, 2).unwrap().holds(&ids, &durations);
            ids.iter().zip(holds).filter(|(_, is_in)| *is_in).map(|(id, _)| *id).collect::<Vec<_>>()
        };
        assert_eq!(part(1), ["b"]);
        assert_eq!(part(2), ["a", "c", "d", "new"]);
    }

    proptest! {
        #[test]
        fn parts_of_about_one_length_are_a_partition(
            all in prop::collection::btree_map("[a-z]{1,3}", prop::option::of(0_u64..100_000), 0..60),
            count in 1_usize..9,
        ) {
            let ids: Vec<_> = all.keys().map(String::as_str).collect();
            let durations: BTreeMap<_, _> = all
                .iter()
                .filter_map(|(id, millis)| Some((id.clone(), Duration::from_millis((*millis)?))))
                .collect();
            let parts: Vec<_> = (1..=count)
                .map(|index| Shard::new(index, count).unwrap().holds(&ids, &durations))
                .collect();
            for at in 0..ids.len() {
                prop_assert_eq!(parts.iter().filter(|part| part[at]).count(), 1);
            }
            // Where every length is known, no two parts differ by more than the longest: each went to the shortest part.
            if durations.len() == ids.len() {
                let load = |part: &Vec<bool>| -> Duration {
                    ids.iter().zip(part).filter(|(_, is_in)| **is_in).map(|(id, _)| durations[*id]).sum()
                };
                let loads: Vec<_> = parts.iter().map(load).collect();
                let longest = durations.values().max().copied().unwrap_or_default();
                let (least, most) = (loads.iter().min().unwrap(), loads.iter().max().unwrap());
                prop_assert!(most.saturating_sub(*least) <= longest);
            }
        }
    }
}
