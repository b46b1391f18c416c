//! What the box keeps of its fleet's configuration: the one that holds, the one that is
//! tried, and how the last one ended.
//!
//! Files in `<state>/fleet`: `current` holds, `next` waits for a restart, `trial` is
//! tried, `note.json` tells of the last one. Each step is one rename, synced before
//! anything depends on it, so that a power cut leaves the box before the step or behind
//! it. Who finds `trial` at a start knows that the box died while it was tried: the
//! trial is over, and `current` holds again.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::vitals::Vitals;
use super::{DOCUMENT_MAX_BYTES, Document, DocumentError, PublicKey};
use crate::domain::Timestamp;

const CURRENT: &str = "current";
const NEXT: &str = "next";
const TRIAL: &str = "trial";
const NOTE: &str = "note.json";
const UNFINISHED: &str = "unfinished";

/// How often a document is tried whose trial the box did not survive: a power cut comes
/// once, a crash comes again.
pub const TRIES_MAX: u32 = 2;

/// How it went with the last document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It waits for a restart.
    Waiting,
    /// It is tried.
    Trial,
    /// It proved itself and holds.
    Kept,
    /// It was not even tried.
    Refused,
    /// The box lost something with it.
    Reverted,
    /// The box ended while it was tried.
    Interrupted,
}

impl Verdict {
    /// The wire word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Trial => "trial",
            Self::Kept => "kept",
            Self::Refused => "refused",
            Self::Reverted => "reverted",
            Self::Interrupted => "interrupted",
        }
    }
}

/// What is remembered of the last document that was taken up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Note {
    /// Its version; no lower one is ever taken up.
    pub version: u64,
    /// How it went.
    pub verdict: Verdict,
    /// Why, in one sentence.
    pub message: String,
    /// When.
    pub at: Timestamp,
    /// Trials that the box did not survive.
    #[serde(default)]
    pub tries: u32,
    /// How the box was before it was tried.
    #[serde(default)]
    pub before: Vitals,
}

/// What a start finds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Standing {
    /// The document that is to lie over the file.
    pub layer: Option<Document>,
    /// Whether that one has yet to prove itself.
    pub is_trial: bool,
    /// How it went with the last one.
    pub note: Option<Note>,
    /// What is wrong with what is kept.
    pub trouble: Option<String>,
}

/// The files.
#[derive(Clone, Debug)]
pub struct Shelf {
    dir: PathBuf,
}

impl Shelf {
    /// In this state directory. Opens nothing.
    pub fn new(state_dir: &Path) -> Self {
        Self { dir: state_dir.join("fleet") }
    }

    /// Ends a trial that the box did not survive, or begins one that waited for this
    /// start; tells what holds now. To be called once, before anything is configured.
    pub fn start(&self, keys: &[PublicKey], now: Timestamp) -> Standing {
        let mut standing = Standing { note: self.note(), ..Standing::default() };
        let settled = self.settle(keys, now, &mut standing);
        if standing.is_trial {
            return standing;
        }
        // Whatever could not be settled, what holds still does.
        if let Err(reason) = self.load(keys, &mut standing).and(settled) {
            standing.trouble = Some(format!("cannot use {}: {reason}", self.dir.display()));
        }
        standing
    }

    fn settle(
        &self,
        keys: &[PublicKey],
        now: Timestamp,
        standing: &mut Standing,
    ) -> io::Result<()> {
        if let Some(bytes) = self.read(TRIAL)? {
            let version = Document::peek(&bytes).map(|document| document.version).ok();
            return self.interrupted(version, now, standing);
        }
        let Some(bytes) = self.read(NEXT)? else { return Ok(()) };
        let Ok(document) = Document::open(&bytes, keys) else { return self.remove(NEXT) };
        self.rename(NEXT, TRIAL)?;
        (standing.layer, standing.is_trial) = (Some(document), true);
        let Some(note) = &mut standing.note else { return Ok(()) };
        note.verdict = Verdict::Trial;
        self.write_note(note)
    }

    fn load(&self, keys: &[PublicKey], standing: &mut Standing) -> io::Result<()> {
        let Some(bytes) = self.read(CURRENT)? else { return Ok(()) };
        match Document::open(&bytes, keys) {
            Ok(document) => {
                // The power went between the last two steps of a trial.
                let note = standing.note.as_mut();
                note.filter(|note| {
                    (note.version, note.verdict) == (document.version, Verdict::Trial)
                })
                .into_iter()
                .for_each(|note| note.verdict = Verdict::Kept);
                standing.layer = Some(document);
            }
            // The key was taken out of the file, on purpose.
            Err(DocumentError::Signature) if keys.is_empty() => {}
            Err(reason) => standing.trouble = Some(format!("the kept one is left out: {reason}")),
        }
        Ok(())
    }

    fn interrupted(
        &self,
        version: Option<u64>,
        now: Timestamp,
        standing: &mut Standing,
    ) -> io::Result<()> {
        let known = standing.note.take();
        let version = version.or(known.as_ref().map(|note| note.version)).unwrap_or_default();
        let same = known.filter(|note| note.version == version);
        let note = Note {
            version,
            verdict: Verdict::Interrupted,
            message: "the box ended while it was tried; the one before holds".to_owned(),
            at: now,
            tries: same.map_or(0, |note| note.tries) + 1,
            before: Vitals::default(),
        };
        self.write_note(&note)?;
        standing.note = Some(note);
        self.remove(TRIAL)
    }

    /// The document that holds, if there is one.
    pub fn current(&self, keys: &[PublicKey]) -> Option<Document> {
        let bytes = self.read(CURRENT).ok().flatten()?;
        Document::open(&bytes, keys).ok()
    }

    /// Whether a document waits for a restart.
    pub fn is_waiting(&self) -> bool {
        self.dir.join(NEXT).exists()
    }

    /// How it went with the last document.
    pub fn note(&self) -> Option<Note> {
        serde_json::from_slice(&self.read(NOTE).ok().flatten()?).ok()
    }

    /// Keeps `bytes` as the document that is tried from now on.
    ///
    /// # Errors
    /// The system's.
    pub fn begin(&self, bytes: &[u8], note: &Note) -> io::Result<()> {
        self.write_note(note)?;
        // One that waited for a restart is older now.
        self.remove(NEXT)?;
        self.write(TRIAL, bytes)
    }

    /// Keeps `bytes` as the document that is tried from the next start on.
    ///
    /// # Errors
    /// The system's.
    pub fn arm(&self, bytes: &[u8], note: &Note) -> io::Result<()> {
        self.write_note(note)?;
        self.write(NEXT, bytes)
    }

    /// The document that is tried holds from now on.
    ///
    /// # Errors
    /// The system's.
    pub fn keep(&self, note: &Note) -> io::Result<()> {
        self.rename(TRIAL, CURRENT)?;
        self.write_note(note)
    }

    /// The document that is tried, if there is one, is forgotten.
    ///
    /// # Errors
    /// The system's.
    pub fn forget(&self, note: &Note) -> io::Result<()> {
        self.write_note(note)?;
        self.remove(TRIAL)
    }

    fn write_note(&self, note: &Note) -> io::Result<()> {
        self.write(NOTE, &serde_json::to_vec(note)?)
    }

    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        let mut bytes = Vec::new();
        match File::open(self.dir.join(name)) {
            Ok(file) => file.take(DOCUMENT_MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(Some(bytes))
    }

    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.dir)?;
        let mut file = File::create(self.dir.join(UNFINISHED))?;
        file.write_all(bytes)?;
        file.sync_all()?;
        self.rename(UNFINISHED, name)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.dir.join(from), self.dir.join(to))?;
        File::open(&self.dir)?.sync_all()
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        match fs::remove_file(self.dir.join(name)) {
            Ok(()) => File::open(&self.dir)?.sync_all(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Addressee, SigningKey};
    use super::*;

    struct Bench {
        _state: tempfile::TempDir,
        shelf: Shelf,
        key: SigningKey,
    }

    impl Bench {
        fn new() -> Self {
            let state = tempfile::tempdir().unwrap();
            let shelf = Shelf::new(state.path());
            Self { _state: state, shelf, key: SigningKey::generate().unwrap().0 }
        }

        fn bytes(&self, version: u64) -> Vec<u8> {
            let addressee = Addressee::Device("a".to_owned());
            Document { version, addressee, toml: String::new() }.sign(&self.key).unwrap()
        }

        fn start(&self) -> Standing {
            self.shelf.start(&[self.key.public()], Timestamp::default())
        }

        /// The version that lies over the file, and whether it is tried.
        fn standing(&self) -> (Option<u64>, bool) {
            let standing = self.start();
            assert_eq!(standing.trouble, None);
            (standing.layer.map(|layer| layer.version), standing.is_trial)
        }
    }

    fn note(version: u64, verdict: Verdict) -> Note {
        let (message, at) = (String::new(), Timestamp::default());
        Note { version, verdict, message, at, tries: 0, before: Vitals::default() }
    }

    #[test]
    fn what_proved_itself_holds_at_every_start() {
        let bench = Bench::new();
        assert_eq!(bench.standing(), (None, false));
        bench.shelf.begin(&bench.bytes(3), &note(3, Verdict::Trial)).unwrap();
        bench.shelf.keep(&note(3, Verdict::Kept)).unwrap();
        for _ in 0..2 {
            assert_eq!(bench.standing(), (Some(3), false));
        }
        assert_eq!(bench.shelf.note().unwrap().verdict, Verdict::Kept);
    }

    #[test]
    fn a_box_that_died_in_a_trial_comes_back_with_the_one_before_and_counts_it() {
        let bench = Bench::new();
        bench.shelf.begin(&bench.bytes(3), &note(3, Verdict::Trial)).unwrap();
        bench.shelf.keep(&note(3, Verdict::Kept)).unwrap();
        for tries in 1..=2 {
            let note = Note { tries: tries - 1, ..note(4, Verdict::Trial) };
            bench.shelf.begin(&bench.bytes(4), &note).unwrap();
            let standing = bench.start();
            assert_eq!(standing.layer.map(|layer| layer.version), Some(3));
            let note = standing.note.unwrap();
            assert_eq!((note.version, note.verdict), (4, Verdict::Interrupted));
            assert_eq!(note.tries, tries);
        }
        assert_eq!(bench.standing(), (Some(3), false));
    }

    #[test]
    fn what_waits_for_a_restart_is_tried_once() {
        let bench = Bench::new();
        bench.shelf.arm(&bench.bytes(5), &note(5, Verdict::Waiting)).unwrap();
        assert_eq!(bench.standing(), (Some(5), true));
        assert_eq!(bench.standing(), (None, false), "it died meanwhile");
    }

    #[test]
    fn what_waited_is_not_tried_after_a_later_one() {
        let bench = Bench::new();
        bench.shelf.arm(&bench.bytes(5), &note(5, Verdict::Waiting)).unwrap();
        bench.shelf.begin(&bench.bytes(6), &note(6, Verdict::Trial)).unwrap();
        bench.shelf.keep(&note(6, Verdict::Kept)).unwrap();
        assert_eq!(bench.standing(), (Some(6), false));
    }

    #[test]
    fn a_reverted_one_is_gone() {
        let bench = Bench::new();
        bench.shelf.begin(&bench.bytes(6), &note(6, Verdict::Trial)).unwrap();
        bench.shelf.forget(&note(6, Verdict::Reverted)).unwrap();
        assert_eq!(bench.standing(), (None, false));
        assert_eq!(bench.shelf.note().unwrap().version, 6);
    }

    #[test]
    fn a_kept_one_that_was_altered_or_whose_key_is_gone_is_left_out() {
        let bench = Bench::new();
        bench.shelf.begin(&bench.bytes(3), &note(3, Verdict::Trial)).unwrap();
        bench.shelf.keep(&note(3, Verdict::Kept)).unwrap();
        let standing = bench.shelf.start(&[], Timestamp::default());
        assert_eq!((standing.layer, standing.trouble), (None, None), "the key was taken out");
        let other = SigningKey::generate().unwrap().0.public();
        assert!(bench.shelf.start(&[other], Timestamp::default()).trouble.is_some());
        fs::write(bench.shelf.dir.join(CURRENT), "[assess]").unwrap();
        let standing = bench.start();
        assert!(standing.layer.is_none() && standing.trouble.is_some());
    }
}
