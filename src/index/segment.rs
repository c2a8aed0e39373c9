//! A segment as it is read: its head and core, and whatever other parts were loaded.

use super::bytes::{Damage, Read};
use super::column::{Column, Keywords, Numbers};
use super::core::Core;
use super::layout::{COLUMNS, CORE, Head, PART_BYTES_MAX, POSITIONS, POSTINGS, Stream, TERMS, Terms};
use super::postings::Span;
use super::schema::Schema;
use std::borrow::Cow;
use std::rc::Rc;

/// A part of a stored segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartId {
    /// The segment's number in the store.
    pub segment: u64,
    /// The part's number in the segment.
    pub part: u32,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Segment {
    /// Its number in the store.
    pub(super) number: u64,
    pub(super) head: Head,
    schema: Rc<Schema>,
    /// By number; what was not loaded is not there.
    parts: Vec<Option<Vec<u8>>>,
    core: Option<Core>,
    /// By field.
    columns: Vec<Option<Column>>,
}

impl Segment {
    /// Takes part 0.
    pub(super) fn open(number: u64, part: Vec<u8>, schema: &Rc<Schema>) -> Read<Self> {
        if part.len() > PART_BYTES_MAX {
            return Err(Damage("a part is too large"));
        }
        let head = Head::read(&part, schema)?;
        let mut parts = vec![Some(part)];
        parts.resize_with(head.parts as usize + 1, || None);
        let columns = schema.fields().iter().map(|_| None).collect();
        let mut segment = Self { number, head, schema: schema.clone(), parts, core: None, columns };
        segment.read_core()?;
        Ok(segment)
    }

    /// Takes another part.
    pub(super) fn load(&mut self, part: u32, bytes: Vec<u8>) -> Read<()> {
        let slot = self.parts.get_mut(part as usize).ok_or(Damage("it has no such part"))?;
        *slot = Some(bytes);
        if self.core.is_none() {
            self.read_core()?;
        }
        Ok(())
    }

    fn read_core(&mut self) -> Read<()> {
        let span = 0..self.head.length(CORE);
        if let Some(bytes) = self.bytes(CORE, &span)? {
            self.core = Some(Core::read(&bytes, &self.schema)?);
        }
        if self.core.is_some() {
            self.forget(|stretch_of| stretch_of == CORE);
        }
        Ok(())
    }

    /// Drops the parts of these streams; they are loaded again when they are needed. Part 0 stays.
    fn forget(&mut self, of: impl Fn(Stream) -> bool) {
        for (stream, stretches) in self.head.streams.iter().enumerate().filter(|(stream, _)| of(*stream)) {
            for stretch in stretches.iter().filter(|stretch| stretch.part != 0) {
                if let Some(slot) = self.parts.get_mut(stretch.part as usize) {
                    *slot = None;
                }
            }
            if stream == COLUMNS {
                self.columns.iter_mut().for_each(|column| *column = None);
            }
        }
    }

    /// Drops all parts but part 0, and every column.
    pub(super) fn shed(&mut self) {
        self.forget(|stream| stream != CORE);
    }

    /// The core, when it was loaded.
    pub(super) fn core(&self) -> Option<&Core> {
        self.core.as_ref()
    }

    /// The entry group of a field.
    pub(super) fn group_of(&self, field: usize) -> usize {
        self.schema.group_of(field)
    }

    /// How many entries a group has.
    #[inline(always)]
    pub(super) fn entries(&self, group: usize) -> u32 {
        self.core.as_ref().and_then(|core| core.groups.get(group)).map_or(0, |group| group.length)
    }

    /// Bytes of memory.
    pub(super) fn memory(&self) -> usize {
        let parts: usize = self.parts.iter().flatten().map(Vec::capacity).sum();
        let columns: usize = self.columns.iter().flatten().map(Column::memory).sum();
        let chunks: usize = self.head.chunks.iter().map(|chunk| chunk.first.len() + 80).sum();
        parts + columns + chunks + self.core.as_ref().map_or(0, Core::memory)
    }

    /// Bytes that it takes in the store.
    pub(super) fn stored(&self) -> u64 {
        (0..self.head.streams.len()).map(|stream| self.head.length(stream)).sum()
    }

    /// A span of a stream; none if a part of it was not loaded.
    pub(super) fn bytes(&self, stream: Stream, span: &Span) -> Read<Option<Cow<'_, [u8]>>> {
        let stretches = self.head.streams.get(stream).map_or(&[][..], Vec::as_slice);
        let first = stretches.partition_point(|stretch| stretch.end <= span.start);
        let mut whole: Option<Cow<'_, [u8]>> = None;
        let mut at = span.start;
        for (number, stretch) in stretches.iter().enumerate().skip(first) {
            if at >= span.end {
                break;
            }
            let Some(Some(part)) = self.parts.get(stretch.part as usize) else { return Ok(None) };
            let start = number.checked_sub(1).and_then(|before| stretches.get(before)).map_or(0, |before| before.end);
            let end = span.end.min(stretch.end);
            let (from, to) = (stretch.at as u64 + at - start, stretch.at as u64 + end - start);
            let bytes = part.get(from as usize..to as usize).ok_or(Damage("a part is too short"))?;
            match &mut whole {
                None => whole = Some(Cow::Borrowed(bytes)),
                Some(whole) => whole.to_mut().extend_from_slice(bytes),
            }
            at = end;
        }
        if at < span.end {
            return Err(Damage("something lies beyond the end of a stream"));
        }
        Ok(Some(whole.unwrap_or_default()))
    }

    /// Adds the parts of a span that were not loaded.
    pub(super) fn missing(&self, stream: Stream, span: &Span, missing: &mut Vec<PartId>) {
        let mut start = 0;
        for stretch in self.head.streams.get(stream).into_iter().flatten() {
            let id = PartId { segment: self.number, part: stretch.part };
            let needed = start < span.end && span.start < stretch.end;
            if needed && !matches!(self.parts.get(id.part as usize), Some(Some(_))) && !missing.contains(&id) {
                missing.push(id);
            }
            start = stretch.end;
        }
    }

    /// The bytes of a span, or the parts that are missing for it.
    pub(super) fn need(&self, stream: Stream, span: &Span, missing: &mut Vec<PartId>) -> Read<Option<Cow<'_, [u8]>>> {
        let bytes = self.bytes(stream, span)?;
        if bytes.is_none() {
            self.missing(stream, span, missing);
        }
        Ok(bytes)
    }

    /// What the core is missing.
    pub(super) fn missing_core(&self, missing: &mut Vec<PartId>) {
        if self.core.is_none() {
            self.missing(CORE, &(0..self.head.length(CORE)), missing);
        }
    }

    /// Whether a field has a column.
    fn is_column(&self, field: usize) -> bool {
        self.schema.fields().get(field).is_some_and(|field| !field.kind.is_text())
    }

    /// Makes a field's column ready, if it has one; false if a part is missing.
    pub(super) fn prepare_column(&mut self, field: usize, missing: &mut Vec<PartId>) -> Read<bool> {
        if !self.is_column(field) || matches!(self.columns.get(field), Some(Some(_))) {
            return Ok(true);
        }
        let (Some(core), Some(span), Some(kind)) =
            (&self.core, self.head.columns.get(field), self.schema.fields().get(field).map(|field| &field.kind))
        else {
            return Ok(false);
        };
        let Some(bytes) = self.need(COLUMNS, span, missing)? else { return Ok(false) };
        let length = core.groups.first().map_or(0, |group| group.length);
        let column = match kind.is_keyword() {
            true => Column::Keywords(Keywords::read(&bytes, length)?),
            false => Column::Numbers(Numbers::read(&bytes, length)?),
        };
        if let Some(slot) = self.columns.get_mut(field) {
            *slot = Some(column);
        }
        Ok(true)
    }

    /// A keyword column that was made ready.
    pub(super) fn keywords(&self, field: usize) -> Option<&Keywords> {
        match self.columns.get(field)?.as_ref()? {
            Column::Keywords(column) => Some(column),
            Column::Numbers(_) => None,
        }
    }

    /// A number column that was made ready.
    pub(super) fn numbers(&self, field: usize) -> Option<&Numbers> {
        match self.columns.get(field)?.as_ref()? {
            Column::Numbers(column) => Some(column),
            Column::Keywords(_) => None,
        }
    }

    /// The chunks of the dictionary that may have terms from this one on, as long as `wanted` takes their first term. The
    /// first is taken anyway.
    pub(super) fn chunks(&self, term: &[u8], wanted: &dyn Fn(&[u8]) -> bool) -> std::ops::Range<usize> {
        let chunks = &self.head.chunks;
        let first = chunks.partition_point(|chunk| chunk.first.as_slice() <= term).saturating_sub(1);
        let rest = chunks.get(first + 1..).unwrap_or_default();
        let more = rest.iter().take_while(|chunk| wanted(&chunk.first)).count();
        first..(first + 1 + more).min(chunks.len())
    }

    /// Runs something on a chunk of the dictionary; false if a part is missing.
    pub(super) fn chunk(
        &self,
        number: usize,
        missing: &mut Vec<PartId>,
        run: &mut dyn FnMut(&Terms<'_>) -> Read<()>,
    ) -> Read<bool> {
        let Some(chunk) = self.head.chunks.get(number) else { return Ok(true) };
        let Some(bytes) = self.need(TERMS, &chunk.span, missing)? else { return Ok(false) };
        run(&Terms::read(&bytes, chunk, &self.schema)?)?;
        Ok(true)
    }

    pub(super) fn postings(&self, span: &Span) -> Read<Cow<'_, [u8]>> {
        self.bytes(POSTINGS, span)?.ok_or(Damage("postings are not loaded"))
    }

    pub(super) fn positions(&self, span: &Span) -> Read<Cow<'_, [u8]>> {
        self.bytes(POSITIONS, span)?.ok_or(Damage("positions are not loaded"))
    }
}
