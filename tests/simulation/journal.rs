//! The end of a page: what is not answered yet it writes into the journal itself.

use super::database::Scope;
use super::executor::Group;
use super::page::Page;
use futures_channel::oneshot;
use hoardb::backend::{Op, StoreName};
use hoardb::store::journal;
use std::rc::Rc;

/// The connection with which a page writes its journal: its transaction is committed though the page goes.
pub const JOURNAL: usize = 0;

impl Page {
    /// The page is hidden, and may be gone for good after this.
    pub fn hide(self: &Rc<Self>) {
        let mut rows = Vec::new();
        for (operation, write) in self.to_journal() {
            let now_ms = self.world.executor.now_ms();
            let (key, record) = journal::record(self.writer as u128, operation.seq, now_ms, &write);
            rows.push((operation, key, record));
        }
        self.world.executor.trace(format_args!("tab {} is hidden with {} writes", self.tab, rows.len()));
        if rows.is_empty() {
            return;
        }
        let (world, writer, tab, page) = (Rc::clone(&self.world), self.writer, self.tab, Rc::clone(self));
        let turn = world.transactions.create(Scope::write([StoreName::Journal].into_iter()));
        world.executor.clone().spawn(Group::Transaction(tab, JOURNAL), async move {
            turn.begun().await;
            world.executor.pause(world.latency_ms).await;
            if world.is_full() {
                return page.not_in_journal(rows.iter().map(|(operation, ..)| operation.seq));
            }
            let (mut operations, mut ops) = (Vec::new(), Vec::new());
            for (operation, key, record) in rows {
                world.executor.trace(format_args!("#{} is in the journal", operation.number));
                operations.push(operation);
                ops.push(Op::Put(StoreName::Journal, key, record));
            }
            let mut database = world.database.borrow_mut();
            let changed = database.apply(ops).to_vec();
            let mut oracle = world.oracle.borrow_mut();
            oracle.journaled(operations);
            let committed = oracle.committed(writer, &database, &changed);
            committed.unwrap_or_else(|problem| panic!("the journal of tab {tab}: {problem}"));
        });
    }
    /// Takes writes that failed out of the journal.
    pub async fn erase(&self, seqs: Vec<u64>) {
        let (world, writer, tab) = (Rc::clone(&self.world), self.writer, self.tab);
        let turn = world.transactions.create(Scope::write([StoreName::Journal].into_iter()));
        let (done, erased) = oneshot::channel();
        world.executor.clone().spawn(Group::Transaction(tab, JOURNAL), async move {
            turn.begun().await;
            world.executor.pause(world.latency_ms).await;
            let mut database = world.database.borrow_mut();
            let key = |seq: &u64| journal::key(writer as u128, *seq);
            let deletes = seqs.iter().map(|seq| Op::Delete(StoreName::Journal, key(seq)));
            let changed = database.apply(deletes.collect()).to_vec();
            let mut oracle = world.oracle.borrow_mut();
            seqs.into_iter().for_each(|seq| oracle.erased(writer, seq));
            let committed = oracle.committed(writer, &database, &changed);
            committed.unwrap_or_else(|problem| panic!("the journal of tab {tab}: {problem}"));
            let _ = done.send(());
        });
        let _ = erased.await;
    }
}
