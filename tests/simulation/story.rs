//! A seed's story: tabs come, work, crash and come again; between chapters everything is looked at on a quiet machine.

use super::content::BLOBS;
use super::executor::{Executor, Group};
use super::faults::Odds;
use super::model::{Change, IDS};
use super::page::{Engine, Page};
use super::world::World;
use super::workload;
use crate::support::{FULL, QUICK, collect, now, verify};
use hoardb::backend::Durability;
use hoardb::session::ChunkLimits;
use hoardb::store::{Options, UPLOAD_LEASE_MS};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// Things that a tab does in a chapter, at most.
const STEPS: u32 = 24;

/// Virtual time without any event after which a story hangs: 10 minutes.
const HANG_MS: u64 = 10 * 60 * 1000;

/// A tab: pages come and go in it until its work is done.
struct Tab {
    number: usize,
    options: Options,
    left: Rc<Cell<u32>>,
    clients: u32,
    is_done: Rc<Cell<bool>>,
    page: Rc<RefCell<Option<Rc<Page>>>>,
}

struct Story {
    world: Rc<World>,
    executor: Rc<Executor>,
    odds: Odds,
    chunk: ChunkLimits,
    writers: Cell<usize>,
    tabs: Vec<Tab>,
}

/// Plays a seed, and returns what happened as a number.
pub fn play(seed: u64, is_shown: bool) -> u64 {
    let executor = Rc::new(Executor::new(seed, is_shown));
    let world = World::new(&executor);
    let odds = executor.random(Odds::random);
    executor.trace(format_args!("{odds:?}, latency {}", world.latency_ms));
    let chunk = ChunkLimits { items: executor.random(|rng| rng.usize(1..=6)), bytes: 1 << 10 };
    let story =
        Story { world, executor: Rc::clone(&executor), odds, chunk, writers: Cell::new(0), tabs: Vec::new() };
    executor.run(story.tell());
    executor.hash()
}

impl Story {
    async fn tell(mut self) {
        for _ in 0..self.executor.random(|rng| rng.u32(1..=3)) {
            self.chapter().await;
            self.look().await;
        }
        self.end().await;
    }

    fn options(&self) -> Options {
        let durability = if self.executor.chance(200) { Durability::Strict } else { Durability::Relaxed };
        let grace_ms = self.executor.random(|rng| [0, 100, 10_000][rng.usize(..3)]);
        Options { chunk: self.chunk, durability, grace_ms }
    }

    fn writer(&self) -> usize {
        self.writers.set(self.writers.get() + 1);
        self.writers.get()
    }

    /// Tabs work, in the seed's weather, until all of them are done or something ends it.
    async fn chapter(&mut self) {
        let tabs = self.executor.random(|rng| rng.usize(1..=4));
        self.tabs = (0..tabs)
            .map(|number| Tab {
                number,
                options: self.options(),
                left: Rc::new(Cell::new(self.executor.random(|rng| rng.u32(1..=STEPS)))),
                clients: self.executor.random(|rng| rng.u32(1..=3)),
                is_done: Rc::default(),
                page: Rc::default(),
            })
            .collect();
        *self.world.odds.borrow_mut() = self.odds.clone();
        for tab in &self.tabs {
            self.start(tab);
        }
        let mut quiet_since = (self.executor.events(), self.executor.now_ms());
        while !self.tabs.iter().all(|tab| tab.is_done.get()) {
            self.executor.pause(100).await;
            if self.executor.events() != quiet_since.0 {
                quiet_since = (self.executor.events(), self.executor.now_ms());
            }
            assert!(self.executor.now_ms() - quiet_since.1 < HANG_MS, "hung: nothing happens any more");
            if self.trouble() {
                break;
            }
        }
        *self.world.odds.borrow_mut() = Odds::default();
        self.world.fill(0);
        self.finish().await;
    }

    /// Something happens to the machine, or nothing does. True if the chapter is over.
    fn trouble(&self) -> bool {
        let executor = &self.executor;
        let tab = &self.tabs[executor.random(|rng| rng.usize(..self.tabs.len()))];
        // A page that was closed for good is loaded again.
        let is_closed = tab.page.borrow().as_ref().is_some_and(|page| page.is_closed.get());
        if !tab.is_done.get() && (is_closed || executor.chance(self.odds.crash)) {
            self.crash(tab.number);
            self.start(tab);
        }
        if executor.chance(self.odds.freeze) {
            let ms = executor.random(|rng| rng.u64(..2000));
            executor.trace(format_args!("tab {} freezes for {ms}", tab.number));
            executor.freeze(tab.number, ms);
        }
        if executor.chance(self.odds.lose)
            && let Some(page) = &*tab.page.borrow()
        {
            page.store.backend().lose();
        }
        if executor.chance(self.odds.full) {
            let ms = executor.random(|rng| rng.u64(..1000));
            executor.trace(format_args!("full for {ms}"));
            self.world.fill(ms);
        }
        if executor.chance(self.odds.kill) {
            self.kill();
            return true;
        }
        if executor.chance(self.odds.power) {
            self.cut();
            return true;
        }
        false
    }

    /// Opens a page in a tab, as often as it takes, and lets clients work.
    fn start(&self, tab: &Tab) {
        let (world, number, clients) = (Rc::clone(&self.world), tab.number, tab.clients);
        let (is_alone, options) = (self.tabs.len() == 1, tab.options);
        let (left, is_done, place) = (Rc::clone(&tab.left), Rc::clone(&tab.is_done), Rc::clone(&tab.page));
        let first = self.writer();
        // Each attempt to open is a page of its own.
        self.writers.set(self.writers.get() + 1000);
        self.executor.spawn(Group::Tab(number), async move {
            for writer in first.. {
                let Ok(page) = Page::open(&world, number, writer, options).await else {
                    world.executor.pause(50).await;
                    continue;
                };
                let page = Rc::new(Page { is_alone, ..page });
                place.replace(Some(Rc::clone(&page)));
                let working = Rc::new(Cell::new(clients));
                for _ in 0..clients {
                    let (page, left, working) = (Rc::clone(&page), Rc::clone(&left), Rc::clone(&working));
                    let is_done = Rc::clone(&is_done);
                    world.executor.spawn(Group::Tab(number), async move {
                        Rc::clone(&page).work(left).await;
                        working.set(working.get() - 1);
                        if working.get() == 0 && !page.is_closed.get() {
                            is_done.set(true);
                        }
                    });
                }
                return;
            }
        });
    }

    /// A tab crashes: what runs in it stops where it is. The browser finishes some of its transactions.
    fn crash(&self, tab: usize) {
        self.executor.trace(format_args!("tab {tab} crashes"));
        self.executor.cancel(|group| group == Group::Tab(tab));
        self.executor.cancel(|group| group == Group::Transaction(tab) && self.executor.random(|rng| rng.bool()));
        self.tabs[tab].page.take();
    }

    /// The browser is killed: nothing goes on, and what was committed is there.
    fn kill(&self) {
        self.executor.trace(format_args!("all tabs die"));
        self.executor.cancel(|group| group != Group::Story);
        self.tabs.iter().for_each(|tab| drop(tab.page.take()));
    }

    /// The power goes: of what was not made durable, the end is gone.
    fn cut(&self) {
        self.kill();
        let (durable, version) = (self.world.database.borrow().durable(), self.world.version());
        let last = self.executor.random(|rng| rng.u64(durable..=version));
        self.executor.trace(format_args!("the power goes: {last} of {durable} to {version} commits are left"));
        let mut database = self.world.database.borrow_mut();
        database.cut(last);
        self.world.oracle.borrow_mut().cut(last, &database);
    }

    /// Ends the chapter for the tabs that are left, one way or another.
    async fn finish(&self) {
        for tab in &self.tabs {
            let page = tab.page.borrow().clone();
            if let Some(page) = page.filter(|page| !page.is_closed.get() && tab.is_done.get())
                && self.executor.random(|rng| rng.bool())
            {
                workload::close(&page).await;
            }
        }
        self.kill();
    }

    /// A new page reads everything on a quiet machine, and holds it against the model.
    async fn look(&self) {
        let writer = self.writer();
        let page = Page::open(&self.world, 0, writer, self.options()).await.expect("nothing fails now");
        let page = Page { is_alone: true, ..page };
        assert_clean(&page.store).await;
        page.read_metadata(&[0, 1, 2, 3, 4]).await;
        for session in 0..IDS.len() {
            page.load(session).await;
        }
        page.read_totals().await;
        page.list_sessions(Some("at"), false).await;
        for blob in 0..BLOBS {
            let is_used = *self.world.oracle.borrow().used(blob, page.world.version(), page.world.version()).next().expect("one");
            if is_used {
                page.read_attachment(blob).await;
            }
        }
        page.store.close().await;
    }

    /// At the end everything goes, and nothing is left behind.
    async fn end(&self) {
        let writer = self.writer();
        let page = Page::open(&self.world, 0, writer, self.options()).await.expect("nothing fails now");
        for session in 0..IDS.len() {
            let (operation, receipt) = page.submit(vec![(session, Change::Delete)], Vec::new());
            page.store.drain().await;
            page.settle(&operation, receipt).await;
        }
        self.executor.skip(2 * UPLOAD_LEASE_MS);
        collect(&page.store, now()).await.expect("nothing fails now");
        assert_clean(&page.store).await;
        let stats = page.store.stats().await.expect("nothing fails now");
        assert_eq!((stats.stored_bytes, stats.logical_bytes, stats.chunks, stats.attachments), (0, 0, 0, 0));
    }
}

async fn assert_clean(store: &Engine) {
    for options in [FULL, QUICK] {
        let report = verify(store, options).await.expect("nothing fails now");
        assert!(report.clean, "{:#?}", report.findings);
    }
}
