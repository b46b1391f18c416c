//! Large objects in parts, continued where they broke off.
//!
//! What is there is asked from the storage, so nothing about it is kept on the box: after
//! a restart the upload that was begun is found by the name of its object. A box sends
//! one medium at a time; uploads of its others have been given up (their file went, or
//! became another), and are ended before the next one begins, so that the storage does not
//! keep their parts for ever.

use std::sync::PoisonError;

use log::debug;
use object_store::multipart::{MultipartStore as _, PartId};
use object_store::path::Path;
use object_store::{Error, ObjectStoreExt as _, PutMultipartOptions, PutPayload};

use super::super::{Attempt, Medium, Parcel, SendError, Sent};
use super::{HEADS, Object, S3, kept, meaning, unavailable, unreadable};
use crate::rt::with_causes;

/// Bytes of a part: the least that storages take for all but the last, so that little is
/// sent again after a failure, and alerts wait for little. It also bounds what can be
/// sent: there may be 10,000 parts, 50 GB.
pub(super) const PART: u64 = 5 << 20;

/// An upload that goes on.
#[derive(Clone)]
pub(super) struct Progress {
    path: Path,
    upload: String,
    done: Vec<PartId>,
}

/// What came of a step.
type Step<T> = Result<T, SendError>;

impl S3 {
    /// Sends the next part of a medium.
    pub(super) async fn put_part(&self, parcel: &Parcel, object: Object, it: &Medium) -> Attempt {
        let mut bytes = 0;
        let result = self.next_part(parcel, object, it, &mut bytes).await;
        Attempt { bytes, result }
    }

    async fn next_part(
        &self,
        parcel: &Parcel,
        object: Object,
        medium: &Medium,
        bytes: &mut u64,
    ) -> Step<Sent> {
        let total = medium.bytes();
        let path = object.path.clone();
        let Some(mut progress) = self.resume(parcel, object, total, bytes).await? else {
            return Ok(kept(&path));
        };
        let from = total.min(progress.done.len() as u64 * PART);
        let to = total.min(from + PART);
        if from < to {
            let part = medium.part(from, to).await.map_err(|error| unreadable(&error))?;
            *bytes += part.len() as u64 + HEADS;
            let (store, index) = (&self.store, progress.done.len());
            let put = store.put_part(&path, &progress.upload, index, PutPayload::from(part));
            // Whether it has arrived is asked before the next one.
            progress.done.push(self.step(to - from, put).await?);
        }
        if to < total {
            self.remember(Some(progress));
            return Ok(Sent::Part);
        }
        *bytes += HEADS;
        let done = self.store.complete_multipart(&path, &progress.upload, progress.done);
        self.step(0, done).await?;
        Ok(kept(&path))
    }

    /// The upload of this object, forgotten here until it has made its step; `None` when
    /// the object is there.
    async fn resume(
        &self,
        parcel: &Parcel,
        object: Object,
        total: u64,
        bytes: &mut u64,
    ) -> Step<Option<Progress>> {
        let Object { path, attributes } = object;
        let known = self.progress.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(known) = known.filter(|known| known.path == path) {
            return Ok(Some(known));
        }
        *bytes += 2 * HEADS;
        if self.has(&path, total).await? {
            return Ok(None);
        }
        if let Some((upload, done)) = self.begun(parcel, &path, total, bytes).await? {
            return Ok(Some(Progress { path, upload, done }));
        }
        *bytes += HEADS;
        let options = PutMultipartOptions { attributes, ..PutMultipartOptions::default() };
        let upload = self.step(0, self.store.create_multipart_opts(&path, options)).await?;
        Ok(Some(Progress { path, upload, done: Vec::new() }))
    }

    /// Whether the object is there; its name holds its hash.
    async fn has(&self, path: &Path, total: u64) -> Step<bool> {
        match self.within(0, self.store.head(path)).await? {
            Ok(meta) => Ok(meta.size == total),
            Err(Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(meaning(&error)),
        }
    }

    /// The upload of this object that was begun, if there is one, with what is there of
    /// it. All others of this box are ended.
    async fn begun(
        &self,
        parcel: &Parcel,
        path: &Path,
        total: u64,
        bytes: &mut u64,
    ) -> Step<Option<(String, Vec<PartId>)>> {
        let mut found = None;
        for begun in self.lists.begun(&self.of_box(&parcel.device)).await? {
            *bytes += HEADS;
            let Ok(key) = Path::parse(&begun.key) else { continue };
            let parts = match key == *path && found.is_none() {
                true => self.lists.parts(path, &begun.upload_id).await?,
                false => None,
            };
            let fits = |(at, part): (usize, &super::lists::Part)| {
                let from = at as u64 * PART;
                part.part_number == at + 1 && part.size == PART.min(total.saturating_sub(from))
            };
            match parts {
                Some(parts) if parts.iter().enumerate().all(fits) => {
                    let done = parts.iter().map(super::lists::Part::id).collect();
                    found = Some((begun.upload_id, done));
                }
                _ => self.end(&key, &begun.upload_id).await,
            }
        }
        Ok(found)
    }

    /// Gives an upload up: the storage removes its parts.
    async fn end(&self, path: &Path, upload: &String) {
        // What cannot be ended now is found again with the next large medium.
        if let Err(error) = self.step(0, self.store.abort_multipart(path, upload)).await {
            debug!(path:%, error:%; "An upload that was given up could not be ended.");
        }
    }

    /// A request for an upload that is under way, with a body of so many bytes.
    async fn step<T>(
        &self,
        bytes: u64,
        request: impl Future<Output = object_store::Result<T>>,
    ) -> Step<T> {
        self.within(bytes, request).await?.map_err(|error| match error {
            // The upload was ended by somebody else; the next try begins another one. A
            // bucket that is not there says so then.
            Error::NotFound { .. } => unavailable(with_causes(&error)),
            error => meaning(&error),
        })
    }

    fn remember(&self, progress: Option<Progress>) {
        *self.progress.lock().unwrap_or_else(PoisonError::into_inner) = progress;
    }
}
