//! Reads, each held against what was stored while it ran.

use super::content::{self, Blob};
use super::model::{self, IDS, LISTS, Session, State};
use super::page::{Page, Since};
use hoardb::error::Error;
use hoardb::store::{ChunkRead, ListQuery, SessionRead};
use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

/// The tokens of chunks that follow each other from `from`.
pub fn tokens(chunks: &[ChunkRead], from: u64) -> Result<Vec<u64>, String> {
    let mut tokens: Vec<u64> = Vec::new();
    for chunk in chunks {
        if let Some(error) = &chunk.error {
            return Err(error.to_string());
        }
        let read = content::parse_items(&chunk.json, &chunk.attachments)?;
        if read.len() as u64 != chunk.count || chunk.first != from + tokens.len() as u64 {
            return Err(format!("{} items from {} on", chunk.count, chunk.first));
        }
        tokens.extend(read);
    }
    Ok(tokens)
}

/// A session's metadata as the model has it.
pub fn metadata(read: &SessionRead) -> Result<Session, String> {
    let (fields, cover) = content::parse_metadata(&read.json, &read.attachments)?;
    Ok(Session { fields, cover, ..Session::default() })
}

fn part(tokens: &[u64], range: &Range<u64>) -> Vec<u64> {
    let end = range.end.min(tokens.len() as u64) as usize;
    tokens.get(range.start as usize..end).unwrap_or_default().to_vec()
}

fn same_metadata(state: &State, read: &Option<Session>) -> bool {
    match (state, read) {
        (Some(state), Some(read)) => state.fields == read.fields && state.cover == read.cover,
        (None, None) => true,
        _ => false,
    }
}

impl Page {
    /// Fails unless a session was so at some moment of a read.
    fn assert_was(&self, session: usize, since: Since, what: &str, was: impl Fn(&State) -> bool) {
        let (from, now) = (self.from(session, since), self.world.version());
        let oracle = self.world.oracle.borrow();
        let states = oracle.views(session, self.writer, since.number, from, now);
        if !states.iter().any(was) {
            panic!("tab {}: {what} of session {session}, between commits {from} and {now}: {states:#?}", self.tab);
        }
    }

    /// Fails unless a list had these items at some moment of a read.
    fn assert_items(&self, session: usize, since: Since, name: &str, range: &Range<u64>, read: &[u64]) {
        let what = format!("{name} {range:?} {read:?}");
        let is_part = |state: &State| state.as_ref().is_some_and(|state| part(state.list(name), range) == read);
        self.assert_was(session, since, &what, is_part);
    }

    fn unwrap<T>(&self, read: Result<T, String>, what: &str) -> T {
        read.unwrap_or_else(|problem| panic!("tab {}: {what}: {problem}", self.tab))
    }

    pub async fn read_metadata(&self, sessions: &[usize]) {
        let since = self.begin();
        let ids: Vec<_> = sessions.iter().map(|&session| model::id(session)).collect();
        let read = self.call(|engine| async move { engine.sessions(&ids).await }).await;
        let Some(read) = self.unless_faulty(read, since, "sessions") else { return };
        for (&session, read) in sessions.iter().zip(read) {
            let read = read.map(|read| self.unwrap(metadata(&read), "metadata"));
            self.assert_was(session, since, &format!("{read:?}"), |state| same_metadata(state, &read));
        }
    }

    pub async fn read_list(&self, session: usize, name: &'static str, range: Range<u64>) {
        let since = self.begin();
        // All of it in one call: only that is promised to be of one moment.
        let items = range.clone();
        let read = self.call(move |engine| async move {
            engine.read(&model::id(session), &model::list(name), items, u64::MAX).await
        });
        match read.await {
            Some(Ok(chunks)) => {
                let read = self.unwrap(tokens(&chunks, range.start), "items");
                self.assert_items(session, since, name, &range, &read);
            }
            Some(Err(error)) if matches!(*error, Error::NotFound { .. }) => {
                self.assert_was(session, since, "NotFound", |state| state.is_none());
            }
            Some(Err(error)) => self.forgive(&error, since, "read"),
            None => {}
        }
    }

    pub async fn load(&self, session: usize) {
        let since = self.begin();
        let load = self.call(move |engine| async move { engine.load(&model::id(session), None, u64::MAX).await });
        match load.await {
            Some(Ok((read, lists))) => {
                let mut whole = self.unwrap(metadata(&read), "metadata");
                for list in lists {
                    let name = LISTS.iter().find(|name| **name == list.stat.name).expect("a list that was written");
                    let read = self.unwrap(tokens(&list.chunks, 0), "items");
                    if !read.is_empty() {
                        whole.lists.insert(name, read);
                    }
                }
                let whole = Some(Rc::new(whole));
                self.assert_was(session, since, &format!("load {whole:?}"), |state| *state == whole);
            }
            Some(Err(error)) if matches!(*error, Error::NotFound { .. }) => {
                self.assert_was(session, since, "NotFound", |state| state.is_none());
            }
            Some(Err(error)) => self.forgive(&error, since, "load"),
            None => {}
        }
    }

    pub async fn read_lists(&self, session: usize) {
        let since = self.begin();
        match self.call(move |engine| async move { engine.lists(&model::id(session)).await }).await {
            Some(Ok(stats)) => {
                let lengths: BTreeMap<&str, u64> =
                    stats.iter().map(|stat| (stat.name.as_str(), stat.items)).filter(|(_, items)| *items > 0).collect();
                self.assert_was(session, since, &format!("{lengths:?}"), |state| {
                    let of = |state: &Rc<Session>| -> BTreeMap<&str, u64> {
                        state.lists.iter().map(|(name, tokens)| (*name, tokens.len() as u64)).collect()
                    };
                    state.as_ref().is_some_and(|state| of(state) == lengths)
                });
            }
            Some(Err(error)) if matches!(*error, Error::NotFound { .. }) => {
                self.assert_was(session, since, "NotFound", |state| state.is_none());
            }
            Some(Err(error)) => self.forgive(&error, since, "lists"),
            None => {}
        }
    }

    pub async fn read_totals(&self) {
        let since = self.begin();
        let stats = self.call(|engine| async move { engine.stats().await }).await;
        let Some(stats) = self.unless_faulty(stats, since, "stats") else { return };
        let totals = (stats.sessions, stats.items);
        let oracle = self.world.oracle.borrow();
        let was =
            oracle.totals(since.version, self.world.version()).any(|known| known.is_none_or(|known| known == totals));
        assert!(was, "tab {}: {totals:?} sessions and items there never were", self.tab);
    }

    pub async fn read_attachment(&self, blob: Blob) {
        let since = self.begin();
        let (hash, size) = (content::blob_hash(blob), content::blob_size(blob) as u64);
        let read = self.call(move |engine| async move { engine.attachment_bytes(&hash, 0..size).await }).await;
        let now = self.world.version();
        match read {
            Some(Ok(bytes)) => assert!(bytes == content::blob_bytes(blob), "attachment {blob} has other bytes"),
            // A collector may take it between the read of its record and that of its parts.
            Some(Err(error)) if matches!(*error, Error::NotFound { .. } | Error::Missing { .. }) => {
                let oracle = self.world.oracle.borrow();
                let unused = oracle.used(blob, since.version, now).any(|used| !used);
                assert!(unused, "tab {}: attachment {blob} is in use: {error}", self.tab);
            }
            Some(Err(error)) => self.forgive(&error, since, "an attachment"),
            None => {}
        }
    }

    /// Lists all sessions by pages of two.
    pub async fn list_sessions(&self, order_by: Option<&str>, reverse: bool) {
        let since = self.begin();
        let mut query = ListQuery { order_by: order_by.map(str::to_owned), reverse, limit: 2, after: None };
        let mut listed: Vec<Session> = Vec::new();
        loop {
            let asked = query.clone();
            let page = self.call(move |engine| async move { engine.list(&asked).await }).await;
            let Some(page) = self.unless_faulty(page, since, "list") else { return };
            assert!(page.damaged.is_empty(), "{:?}", page.damaged);
            listed.extend(page.sessions.iter().map(|read| self.unwrap(metadata(read), "metadata")));
            query.after = page.next;
            if query.after.is_none() {
                break;
            }
        }
        // What stayed as it was must be there, once. The others may have moved while the pages were turned.
        let now = self.world.version();
        let oracle = self.world.oracle.borrow();
        for session in 0..IDS.len() {
            // A listing does not wait for what is kept, nor does it show it.
            let states = oracle.views(session, self.writer, since.number, since.version, now);
            let first = states.first().and_then(|state| state.as_ref());
            let Some(first) = first else { continue };
            if states.iter().all(|state| state.as_ref().is_some_and(|state| state.fields == first.fields)) {
                let times = listed.iter().filter(|read| read.fields == first.fields).count();
                assert!(
                    times == 1,
                    "tab {}: session {session} is {times} times in a listing by {order_by:?}: {listed:?}",
                    self.tab
                );
            }
        }
    }
}
