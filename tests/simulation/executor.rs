//! A scheduler on one thread with a clock of its own: which ready task runs next, and how long anything takes, is decided by
//! the seed. The clock moves only when nothing is ready.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

/// Whose a task is. A crash drops the tasks of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// The story itself; survives everything.
    Story,
    /// What runs on the page of a tab.
    Page(usize),
    /// What runs in the engine of a tab, which may crash alone.
    Engine(usize),
    /// A transaction that the browser runs for a connection: it may outlive it. The tab and the connection.
    Transaction(usize, usize),
}

struct Task {
    group: Group,
    future: Pin<Box<dyn Future<Output = ()>>>,
    waker: Waker,
}

/// Wakes a task by its number.
struct Wakeup {
    task: usize,
    ready: Arc<Mutex<Vec<usize>>>,
}

impl Wake for Wakeup {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut ready = self.ready.lock().unwrap();
        if !ready.contains(&self.task) {
            ready.push(self.task);
        }
    }
}

/// See the module.
pub struct Executor {
    rng: RefCell<fastrand::Rng>,
    now_ms: Cell<u64>,
    ready: Arc<Mutex<Vec<usize>>>,
    tasks: RefCell<Vec<Option<Task>>>,
    /// By time, then by chance.
    timers: RefCell<BTreeMap<(u64, u64), Waker>>,
    /// Tabs whose tasks do not run until then.
    frozen: RefCell<BTreeMap<usize, u64>>,
    trace: RefCell<Trace>,
}

/// Everything that happened, as a number; as text too when it is asked for.
struct Trace {
    hash: u64,
    events: u64,
    is_shown: bool,
}

impl fmt::Write for Trace {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        Ok(())
    }
}

impl Executor {
    pub fn new(seed: u64, is_shown: bool) -> Self {
        Self {
            rng: RefCell::new(fastrand::Rng::with_seed(seed)),
            now_ms: Cell::new(1_000_000),
            ready: Arc::default(),
            tasks: RefCell::default(),
            timers: RefCell::default(),
            frozen: RefCell::default(),
            trace: RefCell::new(Trace { hash: 0xcbf2_9ce4_8422_2325, events: 0, is_shown }),
        }
    }

    /// Notes that something happened.
    pub fn trace(&self, event: fmt::Arguments<'_>) {
        let mut trace = self.trace.borrow_mut();
        trace.events += 1;
        let _ = fmt::Write::write_fmt(&mut *trace, format_args!("{} {event}\n", self.now_ms.get()));
        if trace.is_shown {
            eprintln!("{:>8} {event}", self.now_ms.get() - 1_000_000);
        }
    }

    /// How many events there were.
    pub fn events(&self) -> u64 {
        self.trace.borrow().events
    }

    /// What happened, as a number.
    pub fn hash(&self) -> u64 {
        self.trace.borrow().hash
    }

    pub fn now_ms(&self) -> u64 {
        self.now_ms.get()
    }

    /// Lets time pass at once, as a machine does that was asleep.
    pub fn skip(&self, ms: u64) {
        self.now_ms.set(self.now_ms.get() + ms);
    }

    /// Asks the seed.
    pub fn random<T>(&self, ask: impl FnOnce(&mut fastrand::Rng) -> T) -> T {
        ask(&mut self.rng.borrow_mut())
    }

    /// True in so many cases of a thousand.
    pub fn chance(&self, per_mille: u32) -> bool {
        per_mille > 0 && self.random(|rng| rng.u32(..1000)) < per_mille
    }

    pub fn spawn(&self, group: Group, future: impl Future<Output = ()> + 'static) {
        let mut tasks = self.tasks.borrow_mut();
        let task = tasks.len();
        let wakeup = Arc::new(Wakeup { task, ready: Arc::clone(&self.ready) });
        wakeup.wake_by_ref();
        tasks.push(Some(Task { group, future: Box::pin(future), waker: wakeup.into() }));
    }

    /// Drops tasks where they are.
    pub fn cancel(&self, choose: impl Fn(Group) -> bool) {
        let mut dropped = Vec::new();
        for task in self.tasks.borrow_mut().iter_mut() {
            if task.as_ref().is_some_and(|task| choose(task.group)) {
                dropped.push(task.take());
            }
        }
        // Outside of the borrow: what is dropped may wake others.
        drop(dropped);
    }

    /// Keeps a tab's tasks from running for a while, as a browser does with a tab in the background.
    pub fn freeze(&self, tab: usize, ms: u64) {
        self.frozen.borrow_mut().insert(tab, self.now_ms() + ms);
    }

    /// Ends after so many milliseconds.
    pub async fn sleep(self: &Rc<Self>, ms: u64) {
        let until = self.now_ms() + ms;
        let mut is_set = false;
        poll_fn(|context| {
            if is_set && self.now_ms() >= until {
                return Poll::Ready(());
            }
            if !is_set {
                is_set = true;
                self.wake_at(until, context.waker().clone());
            }
            Poll::Pending
        })
        .await;
    }

    /// Ends after a random time of at most so many milliseconds.
    pub async fn pause(self: &Rc<Self>, most_ms: u64) {
        let ms = self.random(|rng| rng.u64(..=most_ms));
        self.sleep(ms).await;
    }

    fn wake_at(&self, ms: u64, waker: Waker) {
        let by_chance = self.random(|rng| rng.u64(..));
        self.timers.borrow_mut().insert((ms, by_chance), waker);
    }

    /// Runs everything until this is done.
    pub fn run(self: &Rc<Self>, story: impl Future<Output = ()> + 'static) {
        let is_done = Rc::new(Cell::new(false));
        let done = Rc::clone(&is_done);
        self.spawn(Group::Story, async move {
            story.await;
            done.set(true);
        });
        while !is_done.get() {
            match self.next() {
                Some(task) => self.poll(task),
                None => self.advance(),
            }
        }
        self.cancel(|_| true);
    }

    fn next(&self) -> Option<usize> {
        let mut ready = self.ready.lock().unwrap();
        if ready.is_empty() {
            return None;
        }
        let at = self.random(|rng| rng.usize(..ready.len()));
        Some(ready.swap_remove(at))
    }

    fn poll(&self, at: usize) {
        // It is out of the list while it runs, so that it can spawn and cancel.
        let Some(mut task) = self.tasks.borrow_mut()[at].take() else { return };
        if let Group::Page(tab) | Group::Engine(tab) = task.group
            && let Some(until) = self.frozen.borrow().get(&tab).copied().filter(|until| *until > self.now_ms())
        {
            self.wake_at(until, task.waker.clone());
            self.tasks.borrow_mut()[at] = Some(task);
            return;
        }
        let waker = task.waker.clone();
        if task.future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
            self.tasks.borrow_mut()[at] = Some(task);
        }
    }

    fn advance(&self) {
        let ((ms, _), waker) = self.timers.borrow_mut().pop_first().expect("hung: nobody is ready and no timer is set");
        self.now_ms.set(self.now_ms().max(ms));
        waker.wake();
    }
}
