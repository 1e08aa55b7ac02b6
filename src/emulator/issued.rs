//! What was given out: found by its own text, and forgotten when there is too much of it.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

/// How many of a kind are remembered. A tenant's own tokens carry what they stand for; here it is
/// looked up, so a tenant that is served for days has to forget the oldest.
const CAPACITY: usize = 50_000;

/// Things by the text that was given out for them, the oldest forgotten first.
#[derive(Clone)]
pub(super) struct Issued<T> {
    by_text: HashMap<Arc<str>, Numbered<T>>,
    /// The texts of all of them, by number.
    in_order: BTreeMap<u64, Arc<str>>,
    /// How many have been given out.
    count: u64,
}

#[derive(Clone)]
struct Numbered<T> {
    number: u64,
    it: T,
}

impl<T> Issued<T> {
    pub(super) fn new() -> Self {
        Self { by_text: HashMap::new(), in_order: BTreeMap::new(), count: 0 }
    }

    pub(super) fn get(&self, text: &str) -> Option<&T> {
        self.by_text.get(text).map(|known| &known.it)
    }

    pub(super) fn get_mut(&mut self, text: &str) -> Option<&mut T> {
        self.by_text.get_mut(text).map(|known| &mut known.it)
    }

    /// All of them, the oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        self.in_order.values().filter_map(|text| Some((&**text, self.get(text)?)))
    }

    /// What has this text; `make` makes it where there is none.
    pub(super) fn get_or_insert_with(&mut self, text: &str, make: impl FnOnce() -> T) -> &mut T {
        if !self.by_text.contains_key(text) {
            self.make_room();
        }
        let (count, in_order) = (&mut self.count, &mut self.in_order);
        let text: Arc<str> = text.into();
        let known = self.by_text.entry(Arc::clone(&text)).or_insert_with(|| {
            *count += 1;
            in_order.insert(*count, text);
            Numbered { number: *count, it: make() }
        });
        &mut known.it
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.by_text.values_mut().map(|known| &mut known.it)
    }

    /// Remembers `it`, in place of what had this text.
    pub(super) fn insert(&mut self, text: &str, it: T) {
        if let Some(known) = self.get_mut(text) {
            *known = it;
        } else {
            self.get_or_insert_with(text, || it);
        }
    }

    /// Forgets the oldest where there are as many as can be remembered.
    fn make_room(&mut self) {
        if self.by_text.len() == CAPACITY
            && let Some((_, oldest)) = self.in_order.pop_first()
        {
            self.by_text.remove(&oldest);
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.by_text.len()
    }

    /// Forgets those that are not to be kept.
    pub(super) fn retain(&mut self, keep: impl Fn(&T) -> bool) {
        self.by_text.retain(|_, known| keep(&known.it));
        self.in_order.retain(|_, text| self.by_text.contains_key(text));
    }

    /// Forgets the oldest as long as they have had their time.
    pub(super) fn forget_while(&mut self, is_over: impl Fn(&T) -> bool) {
        while let Some(oldest) = self.in_order.values().next().cloned()
            && self.get(&oldest).is_none_or(&is_over)
        {
            self.remove(&oldest);
        }
    }

    pub(super) fn remove(&mut self, text: &str) -> Option<T> {
        let known = self.by_text.remove(text)?;
        self.in_order.remove(&known.number);
        Some(known.it)
    }
}

#[cfg(test)]
mod tests {
    use super::{CAPACITY, Issued};

    #[test]
    fn the_oldest_is_forgotten() {
        let mut issued = Issued::new();
        for number in 0..=CAPACITY {
            issued.insert(&number.to_string(), number);
        }
        assert_eq!(issued.get("0"), None);
        assert_eq!(issued.get("1"), Some(&1));
        issued.insert("1", 7);
        assert_eq!((issued.get("1"), issued.get("2")), (Some(&7), Some(&2)));
        assert_eq!(issued.remove("1"), Some(7));
        assert_eq!(issued.get("1"), None);
    }

    #[test]
    fn what_is_gone_takes_no_place() {
        let mut issued = Issued::new();
        issued.insert("kept", 0);
        for number in 1..=CAPACITY {
            issued.insert(&number.to_string(), number);
            assert_eq!(issued.remove(&number.to_string()), Some(number));
        }
        issued.insert("again", 1);
        issued.remove("again");
        issued.insert("again", 2);
        issued.insert("last", 3);
        assert_eq!(issued.iter().collect::<Vec<_>>(), [("kept", &0), ("again", &2), ("last", &3)]);
        issued.retain(|number| *number != 2);
        assert_eq!((issued.len(), issued.iter().count()), (2, 2));
        issued.forget_while(|number| *number < 3);
        assert_eq!(issued.iter().collect::<Vec<_>>(), [("last", &3)]);
    }
}
