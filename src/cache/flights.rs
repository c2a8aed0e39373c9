//! Callers that miss the same key at the same time share one load.
//!
//! The first one leads: it loads, and hands a clone of what came of it, be it an error, to those that joined. A leader that
//! is dropped hands over: those that joined start again, and the first of them leads.

use super::Target;
use crate::backend::Key;
use futures_channel::oneshot;
use std::cell::RefCell;
use std::collections::BTreeMap;

struct State<T> {
    /// The number of the load that callers of a key join.
    loads: BTreeMap<Key, usize>,
    /// Who waits for the load of a number.
    waiting: Vec<(usize, oneshot::Sender<T>)>,
    started: usize,
}

/// See the module. `T` is what a load returns, usually a `Result`.
pub struct Flights<T>(RefCell<State<T>>);

impl<T> Default for Flights<T> {
    fn default() -> Self {
        Self(RefCell::new(State { loads: BTreeMap::new(), waiting: Vec::new(), started: 0 }))
    }
}

/// A load under way; whoever holds this leads it.
struct Flight<'a, T> {
    flights: &'a Flights<T>,
    key: &'a Key,
    number: usize,
}

impl<T> Flight<'_, T> {
    /// Ends it: nobody joins it any more, and those that did are to be answered.
    fn land(&self) -> Vec<oneshot::Sender<T>> {
        let mut state = self.flights.0.borrow_mut();
        if state.loads.get(self.key) == Some(&self.number) {
            state.loads.remove(self.key);
        }
        let mut joined = Vec::new();
        for (number, sender) in std::mem::take(&mut state.waiting) {
            if number == self.number { joined.push(sender) } else { state.waiting.push((number, sender)) }
        }
        joined
    }
}

impl<T> Drop for Flight<'_, T> {
    fn drop(&mut self) {
        // Only a leader that was dropped has somebody waiting here; without a sender they start again.
        drop(self.land());
    }
}

impl<T: Clone> Flights<T> {
    /// What `load` returns, or what the load of this key returns that is under way. `load` is not polled in that case.
    pub async fn share(&self, key: &Key, load: impl Future<Output = T>) -> T {
        loop {
            match self.join(key) {
                Ok(flight) => {
                    let answer = load.await;
                    for sender in flight.land() {
                        // A caller that no longer waits is no reason to fail.
                        let _ = sender.send(answer.clone());
                    }
                    return answer;
                }
                Err(receiver) => {
                    if let Ok(answer) = receiver.await {
                        return answer;
                    }
                }
            }
        }
    }

    fn join<'a>(&'a self, key: &'a Key) -> Result<Flight<'a, T>, oneshot::Receiver<T>> {
        let mut state = self.0.borrow_mut();
        if let Some(&number) = state.loads.get(key) {
            let (sender, receiver) = oneshot::channel();
            state.waiting.push((number, sender));
            return Err(receiver);
        }
        state.started += 1;
        let number = state.started;
        state.loads.insert(key.clone(), number);
        Ok(Flight { flights: self, key, number })
    }

    /// What changed: callers from now on do not join a load that may have read it before. Those that joined already asked
    /// before the change, and are answered.
    pub fn forget(&self, target: &Target) {
        self.0.borrow_mut().loads.retain(|key, _| !target.covers(key));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_lite::future::{pending, poll_once, zip};
    use pollster::block_on;
    use std::cell::Cell;
    use std::pin::pin;

    fn key() -> Key {
        Key::new().text("a")
    }

    #[test]
    fn callers_of_one_key_share_one_load_and_its_error() {
        let flights = Flights::<Result<u32, &str>>::default();
        let loads = Cell::new(0);
        let load = async || {
            loads.set(loads.get() + 1);
            futures_lite::future::yield_now().await;
            Err("refused")
        };
        let (key, other) = (key(), Key::new().text("b"));
        let both = || zip(flights.share(&key, load()), flights.share(&key, load()));
        let (answers, _) = block_on(zip(both(), flights.share(&other, load())));
        assert_eq!(answers, (Err("refused"), Err("refused")));
        assert_eq!(loads.get(), 2, "one for each key");
        assert_eq!(block_on(both()), answers);
        assert_eq!(loads.get(), 3, "a load that ended is not joined");
        let state = flights.0.borrow();
        assert!(state.loads.is_empty() && state.waiting.is_empty());
    }

    #[test]
    fn a_dropped_leader_hands_over() {
        let flights = Flights::<u32>::default();
        let key = key();
        let mut leader = Box::pin(flights.share(&key, pending()));
        let mut second = pin!(flights.share(&key, async { 2 }));
        let mut third = pin!(flights.share(&key, async { 3 }));
        assert_eq!(block_on(poll_once(&mut leader)), None);
        assert_eq!(block_on(poll_once(&mut second)), None);
        assert_eq!(block_on(poll_once(&mut third)), None);
        drop(leader);
        assert_eq!(block_on(third), 3);
        assert_eq!(block_on(second), 2, "what ended before it started again is not joined");
        assert!(flights.0.borrow().loads.is_empty());
    }

    #[test]
    fn a_load_from_before_a_change_is_not_joined_after_it() {
        let flights = Flights::<u32>::default();
        let key = key();
        let mut before = Box::pin(flights.share(&key, pending()));
        let mut joined = Box::pin(flights.share(&key, async { 9 }));
        assert_eq!(block_on(poll_once(&mut before)), None);
        assert_eq!(block_on(poll_once(&mut joined)), None);
        flights.forget(&Target::Prefix(Key::from_bytes(b"a".to_vec())));
        let mut after = Box::pin(flights.share(&key, pending()));
        assert_eq!(block_on(poll_once(&mut after)), None);
        drop(before);
        assert_eq!(flights.0.borrow().loads.len(), 1, "the newer load is still the one to join");
        drop(after);
        assert_eq!(block_on(joined), 9);
    }
}
