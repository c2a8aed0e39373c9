//! Searching: the index's answer, with the sessions that it names and the stretches of text that show why.

use super::Store;
use super::read::SessionRead;
use crate::backend::{Backend, KeyRange, Row, Scan, StoreName};
use crate::error::{Error, Result};
use crate::host::Host;
use crate::index::{self, Analysers, Answer, Found, Hit, Request, Schema, Snippet, Suggest, Suggestion, Work};
use crate::session::{Id, ListName};

/// Parts that are read in one go to be summed up: at most 32 MiB.
const SUM_PARTS: usize = 32;

/// How often a search is made again because sessions that it found were deleted meanwhile.
const ATTEMPTS_MAX: usize = 3;

/// What a search found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SearchResult {
    /// The index's answer.
    pub found: Found,
    /// The metadata of each hit; empty when it was not asked for. A session that cannot be read has none.
    pub sessions: Vec<Option<SessionRead>>,
    /// The snippets of each hit; empty when they were not asked for.
    pub snippets: Vec<Vec<Shown>>,
    /// The index is not whole: there may be more.
    pub incomplete: bool,
}

/// A stretch of a hit's text.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    /// The field.
    pub field: String,
    /// The item that it is of; none: the metadata.
    pub at: Option<(String, u64)>,
    /// The stretch.
    pub text: String,
    /// What matches in it, from and to in UTF-16 units of the stretch.
    pub highlights: Vec<(usize, usize)>,
}

/// What the index holds.
#[derive(Debug, Clone, PartialEq)]
pub struct IndexStats {
    /// What is indexed.
    pub schema: Schema,
    /// How much.
    pub figures: index::Figures,
    /// Bytes of the records that hold it.
    pub stored_bytes: u64,
    /// It is not whole yet.
    pub building: bool,
}

impl<B: Backend, H: Host> Store<B, H> {
    /// What is indexed, and so can be asked for.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] when nothing is, [`Error::SearchUnavailable`] without the index's code.
    pub async fn schema(&self) -> Result<Schema> {
        let config = self.index_config().await?;
        match &config.schema {
            Some(schema) => self.need_index().await.map(|()| schema.clone()),
            // Says why.
            None => Err(self.refresh_index().await.err().unwrap_or_else(|| Error::Closed.into())),
        }
    }

    /// Searches. Sees every write that was accepted before, but none that is kept for want of room.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`], [`Error::TooLarge`] for what cannot be asked of this index.
    pub async fn search(&self, request: &Request) -> Result<SearchResult> {
        self.settled().await?;
        for attempt in 1.. {
            self.refresh_index().await?;
            let mut refused = None;
            let found = self
                .ask_index(&mut |index| {
                    Ok(match index.search(&request.search, &Analysers) {
                        Ok(Answer::Needs(parts)) => Work::Needs(parts),
                        Ok(Answer::Damaged(damage)) => return Err(damage),
                        Ok(Answer::Found(found)) => Work::Done(Some(found)),
                        Err(error) => {
                            refused = Some(error);
                            Work::Done(None)
                        }
                    })
                })
                .await?;
            self.shed_index();
            let Some(found) = found else {
                return Err(refused.unwrap_or_else(|| Error::invalid("search", "it cannot be asked")));
            };
            let mut result =
                SearchResult { found, incomplete: self.indexed.is_incomplete(), ..SearchResult::default() };
            let whole = self.describe(request, &mut result).await?;
            if whole || attempt == ATTEMPTS_MAX {
                return Ok(result);
            }
            // Another tab deleted what was found.
            self.distrust();
        }
        Ok(SearchResult::default())
    }

    /// Completes the last word of a text.
    ///
    /// # Errors
    /// As those of [`Store::search`].
    pub async fn suggest(&self, request: &Suggest) -> Result<Vec<Suggestion>> {
        self.settled().await?;
        self.refresh_index().await?;
        let mut refused = None;
        let completions = self
            .ask_index(&mut |index| {
                Ok(match index.suggest(request) {
                    Ok(Answer::Needs(parts)) => Work::Needs(parts),
                    Ok(Answer::Damaged(damage)) => return Err(damage),
                    Ok(Answer::Found(found)) => Work::Done(Some(found)),
                    Err(error) => {
                        refused = Some(error);
                        Work::Done(None)
                    }
                })
            })
            .await?;
        self.shed_index();
        completions.ok_or_else(|| refused.unwrap_or_else(|| Error::invalid("text", "it cannot be completed")))
    }

    /// Adds what is asked for of each hit. Not whole when one of them is no longer there.
    async fn describe(&self, request: &Request, result: &mut SearchResult) -> Result<bool> {
        if !request.sessions && request.snippets.is_none() {
            return Ok(true);
        }
        let mut ids = Vec::with_capacity(result.found.hits.len());
        for hit in &result.found.hits {
            ids.push(Id::new(hit.session.as_str())?);
        }
        let sessions = self.readable_sessions(&ids).await?;
        let mut whole = true;
        if let Some(units) = request.snippets {
            let schema = self.schema().await?;
            for (hit, session) in result.found.hits.iter().zip(&sessions) {
                result.snippets.push(self.snippets(request, &schema, hit, session.as_ref(), units).await?);
            }
        }
        for session in &sessions {
            whole &= session.is_some();
        }
        if request.sessions {
            result.sessions = sessions;
        }
        result.incomplete |= !whole;
        Ok(whole)
    }

    /// The metadata of sessions; those that cannot be read have none.
    async fn readable_sessions(&self, ids: &[Id]) -> Result<Vec<Option<SessionRead>>> {
        match self.sessions(ids).await {
            Err(error) if error.is_damage() => {}
            read => return read,
        }
        let mut sessions = Vec::with_capacity(ids.len());
        for id in ids {
            sessions.push(match self.sessions(std::slice::from_ref(id)).await {
                Ok(mut read) => read.pop().flatten(),
                Err(error) if error.is_damage() => None,
                Err(error) => return Err(error),
            });
        }
        Ok(sessions)
    }

    /// The stretches that show why a session was found: of its best item, and of its metadata.
    async fn snippets(
        &self,
        request: &Request,
        schema: &Schema,
        hit: &Hit,
        session: Option<&SessionRead>,
        units: usize,
    ) -> Result<Vec<Shown>> {
        let mut shown = Vec::new();
        if let Some((list, index)) = &hit.at {
            let (id, name) = (Id::new(hit.session.as_str())?, ListName::new(list.as_str())?);
            // It may be gone by now.
            let read = self.read(&id, &name, *index..index + 1, 1).await.unwrap_or_default();
            if let Some(chunk) = read.first() {
                let item = chunk.json.strip_prefix(b"[").and_then(|json| json.strip_suffix(b"]")).unwrap_or_default();
                show(request, schema, Some(list), item, units, &mut shown);
            }
            for shown in &mut shown {
                shown.at = Some((list.clone(), *index));
            }
        }
        if let Some(session) = session {
            show(request, schema, None, &session.json, units, &mut shown);
        }
        Ok(shown)
    }

    /// What the index holds; none when there is none.
    pub async fn index_stats(&self) -> Result<Option<IndexStats>> {
        self.settled().await?;
        if self.index_config().await?.schema.is_none() {
            return Ok(None);
        }
        self.refresh_index().await?;
        // Figures count what is attached.
        self.ask_index(&mut index::Index::ids).await?;
        let stats = |index: &mut index::Index| Some((index.schema().clone(), index.figures()));
        let Some((schema, figures)) = self.with_index(stats) else { return Ok(None) };
        let stored_bytes = self.stored_bytes(&figures).await?;
        Ok(Some(IndexStats { schema, figures, stored_bytes, building: self.indexed.is_unfinished() }))
    }

    /// Bytes of the records of all segments; they are summed up once for the same segments.
    pub(super) async fn stored_bytes(&self, figures: &index::Figures) -> Result<u64> {
        let stamps: Vec<u64> = figures.segments.iter().map(|segment| segment.stamp).collect();
        if let Some((of, bytes)) = self.indexed.stored.borrow().as_ref()
            && *of == stamps
        {
            return Ok(*bytes);
        }
        let mut bytes = 0;
        let mut count = |row: Row| {
            bytes += row.value.len() as u64;
            Ok(())
        };
        self.each_row(Scan::new(StoreName::Segments, KeyRange::all(), SUM_PARTS), &mut count).await?;
        self.indexed.stored.replace(Some((stamps, bytes)));
        Ok(bytes)
    }
}

/// Adds a stretch of each text field that has any of the words.
fn show(request: &Request, schema: &Schema, list: Option<&str>, json: &[u8], units: usize, shown: &mut Vec<Shown>) {
    for (number, field) in schema.fields().iter().enumerate() {
        if field.list.as_deref() != list {
            continue;
        }
        let best = index::texts(schema, number, json)
            .iter()
            .map(|text| request.snippet(schema, number, text, units))
            .filter(|snippet| !snippet.highlights.is_empty())
            .max_by_key(|snippet| snippet.highlights.len());
        if let Some(Snippet { text, highlights }) = best {
            shown.push(Shown { field: field.name.clone(), at: None, text, highlights });
        }
    }
}
