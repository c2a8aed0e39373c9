//! One simulated machine: the executor, the disk, and who watches.

use super::database::{Database, Transactions};
use super::executor::Executor;
use super::faults::Odds;
use super::oracle::Oracle;
use super::page::Page;
use hoardb::event::Event;
use hoardb::host::Host;
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

/// See the module.
pub struct World {
    pub executor: Rc<Executor>,
    pub database: RefCell<Database>,
    pub transactions: Rc<Transactions>,
    pub oracle: RefCell<Oracle>,
    pub odds: RefCell<Odds>,
    /// The most that each of the three legs of a transaction takes.
    pub latency_ms: u64,
    /// The pages that may be about.
    pub pages: RefCell<Vec<Weak<Page>>>,
    full_until_ms: Cell<u64>,
    numbers: Cell<u64>,
}

impl World {
    pub fn new(executor: &Rc<Executor>) -> Rc<Self> {
        let latency_ms = executor.random(|rng| [0, 3, 20][rng.usize(..3)]);
        Rc::new(Self {
            executor: Rc::clone(executor),
            database: RefCell::default(),
            transactions: Rc::default(),
            oracle: RefCell::new(Oracle::new()),
            odds: RefCell::default(),
            latency_ms,
            pages: RefCell::default(),
            full_until_ms: Cell::default(),
            numbers: Cell::default(),
        })
    }

    /// A number that nothing else has.
    pub fn number(&self) -> u64 {
        self.numbers.set(self.numbers.get() + 1);
        self.numbers.get()
    }

    pub fn version(&self) -> u64 {
        self.database.borrow().version()
    }

    /// There is no space for so long.
    pub fn fill(&self, ms: u64) {
        self.full_until_ms.set(self.executor.now_ms() + ms);
    }

    pub fn is_full(&self) -> bool {
        self.full_until_ms.get() > self.executor.now_ms()
    }
}

/// What a simulated page gives the engine.
#[derive(Clone)]
pub struct SimHost {
    pub world: Rc<World>,
    pub tab: usize,
    /// Whether it listens to other tabs.
    pub hears: bool,
    pub page: Weak<Page>,
}

impl Host for SimHost {
    fn now_ms(&self) -> u64 {
        self.world.executor.now_ms()
    }

    fn random(&self) -> u128 {
        self.world.executor.random(|rng| rng.u128(..))
    }

    async fn sleep(&self, ms: u64) {
        self.world.executor.sleep(ms).await;
    }

    fn hears_peers(&self) -> bool {
        self.hears
    }

    fn report(&self, event: Event) {
        match event {
            Event::Committed { generation, changes } => {
                let mut sessions: Vec<_> = changes.into_iter().map(|change| change.session).collect();
                sessions.dedup();
                self.world.broadcast(self.tab, generation, &sessions);
            }
            Event::Unrecorded { seqs } => {
                self.world.executor.trace(format_args!("tab {} does not record {seqs:?}", self.tab));
                if let Some(page) = self.page.upgrade() {
                    page.unrecorded.replace(seqs);
                }
            }
            event => self.world.executor.trace(format_args!("tab {} reports {event:?}", self.tab)),
        }
    }
}
