//! Every operation that writes, and what is stored before it.

use super::faults::Failing;
use crate::support::{self, *};
use hoardb::error::Result;
use hoardb::job::Step;
use hoardb::store::{Document, Documents, Housekeeping, ListQuery, Store, Write};
use std::pin::Pin;

pub type Engine = Store<Failing, TestHost>;
type Done<'a> = Pin<Box<dyn Future<Output = Result<()>> + 'a>>;

const IMAGE: &str = r#"{"image":{"$attachment":0}}"#;

fn with_attachment(json: &str, content: &[u8]) -> Documents {
    Documents { attachments: vec![support::bytes(content)], ..documents(&[json]) }
}

/// Two sessions that share an attachment, one that nobody uses, an abandoned upload.
pub async fn prepare(store: &Engine) -> Result<()> {
    for name in ["a", "b"] {
        let lists = vec![
            (list("shots"), with_attachment(IMAGE, b"shared")),
            (list("notes"), documents(&["1", "2", "3", "4", "5", "6"])),
        ];
        store.write(Write::Save { id: id(name), metadata: document(r#"{"t":1}"#), lists }).await?;
    }
    for n in 0..2 {
        let items = with_attachment(IMAGE, &[n]);
        store.write(Write::Append { id: id("a"), list: list("shots"), items }).await?;
    }
    store.write(Write::Attach(support::bytes(b"unused"))).await?;
    let upload = store.upload_begin().await?;
    store.upload_part(upload, &vec![1; 1 << 20]).await
}

/// A write and its name.
type Named = (&'static str, fn() -> Write);

/// Work that is more than a write, and its name.
type Job = (&'static str, for<'a> fn(&'a Engine) -> Done<'a>);

/// The writes, each by its name. Each may happen again after it happened, but for the append.
pub const WRITES: [Named; 9] = [
    ("create", || Write::Create { id: id("c"), metadata: document("{}") }),
    ("put", || Write::Put { id: id("a"), metadata: document(r#"{"t":2}"#) }),
    ("update", || Write::Update { id: id("a"), patch: document(r#"{"u":2}"#), remove: vec!["t".into()] }),
    ("delete", || Write::Delete { ids: vec![id("a"), id("b")] }),
    ("save", || {
        let lists = vec![(list("shots"), with_attachment(IMAGE, b"new"))];
        Write::Save { id: id("a"), metadata: document("{}"), lists }
    }),
    ("append that merges a tail", || Write::Append {
        id: id("a"),
        list: list("shots"),
        items: with_attachment(IMAGE, b"third"),
    }),
    ("set", || {
        let item = Document { json: IMAGE.into(), attachments: vec![support::bytes(b"set")] };
        Write::Set { id: id("a"), list: list("shots"), index: 0, item }
    }),
    ("attach", || Write::Attach(support::bytes(b"attached"))),
    ("merge", || Write::Merge { id: id("a"), list: list("shots") }),
];

/// The other operations that write.
pub const JOBS: [Job; 4] = [
    ("collect", |store| Box::pin(async move { collect(store, now()).await.map(drop) })),
    ("upload", |store| {
        Box::pin(async move {
            let upload = store.upload_begin().await?;
            store.upload_part(upload, &vec![2; (1 << 20) + 5]).await?;
            store.upload_part(upload, &[2; 100]).await?;
            store.upload_finish(upload, "video/webm").await.map(drop)
        })
    }),
    ("housekeeping", |store| {
        Box::pin(async move {
            let mut run = Housekeeping::new(store.own().await?);
            while let Step::Running(_) = store.housekeep(&mut run).await? {}
            Ok(())
        })
    }),
    ("flush", |store| Box::pin(store.flush())),
];

/// Does an operation by its name.
pub async fn operate(store: &Engine, name: &str) -> Result<()> {
    if let Some((_, job)) = JOBS.iter().find(|(known, _)| *known == name) {
        return job(store).await;
    }
    let (_, write) = WRITES.iter().find(|(known, _)| *known == name).expect("an operation");
    store.write(write()).await.map(drop)
}

/// Does it where it has not been done.
pub async fn operate_again(store: &Engine, name: &str) -> Result<()> {
    let is_appended = || async {
        let lists = store.lists(&id("a")).await?;
        Ok::<_, Box<hoardb::Error>>(lists.iter().any(|list| list.name == "shots" && list.items > 3))
    };
    if name.starts_with("append") && is_appended().await? {
        return Ok(());
    }
    match operate(store, name).await {
        Err(error) if error.code() == "AlreadyExists" => Ok(()),
        other => other,
    }
}

pub fn names() -> impl Iterator<Item = &'static str> {
    WRITES.iter().map(|(name, _)| *name).chain(JOBS.iter().map(|(name, _)| *name))
}

/// Everything that a caller can see, as text.
pub async fn visible(store: &Engine) -> String {
    let mut seen = Vec::new();
    for name in ["a", "b", "c"] {
        let session = &store.sessions(&[id(name)]).await.unwrap()[0];
        seen.push(format!("{name}: {session:?}"));
        for stat in if session.is_some() { store.lists(&id(name)).await.unwrap() } else { Vec::new() } {
            let chunks = store.read(&id(name), &list(&stat.name), 0..u64::MAX, u64::MAX).await.unwrap();
            assert!(chunks.iter().all(|chunk| chunk.error.is_none()), "{chunks:?}");
            // Where the chunks are cut is nobody's business.
            let json: Vec<serde_json::Value> =
                chunks.iter().flat_map(|chunk| serde_json::from_slice::<Vec<_>>(&chunk.json).unwrap()).collect();
            let attachments: Vec<_> = chunks.iter().flat_map(|chunk| &chunk.attachments).collect();
            seen.push(format!("{}: {json:?} {attachments:?}", stat.name));
        }
    }
    let query = ListQuery { order_by: Some("t".into()), limit: 10, ..ListQuery::default() };
    seen.push(format!("{:?}", store.list(&query).await.unwrap().sessions));
    seen.join("\n")
}

/// Attachments and uploads may differ between two correct states (one more without a reference), so they are compared apart.
pub async fn attachments(store: &Engine) -> u64 {
    store.stats().await.unwrap().attachments
}
