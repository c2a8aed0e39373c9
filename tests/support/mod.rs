//! What the native tests of the engine share: a host whose clock and randomness are theirs, and shorthands.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use hoardb::backend::Backend;
use hoardb::blob::{Attachment, CollectOptions, CollectReport};
use hoardb::error::Result;
use hoardb::event::Event;
use hoardb::host::Host;
use hoardb::job::Step;
use hoardb::session::{Id, ListName};
use hoardb::store::{Collection, Document, Documents, Store, Verification, VerifyOptions, VerifyReport};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

pub mod seeds;
pub mod unruly;

/// A clock that the test moves, randomness from a seed, and what the engine reported. Clones share all of it.
#[derive(Clone)]
pub struct TestHost {
    pub now_ms: Rc<Cell<u64>>,
    random: Rc<RefCell<fastrand::Rng>>,
    pub events: Rc<RefCell<Vec<Event>>>,
    /// The test passes on what other engines commit.
    pub hears_peers: Rc<Cell<bool>>,
    /// The index's code cannot be loaded.
    pub lacks_index: Rc<Cell<bool>>,
    /// How often it was asked for.
    pub index_loads: Rc<Cell<u32>>,
}

impl TestHost {
    pub fn new(seed: u64) -> Self {
        let random = Rc::new(RefCell::new(fastrand::Rng::with_seed(seed)));
        Self {
            now_ms: Rc::new(Cell::new(1_000_000)),
            random,
            events: Rc::default(),
            hears_peers: Rc::default(),
            lacks_index: Rc::default(),
            index_loads: Rc::default(),
        }
    }
}

impl Host for TestHost {
    fn now_ms(&self) -> u64 {
        self.now_ms.get()
    }

    fn random(&self) -> u128 {
        self.random.borrow_mut().u128(..)
    }

    fn hears_peers(&self) -> bool {
        self.hears_peers.get()
    }

    async fn load_index(&self) -> std::result::Result<(), String> {
        self.index_loads.set(self.index_loads.get() + 1);
        if self.lacks_index.get() { Err("it is not served".into()) } else { Ok(()) }
    }

    async fn sleep(&self, ms: u64) {
        self.now_ms.set(self.now_ms.get() + ms);
    }

    fn report(&self, event: Event) {
        self.events.borrow_mut().push(event);
    }
}

pub fn id(text: &str) -> Id {
    Id::new(text).unwrap()
}

pub fn list(text: &str) -> ListName {
    ListName::new(text).unwrap()
}

pub fn document(json: &str) -> Document {
    Document { json: json.into(), attachments: Vec::new() }
}

pub fn documents(texts: &[&str]) -> Documents {
    Documents {
        json: texts.concat().into_bytes(),
        lengths: texts.iter().map(|text| text.len() as u32).collect(),
        attachments: Vec::new(),
    }
}

pub fn bytes(bytes: &[u8]) -> Attachment {
    Attachment::Bytes { media_type: "image/png".into(), bytes: bytes.to_vec() }
}

pub async fn verify<B: Backend, H: Host>(store: &Store<B, H>, options: VerifyOptions) -> Result<VerifyReport> {
    let mut run = Verification::new(options);
    loop {
        if let Step::Done(_, report) = store.verify(&mut run).await? {
            return Ok(report);
        }
    }
}

pub const FULL: VerifyOptions = VerifyOptions { full: true, repair: false };
pub const QUICK: VerifyOptions = VerifyOptions { full: false, repair: false };
pub const REPAIR: VerifyOptions = VerifyOptions { full: true, repair: true };

pub async fn collect<B: Backend, H: Host>(store: &Store<B, H>, options: CollectOptions) -> Result<CollectReport> {
    let mut run = Collection::new(options);
    loop {
        if let Step::Done(_, report) = store.collect(&mut run).await? {
            return Ok(report);
        }
    }
}

pub fn now() -> CollectOptions {
    CollectOptions { dry_run: false, grace_ms: Some(0) }
}
