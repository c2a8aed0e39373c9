//! What clients do all day, at random.

use super::content::{self, BLOBS, Blob};
use super::known;
use super::model::{Change, IDS, LISTS, Session};
use super::page::{Page, Since};
use crate::support;
use hoardb::blob::CollectOptions;
use hoardb::error::{Error, Result};
use hoardb::queue::Ack;
use hoardb::store::{VerifyOptions, Write, Written};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

fn pick<T: Copy>(rng: &mut fastrand::Rng, from: &[T]) -> T {
    from[rng.usize(..from.len())]
}

fn blob(rng: &mut fastrand::Rng) -> Blob {
    // The one of two parts is rare.
    let known = if rng.u8(..60) == 0 { BLOBS } else { BLOBS - 1 };
    rng.u8(..known)
}

impl Page {
    fn random<T>(&self, ask: impl FnOnce(&mut fastrand::Rng) -> T) -> T {
        self.world.executor.random(ask)
    }

    fn tokens(&self, most: usize) -> Vec<u64> {
        (0..self.random(|rng| rng.usize(..=most))).map(|_| self.world.number()).collect()
    }

    fn metadata(&self) -> Session {
        let mut fields = BTreeMap::from([("v", self.world.number())]);
        self.random(|rng| {
            for name in content::FIELDS.into_iter().skip(1) {
                if rng.bool() {
                    fields.insert(name, rng.u64(..50));
                }
            }
            let cover = (rng.u8(..5) == 0).then(|| blob(rng));
            Session { fields, cover, ..Session::default() }
        })
    }

    fn change(&self) -> Change {
        let list = self.random(|rng| pick(rng, &LISTS));
        match self.random(|rng| rng.u8(..24)) {
            0..3 => Change::Create(self.metadata()),
            3..5 => Change::Put(self.metadata()),
            5..8 => Change::Update {
                set: self.metadata(),
                remove: self.random(|rng| pick(rng, &["title", "cover", "nothing"])),
            },
            8 => Change::Delete,
            9..11 => {
                let mut session = self.metadata();
                for name in LISTS {
                    let tokens = self.tokens(6);
                    if !tokens.is_empty() {
                        session.lists.insert(name, tokens);
                    }
                }
                Change::Save(session)
            }
            11..14 => Change::Set { list, index: self.random(|rng| rng.u64(..10)), token: self.world.number() },
            _ => Change::Append { list, tokens: self.tokens(4) },
        }
    }

    /// A random operation, and which of its attachments go by hash alone.
    fn changes(&self) -> (Vec<(usize, Change)>, Vec<Blob>) {
        let session = self.random(|rng| rng.usize(..IDS.len()));
        if self.random(|rng| rng.u8(..40)) == 0 {
            let other = (session + 1) % IDS.len();
            return (vec![(session, Change::Delete), (other, Change::Delete)], Vec::new());
        }
        let change = self.change();
        let mut stored = change.blobs();
        stored.sort_unstable();
        stored.dedup();
        let now = self.world.version();
        stored.retain(|&blob| {
            let is_there = self.world.oracle.borrow().blob(blob, now, now).any(|is_there| *is_there);
            self.random(|rng| if is_there { rng.bool() } else { rng.u8(..50) == 0 })
        });
        (vec![(session, change)], stored)
    }

    /// One to five operations that are submitted together.
    async fn write(self: &Rc<Self>) {
        let mut replies = Vec::new();
        for _ in 0..self.random(|rng| if rng.bool() { 1 } else { rng.usize(1..=5) }) {
            let (changes, stored) = self.changes();
            replies.push(self.submit(changes, stored, self.ack()));
        }
        for (operation, replied) in replies {
            // What is accepted is accepted; its client goes on.
            if operation.ack != Ack::Accepted {
                self.settle(&operation, replied).await;
            }
        }
    }

    fn ack(&self) -> Ack {
        self.random(|rng| pick(rng, &[Ack::Accepted, Ack::Committed, Ack::Committed, Ack::Committed, Ack::Durable]))
    }

    async fn attach(&self) {
        let blob = self.random(blob);
        let since = self.begin();
        let written = self.call(move |engine| async move {
            engine
                .write(Write::Attach(content::bytes(blob)))
                .await
                .map(|written| matches!(written, Written::Attached(_)))
        });
        self.assert_attached(blob, written.await, Since { number: 0, ..since });
    }

    fn assert_attached(&self, blob: Blob, written: Option<Result<bool>>, since: Since) {
        let Some(is_attached) = self.unless_faulty(written, since, "an attachment") else { return };
        assert!(is_attached);
        let now = self.world.version();
        let oracle = self.world.oracle.borrow();
        assert!(oracle.blob(blob, since.version, now).any(|is_there| *is_there), "attachment {blob} was never there");
    }

    async fn upload(&self) {
        let since = self.begin();
        let blob = self.random(blob);
        let (piece, end) = self.random(|rng| (rng.usize(50..=3 << 19), rng.u8(..4)));
        let uploaded = self.call(move |engine| async move {
            let set = engine.upload_begin().await?;
            for piece in content::blob_bytes(blob).chunks(piece) {
                engine.upload_part(set, piece).await?;
            }
            Ok(match end {
                0 => engine.upload_cancel(set).await.map(|()| None)?,
                // The page forgets about it; the lease runs out.
                1 => None,
                _ => Some(engine.upload_finish(set, "image/png").await?),
            })
        });
        if let Some(reference) = self.unless_faulty(uploaded.await, since, "an upload").flatten() {
            self.assert_attached(blob, Some(Ok(reference.hash == content::blob_hash(blob))), since);
        }
    }

    async fn collect(&self) {
        let since = self.begin();
        let (dry_run, now) = self.random(|rng| (rng.u8(..8) == 0, rng.bool()));
        let options = CollectOptions { dry_run, grace_ms: now.then_some(0) };
        let collected = self.call(move |engine| async move { support::collect(&engine, options).await });
        self.unless_faulty(collected.await, since, "collect");
    }

    async fn verify(&self) {
        let since = self.begin();
        let options = self.random(|rng| VerifyOptions { full: rng.bool(), repair: rng.u8(..4) == 0 });
        let verified = self.call(move |engine| async move { support::verify(&engine, options).await });
        if let Some(report) = self.unless_faulty(verified.await, since, "verify") {
            let new = report.findings.iter().filter(|finding| !known::is_known_finding(finding));
            assert_eq!(new.count(), 0, "tab {} verifies: {:#?}", self.tab, report.findings);
        }
    }

    async fn flush(&self) {
        let since = self.begin();
        let flushed = self.call(|engine| async move { engine.flush().await }).await;
        if self.unless_faulty(flushed, Since { number: 0, ..since }, "flush").is_some() {
            let durable = self.world.database.borrow().durable();
            assert!(durable >= since.version, "tab {}: flushed {durable} of {}", self.tab, since.version);
        }
    }

    async fn read(&self) {
        let (session, list) = self.random(|rng| (rng.usize(..IDS.len()), pick(rng, &LISTS)));
        match self.random(|rng| rng.u8(..12)) {
            0..2 => {
                let several: Vec<usize> = (0..IDS.len()).filter(|_| self.random(|rng| rng.bool())).collect();
                self.read_metadata(&several).await;
            }
            2..4 => self.read_list(session, list, 0..u64::MAX).await,
            4 => {
                let (from, to) = self.random(|rng| (rng.u64(..6), rng.u64(..12)));
                self.read_list(session, list, from..to.max(from)).await;
            }
            5..7 => self.load(session).await,
            7 => self.read_lists(session).await,
            8 => self.read_totals().await,
            9..11 => self.read_attachment(self.random(blob)).await,
            _ => {
                let (order_by, reverse) = self.random(|rng| (pick(rng, &[None, Some("at")]), rng.bool()));
                self.list_sessions(order_by, reverse).await;
            }
        }
    }

    /// Does so many things, one after the other. Several clients of a page share the number.
    pub async fn work(self: Rc<Self>, left: Rc<Cell<u32>>) {
        while left.get() > 0 {
            left.set(left.get() - 1);
            match self.random(|rng| rng.u8(..40)) {
                0..20 => self.write().await,
                20..32 => self.read().await,
                32..34 => self.attach().await,
                34 => self.upload().await,
                35 => self.collect().await,
                36 => self.verify().await,
                37 => self.flush().await,
                _ => {
                    let ms = self.random(|rng| rng.u64(..50));
                    self.world.executor.sleep(ms).await;
                }
            }
        }
    }

    /// Closing is an end like any other: what was accepted is committed before.
    pub async fn close(&self) {
        let since = self.begin();
        let closed = self.call(|engine| async move { engine.close().await }).await;
        if self.unless_faulty(closed, Since { number: 0, ..since }, "close").is_some() {
            let counted = self.call(|engine| async move { engine.count().await }).await;
            assert!(matches!(counted, Some(Err(error)) if *error == Error::Closed));
        }
    }
}
