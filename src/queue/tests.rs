use super::*;
use pollster::block_on;

/// An operation on one thing, or on all of them: `*`. What frees room deletes it.
#[derive(Debug, Clone, PartialEq)]
struct Op {
    name: u32,
    on: char,
    frees: bool,
}

impl Operation for Op {
    type Answer = u32;

    fn touches(&self, other: &Self) -> bool {
        self.on == other.on || [self.on, other.on].contains(&'*')
    }

    fn frees(&self) -> bool {
        self.frees
    }

    fn supersedes(&self, other: &Self) -> bool {
        self.frees && self.on == other.on
    }

    fn happened(answer: &u32) -> bool {
        *answer != FULL
    }

    fn done() -> u32 {
        0
    }
}

fn op(name: u32) -> Op {
    Op { name, on: 'a', frees: false }
}

const FULL: u32 = 999;
const ACCEPTED: Terms = Terms { seq: 0, ack: Ack::Accepted, background: false };
const BACKGROUND: Terms = Terms { seq: 0, ack: Ack::Committed, background: true };

fn push(queue: &Queue<Op>, op: Op) -> oneshot::Receiver<u32> {
    queue.push(op, Terms::default(), 0, 0)
}

fn names(group: &Group<Op>) -> Vec<u32> {
    group.operations.iter().map(|op| op.name).collect()
}

fn answer(queue: &Queue<Op>, group: Group<Op>, answers: &[u32]) {
    queue.answer(group, answers.iter().map(|&answer| Verdict::Answer(answer)), 0);
}

fn refuse(queue: &Queue<Op>, group: Group<Op>) {
    let verdicts = vec![Verdict::Kept(FULL); group.operations.len()];
    queue.answer(group, verdicts, 0);
}

fn is_pending<T>(future: &mut std::pin::Pin<Box<impl Future<Output = T>>>) -> bool {
    future.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())).is_pending()
}

#[test]
fn what_gathers_while_a_group_runs_is_the_next_group() {
    let queue = Queue::<Op>::default();
    let first = push(&queue, op(1));
    let running = queue.next_group(false).unwrap();
    let others = [push(&queue, op(2)), push(&queue, op(3))];
    assert!(queue.next_group(false).is_none(), "only one drains at a time");
    answer(&queue, running, &[10]);
    let next = queue.next_group(true).unwrap();
    assert_eq!(names(&next), [2, 3]);
    answer(&queue, next, &[20, 30]);
    assert!(queue.next_group(true).is_none());
    assert_eq!(block_on(first), Ok(10));
    assert_eq!(others.map(|other| block_on(other).unwrap()), [20, 30]);
    let _later = push(&queue, op(4));
    assert!(queue.next_group(false).is_some(), "draining ended with the queue");
}

#[test]
fn a_group_is_bounded_by_operations_and_bytes() {
    let queue = Queue::<Op>::default();
    let sizes = [BATCH_BYTES_MAX * 2, 1, BATCH_BYTES_MAX - 1, 1];
    let _answers: Vec<_> = (0..).zip(sizes).map(|(n, bytes)| queue.push(op(n), Terms::default(), bytes, 0)).collect();
    let mut groups = Vec::new();
    while let Some(group) = queue.next_group(!groups.is_empty()) {
        groups.push(names(&group));
        let answers = vec![0; group.operations.len()];
        answer(&queue, group, &answers);
    }
    assert_eq!(groups, [vec![0], vec![1, 2], vec![3]]);
    let _answers: Vec<_> = (0..=BATCH_OPS_MAX as u32).map(|n| push(&queue, op(n))).collect();
    assert_eq!(queue.next_group(false).unwrap().operations.len(), BATCH_OPS_MAX);
}

#[test]
fn a_group_is_taken_ahead_only_when_it_is_full_and_independent() {
    let queue = Queue::<Op>::default();
    let _answers: Vec<_> = (0..3).map(|n| queue.push(op(n), Terms::default(), BATCH_BYTES_MAX / 2, 0)).collect();
    assert!(queue.full_group(|op| op.name != 1).is_none(), "one of it rests on what is running");
    assert_eq!(names(&queue.full_group(|op| op.name != 2).unwrap()), [0, 1]);
    assert!(queue.full_group(|_| true).is_none(), "what is left may gather more");
    let _large = queue.push(op(3), Terms::default(), 2 * BATCH_BYTES_MAX, 0);
    assert_eq!(names(&queue.full_group(|_| true).unwrap()), [2]);
    assert_eq!(names(&queue.full_group(|_| true).unwrap()), [3], "one that is larger than a group is one");
}

#[test]
fn a_reader_waits_for_what_concerns_it_and_was_accepted_before_it() {
    let queue = Queue::<Op>::default();
    block_on(queue.settled(|_| true));
    let _first = push(&queue, op(1));
    let running = queue.next_group(false).unwrap();
    block_on(queue.settled(|op| op.on == 'b'));
    let mut reader = Box::pin(queue.settled(|op| op.on == 'a'));
    assert!(is_pending(&mut reader));
    let _second = push(&queue, op(2));
    answer(&queue, running, &[0]);
    assert!(!is_pending(&mut reader));
}

#[test]
fn background_work_waits_until_no_users_write_does() {
    let queue = Queue::<Op>::default();
    let _background = queue.push(op(1), BACKGROUND, 0, 0);
    let _users = push(&queue, op(2));
    let group = queue.next_group(false).unwrap();
    assert_eq!(names(&group), [2]);
    answer(&queue, group, &[0]);
    assert_eq!(names(&queue.next_group(true).unwrap()), [1]);
}

#[test]
fn an_accepted_write_is_kept_and_nothing_on_the_same_thing_overtakes_it() {
    let queue = Queue::<Op>::default();
    let kept = queue.push(op(1), ACCEPTED, 5, 0);
    let committed = push(&queue, op(2));
    let group = queue.next_group(false).unwrap();
    refuse(&queue, group);
    assert_eq!(block_on(committed), Ok(FULL), "its promise says that it is not stored");
    let refused = push(&queue, op(3));
    let later = queue.push(op(4), ACCEPTED, 0, 0);
    let _elsewhere = push(&queue, Op { on: 'b', ..op(5) });
    let group = queue.next_group(true).unwrap();
    assert_eq!(names(&group), [5]);
    assert_eq!(block_on(refused), Ok(FULL));
    answer(&queue, group, &[0]);
    assert_eq!(queue.figures().kept, 2);
    assert!(queue.next_group(true).is_none(), "it is not tried again and again");
    queue.retry();
    let group = queue.next_group(false).unwrap();
    assert_eq!(names(&group), [1, 4]);
    answer(&queue, group, &[10, 40]);
    assert_eq!((block_on(kept), block_on(later)), (Ok(10), Ok(40)));
    assert_eq!((queue.figures().kept, queue.figures().waiting, queue.figures().bytes), (0, 0, 0));
}

#[test]
fn a_delete_goes_past_what_is_kept_and_is_followed_by_another_try() {
    let queue = Queue::<Op>::default();
    let superseded = queue.push(op(1), ACCEPTED, 0, 0);
    let _kept = queue.push(Op { on: 'b', ..op(2) }, ACCEPTED, 0, 0);
    let deleted = push(&queue, Op { frees: true, ..op(3) });
    let group = queue.next_group(false).unwrap();
    assert_eq!(names(&group), [1, 2, 3]);
    refuse(&queue, group);
    let group = queue.next_group(true).unwrap();
    assert_eq!((names(&group), queue.figures().kept), (vec![3], 2), "alone it takes no room");
    answer(&queue, group, &[30]);
    assert_eq!((block_on(deleted), block_on(superseded)), (Ok(30), Ok(0)), "nothing would be left of it");
    assert_eq!(names(&queue.next_group(true).unwrap()), [2], "there may be room now");
}

#[test]
fn a_delete_supersedes_only_what_came_before_it_and_only_once_it_happened() {
    let delete = || Op { frees: true, ..op(3) };
    let queue = Queue::<Op>::default();
    let _before = queue.push(op(1), ACCEPTED, 0, 0);
    let group = queue.next_group(false).unwrap();
    refuse(&queue, group);
    let refused = push(&queue, delete());
    let group = queue.next_group(true).unwrap();
    refuse(&queue, group);
    assert_eq!((block_on(refused), queue.figures().kept), (Ok(FULL), 1), "what is there still is not given up");

    let queue = Queue::<Op>::default();
    let _delete = push(&queue, delete());
    let _after = queue.push(op(4), ACCEPTED, 0, 0);
    let group = queue.next_group(false).unwrap();
    refuse(&queue, group);
    let group = queue.next_group(true).unwrap();
    assert_eq!(names(&group), [3]);
    answer(&queue, group, &[30]);
    assert_eq!(names(&queue.next_group(true).unwrap()), [4]);
}

#[test]
fn what_is_tried_again_does_not_overtake_a_delete_that_came_before_it() {
    let queue = Queue::<Op>::default();
    let _delete = push(&queue, Op { frees: true, ..op(1) });
    let _after = queue.push(op(2), ACCEPTED, 0, 0);
    let group = queue.next_group(false).unwrap();
    refuse(&queue, group);
    queue.retry();
    let group = queue.next_group(true).unwrap();
    assert_eq!(names(&group), [1]);
    answer(&queue, group, &[10]);
    assert_eq!(names(&queue.next_group(true).unwrap()), [2]);
}

#[test]
fn what_is_kept_stays_in_the_order_in_which_it_was_accepted() {
    let queue = Queue::<Op>::default();
    let _delete = queue.push(Op { frees: true, ..op(1) }, ACCEPTED, 0, 0);
    let _after = queue.push(op(2), ACCEPTED, 0, 0);
    let group = queue.next_group(false).unwrap();
    refuse(&queue, group);
    // The delete is to be tried alone, but the connection is lost before that.
    queue.fail_waiting(FULL);
    assert_eq!(queue.kept().iter().map(|(op, _)| op.name).collect::<Vec<_>>(), [1, 2]);
    queue.retry();
    assert_eq!(names(&queue.next_group(true).unwrap()), [1, 2]);
}

#[test]
fn what_is_tried_again_is_the_next_group_if_nothing_else_can_be() {
    let queue = Queue::<Op>::default();
    let _first = queue.push(op(1), ACCEPTED, 0, 0);
    let _delete = queue.push(Op { on: '*', frees: true, ..op(2) }, ACCEPTED, 0, 0);
    let group = queue.next_group(false).unwrap();
    refuse(&queue, group);
    // The delete is to be tried alone, but the connection is lost before that. Then comes one that has to wait for it.
    queue.fail_waiting(FULL);
    let mut held_back = Box::pin(push(&queue, Op { on: 'b', frees: true, ..op(3) }));
    queue.retry();
    let mut reader = Box::pin(queue.settled(|_| true));
    assert!(is_pending(&mut reader));
    let mut tried = Vec::new();
    while let Some(group) = queue.next_group(true) {
        tried.extend(names(&group));
        refuse(&queue, group);
    }
    assert_eq!(tried, [1, 2]);
    assert!(!is_pending(&mut reader) && !is_pending(&mut held_back));
}

#[test]
fn a_reader_does_not_wait_for_what_is_kept() {
    let queue = Queue::<Op>::default();
    let _kept = queue.push(op(1), ACCEPTED, 0, 0);
    let group = queue.next_group(false).unwrap();
    let mut reader = Box::pin(queue.settled(|_| true));
    assert!(is_pending(&mut reader));
    refuse(&queue, group);
    assert!(!is_pending(&mut reader));
    block_on(queue.settled(|_| true));
}

#[test]
fn what_waits_shares_the_fate_of_a_group_that_lost_the_store() {
    let queue = Queue::<Op>::default();
    let answers = [push(&queue, op(1)), queue.push(op(2), BACKGROUND, 0, 0)];
    let _kept = queue.push(op(3), ACCEPTED, 0, 0);
    queue.fail_waiting(FULL);
    assert_eq!(answers.map(|answer| block_on(answer).unwrap()), [FULL, FULL]);
    assert_eq!(queue.kept().iter().map(|(op, _)| op.name).collect::<Vec<_>>(), [3]);
}
