//! What a session is and what each operation does to it, with plain maps.

use super::content::{self, Blob, Stored};
use hoardb::session::{Id, ListName};
use hoardb::store::{Document, Write};
use std::collections::BTreeMap;
use std::rc::Rc;

/// The ids of all sessions, by number.
pub const IDS: [&str; 5] = ["a", "b", "é\u{1F600}", "ab", "__proto__"];
/// The names of all lists.
pub const LISTS: [&str; 3] = ["l", "lm", "notes"];

pub fn id(session: usize) -> Id {
    Id::new(IDS[session]).expect("an id")
}

pub fn list(name: &str) -> ListName {
    ListName::new(name).expect("a name")
}

/// A session. Lists without items are left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Session {
    pub fields: BTreeMap<&'static str, u64>,
    pub cover: Option<Blob>,
    /// Tokens of the items.
    pub lists: BTreeMap<&'static str, Vec<u64>>,
}

/// A session, or that there is none.
pub type State = Option<Rc<Session>>;

impl Session {
    pub fn list(&self, name: &str) -> &[u64] {
        self.lists.get(name).map(Vec::as_slice).unwrap_or_default()
    }

    pub fn items(&self) -> u64 {
        self.lists.values().map(|tokens| tokens.len() as u64).sum()
    }

    /// The attachments in use, as often as they are.
    pub fn blobs(&self) -> impl Iterator<Item = Blob> {
        self.cover.into_iter().chain(self.lists.values().flatten().filter_map(|&token| content::blob_of(token)))
    }
}

/// What an operation does to one session.
#[derive(Debug, Clone)]
pub enum Change {
    Create(Session),
    Put(Session),
    Update { set: Session, remove: &'static str },
    Delete,
    Save(Session),
    Append { list: &'static str, tokens: Vec<u64> },
    Set { list: &'static str, index: u64, token: u64 },
}

/// What an operation answers for one session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answer {
    Done,
    Existed(bool),
    Index(u64),
    /// Refused, with this code, for this reason.
    Refused(&'static str, &'static str),
}

impl Change {
    /// The session afterwards, if it is another one then, and the answer.
    pub fn happen(&self, state: &State) -> (Option<State>, Answer) {
        let changed = |session: Session| Some(Some(Rc::new(session)));
        let lists = || state.as_ref().map(|session| session.lists.clone()).unwrap_or_default();
        let no_session = (None, Answer::Refused("NotFound", "session"));
        match self {
            Self::Create(_) if state.is_some() => (None, Answer::Refused("AlreadyExists", "")),
            Self::Create(session) | Self::Save(session) => (changed(session.clone()), Answer::Done),
            Self::Put(session) => (changed(Session { lists: lists(), ..session.clone() }), Answer::Done),
            Self::Delete => (state.is_some().then_some(None), Answer::Existed(state.is_some())),
            Self::Update { set, remove } => {
                let Some(session) = state else { return no_session };
                let mut session = Session::clone(session);
                session.fields.remove(remove);
                session.fields.extend(&set.fields);
                session.cover = set.cover.or(session.cover.filter(|_| *remove != "cover"));
                (changed(session), Answer::Done)
            }
            Self::Append { list, tokens } => {
                let Some(session) = state else { return no_session };
                let index = Answer::Index(session.list(list).len() as u64);
                if tokens.is_empty() {
                    return (None, index);
                }
                let mut session = Session::clone(session);
                session.lists.entry(list).or_default().extend(tokens);
                (changed(session), index)
            }
            Self::Set { list, index, token } => {
                let Some(session) = state else { return no_session };
                let mut session = Session::clone(session);
                match session.lists.get_mut(list).and_then(|tokens| tokens.get_mut(*index as usize)) {
                    Some(slot) => *slot = *token,
                    None => return (None, Answer::Refused("NotFound", "item")),
                }
                (changed(session), Answer::Done)
            }
        }
    }

    /// The attachments that it brings.
    pub fn blobs(&self) -> Vec<Blob> {
        let of = |token: &u64| content::blob_of(*token);
        match self {
            Self::Create(session) | Self::Put(session) | Self::Save(session) => session.blobs().collect(),
            Self::Update { set, .. } => set.blobs().collect(),
            Self::Delete => Vec::new(),
            Self::Append { tokens, .. } => tokens.iter().filter_map(of).collect(),
            Self::Set { token, .. } => of(token).into_iter().collect(),
        }
    }

    /// The operation as the engine takes it.
    pub fn write(&self, session: usize, stored: Stored<'_>) -> Write {
        let id = id(session);
        let document = |session: &Session| content::metadata(&session.fields, session.cover, stored);
        match self {
            Self::Create(session) => Write::Create { id, metadata: document(session) },
            Self::Put(session) => Write::Put { id, metadata: document(session) },
            Self::Update { set, remove } => {
                Write::Update { id, patch: document(set), remove: vec![(*remove).to_owned()] }
            }
            Self::Delete => Write::Delete { ids: vec![id] },
            Self::Save(session) => {
                let lists = session.lists.iter().map(|(name, tokens)| (list(name), content::items(tokens, stored)));
                Write::Save { id, metadata: document(session), lists: lists.collect() }
            }
            Self::Append { list, tokens } => {
                Write::Append { id, list: self::list(list), items: content::items(tokens, stored) }
            }
            Self::Set { list, index, token } => {
                let items = content::items(&[*token], stored);
                let item = Document { json: items.json, attachments: items.attachments };
                Write::Set { id, list: self::list(list), index: *index, item }
            }
        }
    }
}
