//! The write queue: operations wait here while a transaction runs, and the next transaction takes all of them.
//!
//! What an operation is, only [`Operation`] knows. Operations are taken in the order in which they were accepted, a user's
//! before background work, and [`Queue::settled`] lets a reader wait for those that concern it.
//!
//! An operation whose caller was told that it is *accepted* is not given up when the store cannot take it: it is *kept*, and
//! tried again when there may be room. Nothing overtakes it that touches what it touches. What needs no room (a delete)
//! goes past the others, and takes with it what was kept for just what it deletes.

use futures_channel::oneshot;
use std::cell::RefCell;
use std::collections::{BTreeSet, VecDeque};
use std::rc::Rc;

/// The most operations that one transaction takes.
pub const BATCH_OPS_MAX: usize = 4096;

/// The most bytes of operations that one transaction takes, unless a single operation has more: 2 MiB. Enough that its own
/// cost is spread thin, and little enough that one group is compressed while the browser writes the one before.
pub const BATCH_BYTES_MAX: usize = 2 << 20;

/// What the queue has to know of an operation.
pub trait Operation {
    /// What its caller gets.
    type Answer: Clone;

    /// Whether the order of the two matters.
    fn touches(&self, other: &Self) -> bool;

    /// Whether it takes no room, and gives some back.
    fn frees(&self) -> bool;

    /// Whether nothing is left of the other once this one has happened.
    fn supersedes(&self, other: &Self) -> bool;

    /// Whether this answer says that it happened.
    fn happened(answer: &Self::Answer) -> bool;

    /// The answer of one that was superseded.
    fn done() -> Self::Answer;
}

/// When an operation is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Ack {
    /// Already: it is kept until it is stored or refused.
    Accepted,
    /// Once it survives the death of the process.
    #[default]
    Committed,
    /// Once it survives loss of power.
    Durable,
}

/// On what terms an operation was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Terms {
    /// Its number among the writes of its writer, from 1 up; 0 if it has none.
    pub seq: u64,
    /// When it is acknowledged.
    pub ack: Ack,
    /// It waits until no other work does.
    pub background: bool,
}

struct Entry<T: Operation> {
    operation: Rc<T>,
    terms: Terms,
    bytes: usize,
    number: u64,
    accepted_ms: u64,
    answer: oneshot::Sender<T::Answer>,
}

impl<T: Operation> Entry<T> {
    fn numbered(&self) -> (Rc<T>, u64) {
        (Rc::clone(&self.operation), self.terms.seq)
    }

    /// Whether a later operation has to wait for this one, which is kept. One that leaves nothing of it need not.
    fn holds_back(&self, later: &Self) -> bool {
        self.number < later.number
            && later.operation.touches(&self.operation)
            && !later.operation.supersedes(&self.operation)
    }

    /// Whether nothing is left of an earlier one, which is kept, once this one has happened.
    fn supersedes(&self, kept: &Self) -> bool {
        kept.number < self.number && self.operation.supersedes(&kept.operation)
    }
}

/// Operations taken together, and where their answers go.
pub struct Group<T: Operation> {
    /// The operations, in the order in which they were accepted.
    pub operations: Vec<Rc<T>>,
    entries: Vec<Entry<T>>,
    /// They were kept before.
    retried: bool,
}

impl<T: Operation> Group<T> {
    fn new() -> Self {
        Self { operations: Vec::new(), entries: Vec::new(), retried: false }
    }

    fn push(&mut self, entry: Entry<T>) {
        self.operations.push(Rc::clone(&entry.operation));
        self.entries.push(entry);
    }

    /// The terms of the operation with this index.
    pub fn terms(&self, index: usize) -> Terms {
        self.entries.get(index).map(|entry| entry.terms).unwrap_or_default()
    }

    /// Whether any of them has to survive loss of power before it is acknowledged.
    pub fn durable(&self) -> bool {
        self.entries.iter().any(|entry| entry.terms.ack == Ack::Durable)
    }
}

/// What becomes of an operation of a group.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict<A> {
    /// It is answered.
    Answer(A),
    /// It could not be stored for want of room or connection: kept if it was accepted, answered with this otherwise.
    Kept(A),
}

/// How the queue is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QueueFigures {
    /// Operations accepted so far.
    pub accepted: u64,
    /// Operations answered so far.
    pub answered: u64,
    /// Operations that are not answered yet.
    pub waiting: u64,
    /// Their bytes, about.
    pub bytes: u64,
    /// Those of them that are kept.
    pub kept: u64,
    /// The longest time from acceptance to answer, in milliseconds.
    pub longest_wait_ms: u64,
}

struct State<T: Operation> {
    waiting: VecDeque<Entry<T>>,
    background: VecDeque<Entry<T>>,
    kept: VecDeque<Entry<T>>,
    /// What was kept and is under way once more, each with its number.
    retried: Vec<(Rc<T>, u64)>,
    /// How often what is kept has changed.
    kept_changes: u64,
    /// Numbers of those that nobody keeps: their callers were told that they could not be stored.
    given_up: BTreeSet<u64>,
    /// Why they are kept.
    reason: Option<T::Answer>,
    /// The next group is what was kept.
    retry: bool,
    /// The next group has only what frees room.
    freeing: bool,
    /// Everything that is not answered or kept, in order.
    unsettled: VecDeque<(u64, Rc<T>)>,
    readers: Vec<(Vec<u64>, oneshot::Sender<()>)>,
    figures: QueueFigures,
    draining: bool,
}

/// Answers on their way out, sent when the state is no longer borrowed.
struct Sent<T: Operation>(Vec<(oneshot::Sender<T::Answer>, T::Answer)>, Vec<oneshot::Sender<()>>);

impl<T: Operation> Sent<T> {
    fn send(self) {
        // A caller that no longer waits is no reason to fail.
        for (sender, answer) in self.0 {
            let _ = sender.send(answer);
        }
        for reader in self.1 {
            let _ = reader.send(());
        }
    }
}

impl<T: Operation> State<T> {
    /// What comes next, as much as one transaction takes.
    fn take_group(&mut self, sent: &mut Sent<T>) -> Group<T> {
        // A delete that is to be tried alone was accepted before what is kept behind it.
        let freeing =
            std::mem::take(&mut self.freeing) && self.waiting.front().is_some_and(|entry| entry.operation.frees());
        let group = if freeing { self.take_waiting(true, sent) } else { self.take_kept() };
        if !group.operations.is_empty() {
            return group;
        }
        let group = self.take_waiting(false, sent);
        // All that waited may have to wait for what is kept.
        if group.operations.is_empty() { self.take_kept() } else { group }
    }

    /// What is kept, if it is to be tried again.
    fn take_kept(&mut self) -> Group<T> {
        let mut group = Group::new();
        if !std::mem::take(&mut self.retry) {
            return group;
        }
        group.retried = true;
        let mut bytes = 0;
        while let Some(entry) = self.kept.front() {
            bytes += entry.bytes;
            if bytes > BATCH_BYTES_MAX && !group.operations.is_empty() {
                break;
            }
            self.kept.pop_front().into_iter().for_each(|entry| group.push(entry));
        }
        self.retried = group.entries.iter().map(Entry::numbered).collect();
        group
    }

    /// What waits and has to wait no longer; of the first of them only what frees room, if that is asked for.
    fn take_waiting(&mut self, freeing: bool, sent: &mut Sent<T>) -> Group<T> {
        let mut group = Group::new();
        let mut bytes = 0;
        while let Some(entry) = self.waiting.front().or_else(|| self.background.front()) {
            let from_background = self.waiting.is_empty();
            let full = group.operations.len() >= BATCH_OPS_MAX || bytes + entry.bytes > BATCH_BYTES_MAX;
            // Background work does not join a user's group, so that the user's is not held up by it.
            let apart = from_background != group.entries.last().is_some_and(|last| last.terms.background)
                || (freeing && !entry.operation.frees());
            if !group.operations.is_empty() && (full || apart) {
                break;
            }
            let lane = if from_background { &mut self.background } else { &mut self.waiting };
            let Some(entry) = lane.pop_front() else { break };
            if self.kept.iter().any(|kept| kept.holds_back(&entry)) {
                self.keep(entry, sent);
                continue;
            }
            bytes += entry.bytes;
            group.push(entry);
        }
        group
    }

    /// Answers what was kept for nothing but what an operation has deleted.
    fn supersede(&mut self, deleted: &Entry<T>, sent: &mut Sent<T>) {
        for entry in std::mem::take(&mut self.kept) {
            if deleted.supersedes(&entry) {
                self.close(entry, T::done(), 0, sent);
                self.kept_changes += 1;
            } else {
                self.kept.push_back(entry);
            }
        }
    }

    /// Keeps an operation that was accepted; any other gets the reason for its answer.
    fn keep(&mut self, entry: Entry<T>, sent: &mut Sent<T>) {
        match (entry.terms.ack, self.reason.clone()) {
            (Ack::Accepted, _) | (_, None) => {
                self.settle(entry.number, sent);
                // A delete that is tried alone may come back behind what was kept after it.
                let at = self.kept.partition_point(|kept| kept.number < entry.number);
                self.kept.insert(at, entry);
                self.kept_changes += 1;
            }
            (_, Some(reason)) => {
                self.given_up.extend((entry.terms.seq > 0).then_some(entry.terms.seq));
                self.close(entry, reason, 0, sent);
            }
        }
    }

    fn close(&mut self, entry: Entry<T>, answer: T::Answer, now_ms: u64, sent: &mut Sent<T>) {
        self.figures.answered += 1;
        self.figures.waiting -= 1;
        self.figures.bytes -= entry.bytes as u64;
        let waited = now_ms.saturating_sub(entry.accepted_ms);
        self.figures.longest_wait_ms = self.figures.longest_wait_ms.max(waited);
        self.settle(entry.number, sent);
        sent.0.push((entry.answer, answer));
    }

    fn settle(&mut self, number: u64, sent: &mut Sent<T>) {
        if let Ok(at) = self.unsettled.binary_search_by_key(&number, |(number, _)| *number) {
            self.unsettled.remove(at);
        }
        for (numbers, sender) in std::mem::take(&mut self.readers) {
            let mut numbers = numbers;
            if let Ok(at) = numbers.binary_search(&number) {
                numbers.remove(at);
            }
            if numbers.is_empty() {
                sent.1.push(sender);
            } else {
                self.readers.push((numbers, sender));
            }
        }
    }
}

/// See the module.
pub struct Queue<T: Operation>(RefCell<State<T>>);

impl<T: Operation> Default for Queue<T> {
    fn default() -> Self {
        Self(RefCell::new(State {
            waiting: VecDeque::new(),
            background: VecDeque::new(),
            kept: VecDeque::new(),
            retried: Vec::new(),
            kept_changes: 0,
            given_up: BTreeSet::new(),
            reason: None,
            retry: false,
            freeing: false,
            unsettled: VecDeque::new(),
            readers: Vec::new(),
            figures: QueueFigures::default(),
            draining: false,
        }))
    }
}

impl<T: Operation> Queue<T> {
    /// Accepts an operation of about this many bytes. The answer arrives through the receiver.
    pub fn push(&self, operation: T, terms: Terms, bytes: usize, now_ms: u64) -> oneshot::Receiver<T::Answer> {
        let (answer, receiver) = oneshot::channel();
        let mut state = self.0.borrow_mut();
        state.figures.accepted += 1;
        state.figures.waiting += 1;
        state.figures.bytes += bytes as u64;
        let number = state.figures.accepted;
        let operation = Rc::new(operation);
        state.unsettled.push_back((number, Rc::clone(&operation)));
        let entry = Entry { operation, terms, bytes, number, accepted_ms: now_ms, answer };
        if terms.background {
            state.background.push_back(entry)
        } else {
            state.waiting.push_back(entry)
        }
        receiver
    }

    /// Takes the operations for the next transaction; `None` when there are none, or when somebody else is draining.
    /// Whoever gets a first group goes on with [`Queue::answer`] and `next_group(true)` until there is none.
    pub fn next_group(&self, draining: bool) -> Option<Group<T>> {
        let mut sent = Sent(Vec::new(), Vec::new());
        let group = {
            let mut state = self.0.borrow_mut();
            if state.draining && !draining {
                return None;
            }
            let group = state.take_group(&mut sent);
            state.draining = !group.operations.is_empty();
            group
        };
        sent.send();
        (!group.operations.is_empty()).then_some(group)
    }

    /// Takes a group while another one is still running, if what waits fills it, so that nothing is gained by gathering on,
    /// and `independent` says so of each of its operations. For whoever is draining.
    pub fn full_group(&self, independent: impl Fn(&T) -> bool) -> Option<Group<T>> {
        let mut state = self.0.borrow_mut();
        if !state.kept.is_empty() || state.retry || state.freeing {
            return None;
        }
        let mut bytes = 0;
        let filled = state.waiting.iter().take(BATCH_OPS_MAX).position(|entry| {
            bytes += entry.bytes;
            bytes > BATCH_BYTES_MAX
        });
        let operations = filled.or((state.waiting.len() >= BATCH_OPS_MAX).then_some(BATCH_OPS_MAX))?.max(1);
        if !state.waiting.iter().take(operations).all(|entry| independent(&entry.operation)) {
            return None;
        }
        // Nothing is kept, so nobody is answered.
        Some(state.take_group(&mut Sent(Vec::new(), Vec::new())))
    }

    /// Ends a group: one verdict for each operation, in their order. Readers that waited for just these go on.
    ///
    /// Of a group that is kept, what frees room is tried once more without the others.
    pub fn answer(&self, group: Group<T>, verdicts: impl IntoIterator<Item = Verdict<T::Answer>>, now_ms: u64) {
        let mut sent = Sent(Vec::new(), Vec::new());
        let mut state = self.0.borrow_mut();
        let mixed = group.operations.iter().any(|operation| !operation.frees());
        let (retried, mut room) = (group.retried, false);
        state.retried.clear();
        state.kept_changes += u64::from(retried);
        let (mut again, mut refused) = (Vec::new(), Vec::new());
        for (entry, verdict) in group.entries.into_iter().zip(verdicts) {
            match verdict {
                Verdict::Answer(answer) => {
                    room |= retried || entry.operation.frees();
                    if T::happened(&answer) {
                        state.supersede(&entry, &mut sent);
                    }
                    state.close(entry, answer, now_ms, &mut sent);
                }
                Verdict::Kept(_) if mixed && entry.operation.frees() => again.push(entry),
                Verdict::Kept(reason) => {
                    state.reason = Some(reason);
                    refused.push(entry);
                }
            }
        }
        refused.into_iter().for_each(|entry| state.keep(entry, &mut sent));
        state.freeing = !again.is_empty();
        again.into_iter().rev().for_each(|entry| state.waiting.push_front(entry));
        if state.kept.is_empty() {
            state.reason = None;
        }
        let retry = room && !state.kept.is_empty();
        drop(state);
        sent.send();
        if retry {
            self.retry();
        }
    }

    /// The numbers of what was kept for nothing but what operations of a group delete, each with the operation's index.
    pub fn superseded(&self, group: &Group<T>) -> Vec<(usize, u64)> {
        let state = self.0.borrow();
        let mut superseded = Vec::new();
        for (index, later) in group.entries.iter().enumerate().filter(|(_, entry)| entry.operation.frees()) {
            let kept = state.kept.iter().filter(|kept| later.supersedes(kept));
            superseded.extend(kept.map(|kept| (index, kept.terms.seq)));
        }
        superseded
    }

    /// The numbers of operations whose callers were told that they could not be stored, since they were last forgotten. They must not
    /// happen later, from the journal.
    pub fn given_up(&self) -> Vec<u64> {
        self.0.borrow().given_up.iter().copied().collect()
    }

    /// Forgets these, which are decided now.
    pub fn forget_given_up(&self, decided: &[u64]) {
        let mut state = self.0.borrow_mut();
        for seq in decided {
            state.given_up.remove(seq);
        }
    }

    /// Gives everything that waits the fate of a group that could not be stored: one reason for all of them.
    pub fn fail_waiting(&self, reason: T::Answer) {
        let mut sent = Sent(Vec::new(), Vec::new());
        let mut state = self.0.borrow_mut();
        state.reason = Some(reason);
        let waiting = std::mem::take(&mut state.waiting);
        let background = std::mem::take(&mut state.background);
        for entry in waiting.into_iter().chain(background) {
            state.keep(entry, &mut sent);
        }
        drop(state);
        sent.send();
    }

    /// Lets what was kept be the next group. Readers wait for it again.
    pub fn retry(&self) {
        let mut state = self.0.borrow_mut();
        let state = &mut *state;
        state.retry = true;
        for entry in &state.kept {
            if let Err(at) = state.unsettled.binary_search_by_key(&entry.number, |(number, _)| *number) {
                state.unsettled.insert(at, (entry.number, Rc::clone(&entry.operation)));
            }
        }
    }

    /// What is kept, in order, each with its number among its writer's; also what is just being tried again.
    pub fn kept(&self) -> Vec<(Rc<T>, u64)> {
        let state = self.0.borrow();
        state.retried.iter().cloned().chain(state.kept.iter().map(Entry::numbered)).collect()
    }

    /// How often what is kept has changed: another number says that [`Queue::kept`] may return something else.
    pub fn kept_changes(&self) -> u64 {
        self.0.borrow().kept_changes
    }

    /// How it is doing.
    pub fn figures(&self) -> QueueFigures {
        let state = self.0.borrow();
        QueueFigures { kept: state.kept.len() as u64, ..state.figures }
    }

    /// Waits until everything that was accepted before this call, and that `concerns` the caller, is answered or kept.
    pub async fn settled(&self, concerns: impl Fn(&T) -> bool) {
        let receiver = {
            let mut state = self.0.borrow_mut();
            let unsettled = state.unsettled.iter().filter(|(_, operation)| concerns(operation));
            let numbers: Vec<u64> = unsettled.map(|(number, _)| *number).collect();
            if numbers.is_empty() {
                return;
            }
            let (sender, receiver) = oneshot::channel();
            state.readers.push((numbers, sender));
            receiver
        };
        let _ = receiver.await;
    }
}

#[cfg(test)]
mod tests;
