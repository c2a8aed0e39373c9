//! Uploads: attachments that arrive in pieces, hashed and stored with memory for one part.
//!
//! The hash is known only at the end, so the parts are stored first under a part set of their own, and a lease in `meta` says
//! that somebody is at it. Finishing is one transaction that turns the lease into a blob, or, if the attachment was stored
//! already, deletes the parts. A page that goes away in between leaves a lease that runs out; the collector does the rest.

use super::ask::{Answer, corrupt};
use super::head::Counters;
use super::plan::{blob_counters, part_puts};
use super::read::PAGE_ROWS;
use super::{ATTEMPTS_MAX, Store};
use crate::backend::{Backend, Check, Key, KeyRange, Op, Outcome, Row, Scan, StoreName};
use crate::blob::{self, Blob, Encoding, Hash, PART_BYTES_MAX, PartSet, Reference};
use crate::error::{Error, Result};
use crate::host::Host;
use crate::record::{self, Compression, Fields, Kind, Place, RECORD_BYTES_MAX, Reader, Writer};
use sha2::{Digest, Sha256};
use std::cell::RefCell;

/// How long an upload stays without a new piece: one hour, in milliseconds.
pub const UPLOAD_LEASE_MS: u64 = 60 * 60 * 1000;

/// An upload under way in this engine.
pub(super) struct Upload {
    sha256: Sha256,
    size: u64,
    parts: u64,
    /// Bytes that do not fill a part yet.
    rest: Vec<u8>,
}

/// The uploads under way in this engine.
#[derive(Default)]
pub(super) struct Uploads(RefCell<Vec<(PartSet, Box<Upload>)>>);

impl Uploads {
    fn put(&self, set: PartSet, upload: Box<Upload>) {
        self.0.borrow_mut().push((set, upload));
    }

    fn take(&self, set: PartSet) -> Option<Box<Upload>> {
        let mut uploads = self.0.borrow_mut();
        let at = uploads.iter().position(|(named, _)| *named == set)?;
        Some(uploads.swap_remove(at).1)
    }
}

/// The record under `upload`, part set in `meta`.
#[derive(Debug, Clone)]
pub(super) struct Lease {
    /// When it runs out, in milliseconds since 1970.
    pub(super) until_ms: u64,
}

impl Fields for Lease {
    fn write(&self, out: &mut Writer) {
        out.number(self.until_ms);
    }

    fn read(from: &mut Reader<'_>) -> Self {
        Self { until_ms: from.number() }
    }
}

/// The keys of all leases start with this.
fn lease_prefix() -> Key {
    Key::new().text("upload")
}

fn lease_key(set: PartSet) -> Key {
    lease_prefix().text(&set.to_string())
}

impl Lease {
    pub(super) fn open(key: &Key, record: &[u8]) -> Result<Self> {
        record::open_fields(Place { store: StoreName::Meta, key }, Kind::Upload, record)
    }
}

fn no_upload(set: PartSet) -> Box<Error> {
    Error::NotFound { what: "upload", name: set.to_string() }.into()
}

impl<B: Backend, H: Host> Store<B, H> {
    fn lease(&self, set: PartSet) -> Result<Op> {
        let key = lease_key(set);
        let lease = Lease { until_ms: self.host.now_ms() + UPLOAD_LEASE_MS };
        let place = Place { store: StoreName::Meta, key: &key };
        let record = record::seal_fields(place, Kind::Upload, &lease, Compression::Off)?;
        Ok(Op::Put(StoreName::Meta, key, record))
    }

    /// The uploads under way, in any engine, with their leases.
    pub(super) fn leases(&self) -> Answer<'_, Result<Vec<(PartSet, Row)>>> {
        Box::pin(async move {
            let mut leases = Vec::new();
            for row in self.scan(Scan::new(StoreName::Meta, KeyRange::prefix(lease_prefix()), PAGE_ROWS)).await? {
                let mut components = row.key.parse();
                if let Ok(set) = components.text().and_then(|_| components.text()).and_then(PartSet::parse) {
                    leases.push((set, row));
                }
            }
            Ok(leases)
        })
    }

    /// Starts an upload and names it.
    pub async fn upload_begin(&self) -> Result<PartSet> {
        self.settled().await?;
        let set = PartSet::from_random(self.host.random());
        self.commit_ops(Vec::new(), vec![self.lease(set)?]).await?;
        let upload = Upload { sha256: Sha256::new(), size: 0, parts: 0, rest: Vec::new() };
        self.uploads.put(set, Box::new(upload));
        Ok(set)
    }

    /// Takes the next bytes, at most 4 MiB at a time, and stores the parts that they fill. One piece at a time: the next may
    /// come when this has returned. If it fails the upload is over, and what it stored is collected in time.
    pub async fn upload_part(&self, set: PartSet, bytes: &[u8]) -> Result<()> {
        self.settled().await?;
        if bytes.len() > RECORD_BYTES_MAX {
            let got = bytes.len() as u64;
            return Err(Error::TooLarge {
                what: "a piece of an upload".into(),
                limit: RECORD_BYTES_MAX as u64,
                got,
                unit: "bytes",
            }
            .into());
        }
        // It is out of the map while its parts are written, so a second piece meanwhile finds no upload.
        let mut upload = self.uploads.take(set).ok_or_else(|| no_upload(set))?;
        upload.sha256.update(bytes);
        upload.size += bytes.len() as u64;
        upload.rest.extend_from_slice(bytes);
        let whole = upload.rest.len() / PART_BYTES_MAX * PART_BYTES_MAX;
        if whole > 0 {
            let rest = upload.rest.split_off(whole);
            let full = std::mem::replace(&mut upload.rest, rest);
            let mut ops = part_puts(set, upload.parts, &full)?;
            upload.parts += ops.len() as u64;
            ops.push(self.lease(set)?);
            let check = Check::Present(StoreName::Meta, lease_key(set));
            if self.commit_ops(vec![check], ops).await? != Outcome::Committed {
                return Err(no_upload(set));
            }
        }
        self.uploads.put(set, upload);
        Ok(())
    }

    /// Ends an upload: its bytes are an attachment now, without a reference yet, that stays for the grace period.
    pub async fn upload_finish(&self, set: PartSet, media_type: &str) -> Result<Reference> {
        self.settled().await?;
        blob::check_media_type(media_type)?;
        let upload = self.uploads.take(set).ok_or_else(|| no_upload(set))?;
        let hash = Hash::from(upload.sha256);
        let (key, lease) = (blob::blob_key(&hash), lease_key(set));
        for _ in 0..ATTEMPTS_MAX {
            let stored = self.get_one(StoreName::Blobs, &key).await?;
            let known = match &stored {
                Some(record) => match Blob::open(&key, record) {
                    Ok(blob) => Some(blob),
                    Err(error) => {
                        corrupt(error)?;
                        None
                    }
                },
                None => None,
            };
            let now_ms = self.host.now_ms();
            let mut after = Counters::default();
            let (blob, mut ops) = match known {
                // Its grace period starts anew, or it might go before it is used.
                Some(blob) => (
                    Blob { unreferenced_since: blob.unreferenced_since.map(|_| now_ms), ..blob },
                    vec![Op::DeleteRange(StoreName::Parts, blob::part_range(set))],
                ),
                None => {
                    let blob = Blob {
                        size: upload.size,
                        media_type: media_type.to_owned(),
                        encoding: Encoding::Identity,
                        stored_hash: hash,
                        stored_size: upload.size,
                        parts: set,
                        unreferenced_since: Some(now_ms),
                    };
                    after = blob_counters(&blob);
                    (blob, part_puts(set, upload.parts, &upload.rest)?)
                }
            };
            ops.push(Op::Delete(StoreName::Meta, lease.clone()));
            ops.push(Op::Put(StoreName::Blobs, key.clone(), blob.seal(&hash)?));
            let checks = vec![
                Check::Present(StoreName::Meta, lease.clone()),
                Check::still(StoreName::Blobs, key.clone(), stored),
            ];
            match self.commit_counted(checks, ops, Counters::default(), after).await? {
                Outcome::Committed => {
                    return Ok(Reference { hash, size: upload.size, media_type: media_type.to_owned() });
                }
                Outcome::Refused { check: 0 } => return Err(no_upload(set)),
                Outcome::Refused { .. } => {}
            }
        }
        Err(Error::Conflict { attempts: ATTEMPTS_MAX }.into())
    }

    /// Gives an upload up and deletes what it stored. Passes over one that is not there.
    pub async fn upload_cancel(&self, set: PartSet) -> Result<()> {
        self.settled().await?;
        self.uploads.take(set);
        let ops =
            vec![Op::Delete(StoreName::Meta, lease_key(set)), Op::DeleteRange(StoreName::Parts, blob::part_range(set))];
        // Once it is finished its parts are an attachment's, and no longer this call's to delete.
        self.commit_ops(vec![Check::Present(StoreName::Meta, lease_key(set))], ops).await?;
        Ok(())
    }
}
