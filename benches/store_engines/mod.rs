//! The same work for the store, for SQLite, and for a bare file.
//!
//! SQLite gets what its users would give it: WAL, `synchronous = FULL`, prepared
//! statements, the cache of our index, bodies in the same compact form, and one
//! index by camera and time a table. It answers fewer questions with that than the
//! store does (nothing by class, level or event without looking at every row).

#![allow(clippy::unwrap_used, reason = "a bench that cannot go on stops")]

mod records;

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use rusqlite::{Connection, Statement, params};
use watchpost::domain::{CameraId, Detection, DetectionId, Event};
use watchpost::health::{Health, Metrics};
use watchpost::rt::{Clock, Stop, Tasks};
use watchpost::store::{
    DetectionQuery, Durability, EventQuery, Range, Reader as _, Record, Store, StoreSettings,
    Writer as _,
};

pub use records::{alerts, body, camera, dense, mixed};

/// Nothing here takes longer.
const LIMIT: Duration = Duration::from_secs(600);

/// Something that keeps records.
pub trait Engine {
    /// Keeps all of them or none; back when a power cut cannot take them any more.
    fn commit(&mut self, records: Vec<Record>);

    /// Keeps them without waiting for the disk.
    fn fill(&mut self, records: Vec<Record>);

    /// Whether the detection with this id is there.
    fn has(&self, id: DetectionId) -> bool;

    /// How many of the newest 50 detections of a camera are there.
    fn newest_detections(&self, camera: &CameraId) -> usize;

    /// How many of the newest 50 events of a camera are there.
    fn newest_events(&self, camera: &CameraId) -> usize;

    /// Everything is written to where it stays.
    fn close(self: Box<Self>);
}

/// Opens the engine called `name`; back when all it holds can be found.
pub fn open(name: &str, dir: &Path) -> Box<dyn Engine> {
    match name {
        "store" => Box::new(Ours::open(dir)),
        "sqlite" => Box::new(Sqlite::open(&dir.join("records.db"))),
        "bare" => Box::new(Bare(File::create(dir.join("records")).unwrap())),
        other => panic!("no engine is called {other}"),
    }
}

struct Ours {
    store: Store,
    tasks: Tasks,
    stop: Stop,
}

impl Ours {
    fn open(dir: &Path) -> Self {
        let (clock, stop) = (Clock::system(), Stop::new());
        let tasks = Tasks::new(stop.clone(), |end| panic!("{end:?}"));
        let (health, metrics) = (Health::new(clock.clone()), Metrics::default());
        let settings = StoreSettings::default();
        let store = Store::open(dir, settings, clock, &health, &metrics, &tasks, &stop);
        assert!(store.wait_until_current(LIMIT), "the store is not open");
        Self { store, tasks, stop }
    }

    fn submit(&self, records: Vec<Record>, durability: Durability) {
        let (tx, rx) = sync_channel(1);
        self.store.submit(records, durability, Box::new(move |kept| tx.send(kept).unwrap()));
        rx.recv().unwrap().unwrap();
    }
}

impl Engine for Ours {
    fn commit(&mut self, records: Vec<Record>) {
        self.submit(records, Durability::Synced);
    }

    fn fill(&mut self, records: Vec<Record>) {
        self.submit(records, Durability::Written);
    }

    fn has(&self, id: DetectionId) -> bool {
        self.store.detection(id).unwrap().is_some()
    }

    fn newest_detections(&self, camera: &CameraId) -> usize {
        let query = DetectionQuery {
            camera: Some(camera.clone()),
            range: Range::default(),
            ..Default::default()
        };
        self.store.detections(&query).unwrap().items.len()
    }

    fn newest_events(&self, camera: &CameraId) -> usize {
        let query = EventQuery {
            camera: Some(camera.clone()),
            range: Range::default(),
            ..Default::default()
        };
        self.store.events(&query).unwrap().items.len()
    }

    fn close(self: Box<Self>) {
        self.stop.set();
        assert!(self.tasks.join(&Clock::system(), LIMIT).is_empty(), "the store does not end");
    }
}

const SCHEMA: &str = "
    PRAGMA page_size = 4096;
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA cache_size = -8192;
    CREATE TABLE IF NOT EXISTS detection(id INTEGER PRIMARY KEY, camera TEXT, at INTEGER, body BLOB);
    CREATE INDEX IF NOT EXISTS detection_by_time ON detection(camera, at);
    CREATE TABLE IF NOT EXISTS event(id INTEGER PRIMARY KEY, camera TEXT, at INTEGER, body BLOB);
    CREATE INDEX IF NOT EXISTS event_by_time ON event(camera, at);
    CREATE TABLE IF NOT EXISTS alert(id BLOB PRIMARY KEY, camera TEXT, at INTEGER, body BLOB);
    CREATE INDEX IF NOT EXISTS alert_by_time ON alert(camera, at);";

struct Sqlite {
    connection: &'static Connection,
    insert_detection: Statement<'static>,
    insert_event: Statement<'static>,
    insert_alert: Statement<'static>,
}

impl Sqlite {
    fn open(path: &Path) -> Self {
        // Ends with this process; its statements borrow it.
        let connection: &'static Connection = Box::leak(Box::new(Connection::open(path).unwrap()));
        connection.execute_batch(SCHEMA).unwrap();
        let insert = |table: &str| {
            let statement = format!("INSERT OR REPLACE INTO {table} VALUES (?1, ?2, ?3, ?4)");
            connection.prepare(&statement).unwrap()
        };
        Self {
            connection,
            insert_detection: insert("detection"),
            insert_event: insert("event"),
            insert_alert: insert("alert"),
        }
    }

    fn insert(&mut self, record: &Record) {
        let body = body(record);
        let inserted = match record {
            Record::Detection(seen) => {
                let at = seen.captured_at.unix_ms();
                let row = params![seen.id.0 as i64, seen.camera.as_str(), at, body];
                self.insert_detection.execute(row)
            }
            Record::Event(happened) => {
                let at = happened.started_at.unix_ms();
                let row = params![happened.id.0 as i64, happened.camera.as_str(), at, body];
                self.insert_event.execute(row)
            }
            Record::Alert(alert) => {
                let at = alert.created_at.unix_ms();
                let row = params![alert.id.0.as_bytes(), alert.camera.as_str(), at, body];
                self.insert_alert.execute(row)
            }
            other => panic!("{other:?} is not part of the work"),
        };
        assert_eq!(inserted.unwrap(), 1);
    }

    /// Reads and decodes the newest 50 of a table.
    fn newest<T: serde::de::DeserializeOwned>(&self, table: &str, camera: &CameraId) -> usize {
        let query = format!("SELECT body FROM {table} WHERE camera = ?1 ORDER BY at DESC LIMIT 50");
        let mut query = self.connection.prepare(&query).unwrap();
        let decode = |row: &rusqlite::Row<'_>| {
            let body = row.get_ref(0)?.as_blob()?;
            Ok(postcard::from_bytes::<T>(body).unwrap())
        };
        let rows = query.query_map([camera.as_str()], decode).unwrap();
        rows.collect::<Result<Vec<_>, _>>().unwrap().len()
    }
}

impl Engine for Sqlite {
    fn commit(&mut self, records: Vec<Record>) {
        self.connection.execute_batch("BEGIN IMMEDIATE").unwrap();
        records.iter().for_each(|record| self.insert(record));
        self.connection.execute_batch("COMMIT").unwrap();
    }

    fn fill(&mut self, records: Vec<Record>) {
        self.connection.execute_batch("PRAGMA synchronous = OFF").unwrap();
        self.commit(records);
        self.connection.execute_batch("PRAGMA synchronous = FULL").unwrap();
    }

    fn has(&self, id: DetectionId) -> bool {
        let query = "SELECT count(*) FROM detection WHERE id = ?1";
        let count = self.connection.query_row(query, [id.0 as i64], |row| row.get::<_, i64>(0));
        count.unwrap() == 1
    }

    fn newest_detections(&self, camera: &CameraId) -> usize {
        self.newest::<Detection>("detection", camera)
    }

    fn newest_events(&self, camera: &CameraId) -> usize {
        self.newest::<Event>("event", camera)
    }

    fn close(self: Box<Self>) {
        let truncate = "PRAGMA wal_checkpoint(TRUNCATE)";
        let busy = self.connection.query_row(truncate, [], |row| row.get::<_, i64>(0));
        assert_eq!(busy.unwrap(), 0);
    }
}

/// What the disk takes for a commit at the least: nothing can be found in it.
struct Bare(File);

impl Engine for Bare {
    fn commit(&mut self, records: Vec<Record>) {
        self.fill(records);
        self.0.sync_data().unwrap();
    }

    fn fill(&mut self, records: Vec<Record>) {
        let bytes: Vec<u8> = records.iter().flat_map(body).collect();
        self.0.write_all(&bytes).unwrap();
    }

    fn has(&self, _: DetectionId) -> bool {
        false
    }

    fn newest_detections(&self, _: &CameraId) -> usize {
        0
    }

    fn newest_events(&self, _: &CameraId) -> usize {
        0
    }

    fn close(self: Box<Self>) {}
}
