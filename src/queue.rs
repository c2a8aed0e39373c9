//! The write queue: operations wait here while a transaction runs, and the next transaction takes all of them.
//!
//! Nothing here knows what an operation is. The order in which operations were accepted is the order in which they are
//! taken, and [`Queue::settled`] lets a reader wait until everything accepted before it has been answered.

use futures_channel::oneshot;
use std::cell::RefCell;
use std::collections::VecDeque;

/// The most operations that one transaction takes.
pub const BATCH_OPS_MAX: usize = 4096;

/// The most bytes of operations that one transaction takes, unless a single operation has more: 2 MiB. Enough that its own
/// cost is spread thin, and little enough that one group is compressed while the browser writes the one before.
pub const BATCH_BYTES_MAX: usize = 2 << 20;

struct Entry<T, A> {
    operation: T,
    bytes: usize,
    answer: oneshot::Sender<A>,
}

/// Operations taken together, and where their answers go.
pub struct Group<T, A> {
    /// The operations, in the order in which they were accepted.
    pub operations: Vec<T>,
    answers: Vec<oneshot::Sender<A>>,
}

struct State<T, A> {
    waiting: VecDeque<Entry<T, A>>,
    accepted: u64,
    answered: u64,
    readers: Vec<(u64, oneshot::Sender<()>)>,
    draining: bool,
}

impl<T, A> State<T, A> {
    /// What comes first in the queue, as much as one transaction takes.
    fn take_group(&mut self) -> Group<T, A> {
        let mut group = Group { operations: Vec::new(), answers: Vec::new() };
        let mut bytes = 0;
        while let Some(entry) = self.waiting.front() {
            let full = group.operations.len() >= BATCH_OPS_MAX || bytes + entry.bytes > BATCH_BYTES_MAX;
            if full && !group.operations.is_empty() {
                break;
            }
            let Some(entry) = self.waiting.pop_front() else { break };
            bytes += entry.bytes;
            group.operations.push(entry.operation);
            group.answers.push(entry.answer);
        }
        group
    }
}

/// See the module. `T` is an operation, `A` its answer.
pub struct Queue<T, A>(RefCell<State<T, A>>);

impl<T, A> Default for Queue<T, A> {
    fn default() -> Self {
        Self(RefCell::new(State {
            waiting: VecDeque::new(),
            accepted: 0,
            answered: 0,
            readers: Vec::new(),
            draining: false,
        }))
    }
}

impl<T, A> Queue<T, A> {
    /// Accepts an operation of about this many bytes. The answer arrives through the receiver.
    pub fn push(&self, operation: T, bytes: usize) -> oneshot::Receiver<A> {
        let (answer, receiver) = oneshot::channel();
        let mut state = self.0.borrow_mut();
        state.waiting.push_back(Entry { operation, bytes, answer });
        state.accepted += 1;
        receiver
    }

    /// Takes the operations for the next transaction; `None` when there are none, or when somebody else is draining.
    /// Whoever gets a first group goes on with [`Queue::answer`] and `next_group(true)` until there is none.
    pub fn next_group(&self, draining: bool) -> Option<Group<T, A>> {
        let mut state = self.0.borrow_mut();
        if state.draining && !draining {
            return None;
        }
        let group = state.take_group();
        state.draining = !group.operations.is_empty();
        state.draining.then_some(group)
    }

    /// Takes a group while another one is still running, if what waits fills it, so that nothing is gained by gathering on,
    /// and `independent` says so of each of its operations. For whoever is draining.
    pub fn full_group(&self, independent: impl Fn(&T) -> bool) -> Option<Group<T, A>> {
        let mut state = self.0.borrow_mut();
        let mut bytes = 0;
        let filled = state.waiting.iter().take(BATCH_OPS_MAX).position(|entry| {
            bytes += entry.bytes;
            bytes > BATCH_BYTES_MAX
        });
        let operations = filled.or((state.waiting.len() >= BATCH_OPS_MAX).then_some(BATCH_OPS_MAX))?.max(1);
        if !state.waiting.iter().take(operations).all(|entry| independent(&entry.operation)) {
            return None;
        }
        Some(state.take_group())
    }

    /// Answers a group: one answer for each operation, in their order. Readers that waited for just these go on.
    pub fn answer(&self, group: Group<T, A>, answers: impl IntoIterator<Item = A>) {
        let mut state = self.0.borrow_mut();
        state.answered += group.answers.len() as u64;
        let answered = state.answered;
        let (ready, waiting) =
            std::mem::take(&mut state.readers).into_iter().partition(|(until, _)| *until <= answered);
        state.readers = waiting;
        drop(state);
        // A caller that no longer waits is no reason to fail.
        for (sender, answer) in group.answers.into_iter().zip(answers) {
            let _ = sender.send(answer);
        }
        for (_, reader) in ready {
            let _ = reader.send(());
        }
    }

    /// Waits until everything that was accepted before this call has been answered.
    pub async fn settled(&self) {
        let receiver = {
            let mut state = self.0.borrow_mut();
            if state.answered == state.accepted {
                return;
            }
            let until = state.accepted;
            let (sender, receiver) = oneshot::channel();
            state.readers.push((until, sender));
            receiver
        };
        let _ = receiver.await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pollster::block_on;

    #[test]
    fn what_gathers_while_a_group_runs_is_the_next_group() {
        let queue = Queue::<u32, u32>::default();
        let first = queue.push(1, 0);
        let running = queue.next_group(false).unwrap();
        let others = [queue.push(2, 0), queue.push(3, 0)];
        assert!(queue.next_group(false).is_none(), "only one drains at a time");
        queue.answer(running, [10]);
        let next = queue.next_group(true).unwrap();
        assert_eq!(next.operations, [2, 3]);
        queue.answer(next, [20, 30]);
        assert!(queue.next_group(true).is_none());
        assert_eq!(block_on(first), Ok(10));
        assert_eq!(others.map(|other| block_on(other).unwrap()), [20, 30]);
        let _later = queue.push(4, 0);
        assert!(queue.next_group(false).is_some(), "draining ended with the queue");
    }

    #[test]
    fn a_group_is_bounded_by_operations_and_bytes() {
        let queue = Queue::<usize, ()>::default();
        let sizes = [BATCH_BYTES_MAX * 2, 1, BATCH_BYTES_MAX - 1, 1];
        let _answers: Vec<_> = sizes.iter().enumerate().map(|(n, &bytes)| queue.push(n, bytes)).collect();
        let mut groups = Vec::new();
        while let Some(group) = queue.next_group(!groups.is_empty()) {
            groups.push(group.operations.clone());
            let answers = vec![(); group.operations.len()];
            queue.answer(group, answers);
        }
        assert_eq!(groups, [vec![0], vec![1, 2], vec![3]]);
        let _answers: Vec<_> = (0..=BATCH_OPS_MAX).map(|n| queue.push(n, 0)).collect();
        assert_eq!(queue.next_group(false).unwrap().operations.len(), BATCH_OPS_MAX);
    }

    #[test]
    fn a_group_is_taken_ahead_only_when_it_is_full_and_independent() {
        let queue = Queue::<u32, ()>::default();
        let _answers: Vec<_> = (0..3).map(|n| queue.push(n, BATCH_BYTES_MAX / 2)).collect();
        assert!(queue.full_group(|n| *n != 1).is_none(), "one of it rests on what is running");
        assert_eq!(queue.full_group(|n| *n != 2).unwrap().operations, [0, 1]);
        assert!(queue.full_group(|_| true).is_none(), "what is left may gather more");
        let _large = queue.push(3, 2 * BATCH_BYTES_MAX);
        assert_eq!(queue.full_group(|_| true).unwrap().operations, [2]);
        assert_eq!(queue.full_group(|_| true).unwrap().operations, [3], "one that is larger than a group is one");
    }

    #[test]
    fn a_reader_waits_for_what_was_accepted_before_it_and_no_longer() {
        let queue = Queue::<u32, ()>::default();
        block_on(queue.settled());
        let _first = queue.push(1, 0);
        let running = queue.next_group(false).unwrap();
        let mut reader = Box::pin(queue.settled());
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(reader.as_mut().poll(&mut context).is_pending());
        let _second = queue.push(2, 0);
        queue.answer(running, [()]);
        assert!(reader.as_mut().poll(&mut context).is_ready());
    }
}
