//! What was given out: found by its own text, and forgotten when there is too much of it.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

/// How many of a kind are remembered. A tenant's own tokens carry what they stand for; here it is
/// looked up, so a tenant that is served for days has to forget the oldest.
const CAPACITY: usize = 50_000;

/// Things by the text that was given out for them, the oldest forgotten first.
#[derive(Clone)]
pub(super) struct Issued<T> {
    by_text: HashMap<Arc<str>, T>,
    /// In the order in which they were given out; some of them are gone already.
    order: VecDeque<Arc<str>>,
}

impl<T> Issued<T> {
    pub(super) fn new() -> Self {
        Self { by_text: HashMap::new(), order: VecDeque::new() }
    }

    pub(super) fn get(&self, text: &str) -> Option<&T> {
        self.by_text.get(text)
    }

    pub(super) fn get_mut(&mut self, text: &str) -> Option<&mut T> {
        self.by_text.get_mut(text)
    }

    /// All of them, the oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        self.order.iter().filter_map(|text| Some((&**text, self.by_text.get(text)?)))
    }

    /// What has this text; `make` makes it where there is none.
    pub(super) fn get_or_insert_with(&mut self, text: &str, make: impl FnOnce() -> T) -> &mut T {
        let text: Arc<str> = text.into();
        if !self.by_text.contains_key(&text) {
            self.order.push_back(Arc::clone(&text));
            self.forget();
        }
        self.by_text.entry(text).or_insert_with(make)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.by_text.values_mut()
    }

    /// Remembers `it`, in place of what had this text.
    pub(super) fn insert(&mut self, text: &str, it: T) {
        let text: Arc<str> = text.into();
        if self.by_text.insert(Arc::clone(&text), it).is_none() {
            self.order.push_back(text);
        }
        self.forget();
    }

    fn forget(&mut self) {
        if self.order.len() > CAPACITY
            && let Some(oldest) = self.order.pop_front()
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
        self.by_text.retain(|_, it| keep(it));
    }

    pub(super) fn remove(&mut self, text: &str) -> Option<T> {
        self.by_text.remove(text)
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
}
