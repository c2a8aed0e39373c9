//! The one ordered map of the engine.
//!
//! A `BTreeMap` is compiled anew for every pair of types, some kilobytes of wasm each time. Here a single one, from the bytes
//! of a key to a number, keeps the order for all of them, and the entries lie in a vector.

use crate::backend::Key;
use std::collections::BTreeMap;

/// What a [`Map`] is keyed by: something with the same order as the bytes that stand for it.
pub(crate) trait Ordered {
    /// The bytes.
    fn bytes(&self) -> Key;
}

impl Ordered for Key {
    fn bytes(&self) -> Key {
        self.clone()
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Map<K, V> {
    places: BTreeMap<Key, usize>,
    /// An entry that was removed leaves its place empty, for when its key comes back.
    entries: Vec<Option<(K, V)>>,
}

impl<K, V> Default for Map<K, V> {
    fn default() -> Self {
        Self { places: BTreeMap::new(), entries: Vec::new() }
    }
}

impl<K: Ordered, V> Map<K, V> {
    fn place(&self, key: &K) -> Option<usize> {
        self.places.get(&key.bytes()).copied()
    }

    /// The value of a key.
    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        let entry = self.entries.get(self.place(key)?)?.as_ref();
        entry.map(|(_, value)| value)
    }

    /// The value of a key, to change.
    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let place = self.place(key)?;
        let entry = self.entries.get_mut(place)?.as_mut();
        entry.map(|(_, value)| value)
    }

    /// Whether the key is there.
    pub(crate) fn contains_key(&self, key: &K) -> bool {
        self.get(key).is_some()
    }

    /// Sets the value of a key.
    pub(crate) fn insert(&mut self, key: K, value: V) {
        let place = *self.places.entry(key.bytes()).or_insert(self.entries.len());
        match self.entries.get_mut(place) {
            Some(entry) => *entry = Some((key, value)),
            None => self.entries.push(Some((key, value))),
        }
    }

    /// Takes the value of a key out.
    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        let place = self.place(key)?;
        let entry = self.entries.get_mut(place)?.take();
        entry.map(|(_, value)| value)
    }

    /// The keys, in no order.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &K> {
        self.entries.iter().flatten().map(|(key, _)| key)
    }

    /// The entries in the order of their keys.
    pub(crate) fn into_sorted(mut self) -> impl Iterator<Item = (K, V)> {
        self.places.into_values().filter_map(move |place| self.entries.get_mut(place)?.take())
    }
}

/// The distinct ones among keys, in order.
pub(crate) fn distinct<K: Ordered>(keys: impl IntoIterator<Item = K>) -> Vec<K> {
    let mut map = Map::default();
    for key in keys {
        map.insert(key, ());
    }
    map.into_sorted().map(|(key, ())| key).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u64) -> Key {
        Key::new().number(n)
    }

    #[test]
    fn entries_come_in_order_and_go() {
        let mut map = Map::default();
        for n in [7, 1, 300, 2] {
            map.insert(key(n), n);
        }
        assert_eq!(map.remove(&key(1)), Some(1));
        assert_eq!(map.remove(&key(1)), None);
        assert!(!map.contains_key(&key(1)) && map.contains_key(&key(2)));
        map.insert(key(300), 301);
        *map.get_mut(&key(7)).unwrap() += 1;
        assert_eq!(map.keys().count(), 3);
        map.insert(key(1), 0);
        let entries: Vec<_> = map.into_sorted().map(|(_, n)| n).collect();
        assert_eq!(entries, [0, 2, 8, 301]);
        assert_eq!(distinct([key(2), key(1), key(2)]), [key(1), key(2)]);
    }
}
