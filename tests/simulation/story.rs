//! A seed's story: tabs come, work, crash and come again; between chapters everything is looked at on a quiet machine.

use super::content::BLOBS;
use super::executor::{Executor, Group};
use super::faults::Odds;
use super::journal::JOURNAL;
use super::model::{Change, IDS};
use super::page::Page;
use super::world::World;
use crate::support::{FULL, QUICK, collect, now, verify};
use hoardb::backend::Durability;
use hoardb::queue::Ack;
use hoardb::session::ChunkLimits;
use hoardb::store::{Options, UPLOAD_LEASE_MS};
use std::cell::Cell;
use std::rc::Rc;

/// Things that a tab does in a chapter, at most.
const STEPS: u32 = 60;

/// Stories of a thousand that end with a damaged disk.
const DAMAGED: u32 = 250;

/// Virtual time without any event after which a story hangs: 10 minutes.
const HANG_MS: u64 = 10 * 60 * 1000;

/// Virtual time after which a chapter hangs, whatever else happens: 3 hours.
const CHAPTER_MS: u64 = 3 * 60 * 60 * 1000;

/// A tab: pages come and go in it until its work is done.
struct Tab {
    number: usize,
    options: Options,
    left: Rc<Cell<u32>>,
    clients: u32,
    is_done: Rc<Cell<bool>>,
    page: Rc<Page>,
}

pub struct Story {
    pub world: Rc<World>,
    pub executor: Rc<Executor>,
    odds: Odds,
    chunk: ChunkLimits,
    tabs: Vec<Tab>,
}

/// Plays a seed, and returns what happened as a number.
pub fn play(seed: u64, is_shown: bool) -> u64 {
    let executor = Rc::new(Executor::new(seed, is_shown));
    let world = World::new(&executor);
    let odds = executor.random(Odds::random);
    executor.trace(format_args!("{odds:?}, latency {}", world.latency_ms));
    let chunk = ChunkLimits { items: executor.random(|rng| rng.usize(1..=6)), bytes: 1 << 10 };
    let story = Story { world, executor: Rc::clone(&executor), odds, chunk, tabs: Vec::new() };
    executor.run(story.tell());
    executor.hash()
}

impl Story {
    async fn tell(mut self) {
        for _ in 0..self.executor.random(|rng| rng.u32(1..=3)) {
            self.chapter().await;
            self.look().await;
        }
        if self.executor.chance(DAMAGED) { self.damage().await } else { self.end().await }
    }

    fn options(&self) -> Options {
        let durability = if self.executor.chance(200) { Durability::Strict } else { Durability::Relaxed };
        let grace_ms = self.executor.random(|rng| [0, 100, 10_000][rng.usize(..3)]);
        Options { chunk: self.chunk, durability, grace_ms, ..Options::default() }
    }

    /// Tabs work, in the seed's weather, until all of them are done or something ends it.
    async fn chapter(&mut self) {
        let tabs = self.executor.random(|rng| rng.usize(1..=4));
        self.tabs = (0..tabs)
            .map(|number| {
                let options = self.options();
                Tab {
                    number,
                    options: options.clone(),
                    left: Rc::new(Cell::new(self.executor.random(|rng| rng.u32(1..=STEPS)))),
                    clients: self.executor.random(|rng| rng.u32(1..=3)),
                    is_done: Rc::default(),
                    page: Page::new(&self.world, number, options, tabs == 1),
                }
            })
            .collect();
        *self.world.odds.borrow_mut() = self.odds.clone();
        self.tabs.iter().for_each(|tab| self.start(tab));
        let mut quiet_since = (self.executor.events(), self.executor.now_ms());
        let began = self.executor.now_ms();
        while !self.tabs.iter().all(|tab| tab.is_done.get()) {
            self.executor.pause(100).await;
            if self.executor.events() != quiet_since.0 {
                quiet_since = (self.executor.events(), self.executor.now_ms());
            }
            assert!(self.executor.now_ms() - quiet_since.1 < HANG_MS, "hung: nothing happens any more");
            assert!(self.executor.now_ms() - began < CHAPTER_MS, "hung: a tab does not come to its end");
            if self.trouble() {
                break;
            }
        }
        *self.world.odds.borrow_mut() = Odds::default();
        self.world.fill(0);
        self.finish().await;
    }

    /// Something happens to the machine, or nothing does. True if the chapter is over.
    fn trouble(&mut self) -> bool {
        let executor = Rc::clone(&self.executor);
        let number = executor.random(|rng| rng.usize(..self.tabs.len()));
        let is_done = self.tabs[number].is_done.get();
        if !is_done && executor.chance(self.odds.crash) {
            match executor.random(|rng| rng.u8(..4)) {
                0 => self.crash(number),
                1 => self.crash_engine(number),
                2 => self.tabs[number].page.hide(),
                _ => {
                    self.tabs[number].page.hide();
                    self.crash(number);
                }
            }
        }
        let tab = &self.tabs[number];
        // An engine whose connection was closed for good is of no use.
        if tab.page.is_closed.get() {
            self.crash_engine(number);
        }
        let tab = &self.tabs[number];
        if executor.chance(self.odds.freeze) {
            let ms = executor.random(|rng| rng.u64(..2000));
            executor.trace(format_args!("tab {number} freezes for {ms}"));
            executor.freeze(number, ms);
        }
        if executor.chance(self.odds.lose)
            && let Some(engine) = tab.page.engine()
        {
            engine.backend().lose();
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

    /// Clients begin to work on a page.
    fn start(&self, tab: &Tab) {
        self.open(tab);
        let working = Rc::new(Cell::new(tab.clients));
        for _ in 0..tab.clients {
            let (page, left, working) = (Rc::clone(&tab.page), Rc::clone(&tab.left), Rc::clone(&working));
            let is_done = Rc::clone(&tab.is_done);
            self.executor.spawn(Group::Page(tab.number), async move {
                page.work(left).await;
                working.set(working.get() - 1);
                is_done.set(working.get() == 0);
            });
        }
    }

    /// Opens an engine for a page, as often as it takes.
    fn open(&self, tab: &Tab) {
        let page = Rc::clone(&tab.page);
        self.executor.spawn(Group::Engine(tab.number), async move {
            while page.open().await.is_err() {
                page.world.executor.pause(50).await;
            }
        });
    }

    /// Some of what the browser does for a tab goes on without it.
    fn leave_transactions(&self, tab: usize) {
        let is_left = |group| matches!(group, Group::Transaction(of, number) if of == tab && number != JOURNAL);
        self.executor.cancel(|group| is_left(group) && self.executor.random(|rng| rng.bool()));
    }

    /// A tab crashes: what runs in it stops where it is, and another page is loaded in it.
    fn crash(&mut self, number: usize) {
        self.executor.trace(format_args!("tab {number} crashes"));
        self.executor.cancel(|group| group == Group::Page(number) || group == Group::Engine(number));
        self.leave_transactions(number);
        let tab = &mut self.tabs[number];
        tab.page = Page::new(&self.world, number, tab.options.clone(), tab.page.is_alone);
        self.start(&self.tabs[number]);
    }

    /// An engine crashes; its page starts another.
    fn crash_engine(&self, number: usize) {
        self.executor.trace(format_args!("the engine of tab {number} crashes"));
        self.executor.cancel(|group| group == Group::Engine(number));
        self.leave_transactions(number);
        let tab = &self.tabs[number];
        // Who waits for more than acceptance is told that the outcome is unknown.
        tab.page.crash(|operation| operation.ack != Ack::Accepted);
        self.open(tab);
    }

    /// The browser is killed: nothing goes on, and what was committed is there.
    fn kill(&self) {
        self.executor.trace(format_args!("all tabs die"));
        self.executor.cancel(|group| group != Group::Story);
        self.tabs.iter().for_each(|tab| tab.page.end());
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
            if tab.is_done.get() && tab.page.engine().is_some() && self.executor.random(|rng| rng.bool()) {
                tab.page.close().await;
            }
        }
        self.kill();
    }

    /// A page on a quiet machine.
    pub async fn quiet_page(&self) -> Rc<Page> {
        let page = Page::new(&self.world, 0, self.options(), true);
        page.open().await.expect("nothing fails now");
        page
    }

    /// A new page reads everything on a quiet machine, and holds it against the model.
    async fn look(&self) {
        let page = self.quiet_page().await;
        let replayed = self.world.oracle.borrow_mut().replayed(self.world.version(), &self.world.database.borrow());
        replayed.unwrap_or_else(|problem| panic!("the journal: {problem}"));
        assert_clean(&page).await;
        page.read_metadata(&[0, 1, 2, 3, 4]).await;
        for session in 0..IDS.len() {
            page.load(session).await;
        }
        page.read_totals().await;
        page.list_sessions(Some("at"), false).await;
        let now = self.world.version();
        for blob in 0..BLOBS {
            let is_used = self.world.oracle.borrow().used(blob, now, now).any(|used| *used);
            if is_used {
                page.read_attachment(blob).await;
            }
        }
        page.close().await;
    }

    /// At the end everything goes, and nothing is left behind.
    async fn end(&self) {
        let page = self.quiet_page().await;
        for session in 0..IDS.len() {
            let (operation, replied) = page.submit(vec![(session, Change::Delete)], Vec::new(), Ack::Committed);
            page.settle(&operation, replied).await;
        }
        self.executor.skip(2 * UPLOAD_LEASE_MS);
        page.call(|engine| async move { collect(&engine, now()).await }).await.expect("no crash").expect("no fault");
        assert_clean(&page).await;
        let stats = page.call(|engine| async move { engine.stats().await }).await.expect("no crash").expect("no fault");
        assert_eq!((stats.stored_bytes, stats.logical_bytes, stats.chunks, stats.attachments), (0, 0, 0, 0));
    }
}

async fn assert_clean(page: &Page) {
    for options in [FULL, QUICK] {
        let verified = page.call(move |engine| async move { verify(&engine, options).await }).await;
        let report = verified.expect("no crash").expect("no fault");
        assert!(report.clean, "{:#?}", report.findings);
    }
}
