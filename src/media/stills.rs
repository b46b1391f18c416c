//! Stills: what cameras were told to photograph, and pictures of streams kept by
//! their shutter.
//!
//! Whoever takes them writes them, to the camera's directory below the root or to the
//! one that a client named; here they are listed, read, and removed, the oldest first: beyond their own limits of bytes and age, and as soon as less
//! than [`AHEAD_BYTES`] are left above what the system is to keep, which is after
//! the clips and before records, and beyond [`FILES_MAX`] of them. What was written within [`GRACE`] stays in any
//! case: somebody is about to fetch it. A thread looks every [`PERIOD`].

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use log::{info, warn};

use super::MediaError;
use super::still_files::{self, FILES_MAX, Still};
use crate::domain::{CameraId, Timestamp};
use crate::health::{Component, Counter, Gauge, Health, Metrics};
use crate::rt::{Claim, Clock, FreeBytes, Stop, Tasks};

/// Space left above that of the system, below which stills go: half of the clips'.
const AHEAD_BYTES: u64 = 32 << 20;

/// What is younger is not removed.
const GRACE: Duration = Duration::from_secs(60);

/// How often the thread looks. Writing stills stops by itself when the disk is full.
const PERIOD: Duration = Duration::from_secs(20);

/// How much of the stills is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StillLimits {
    /// The oldest go beyond so many bytes.
    pub bytes: u64,
    /// And after so long, if set.
    pub age: Option<Duration>,
    /// Space left to the system.
    pub min_free_bytes: u64,
}

/// What stills are kept with.
pub struct StillsContext {
    /// The right to `root`.
    pub claim: Claim,
    /// Where they are.
    pub root: PathBuf,
    /// How much is kept.
    pub limits: StillLimits,
    /// Room on the disk of `root`.
    pub free_bytes: FreeBytes,
    /// The clock.
    pub clock: Clock,
    /// Hears of `stills`.
    pub health: Health,
    /// Gets the counters.
    pub metrics: Metrics,
    /// Where the thread is started.
    pub tasks: Tasks,
    /// Stops it.
    pub stop: Stop,
}

/// The stills of all cameras. Cheap to clone.
#[derive(Clone)]
pub struct Stills {
    root: Arc<PathBuf>,
    bytes: Gauge,
}

impl Stills {
    /// Starts to keep the limits. Never fails: what is wrong is said in the health
    /// component `stills`.
    pub fn open(context: StillsContext) -> Self {
        let (health, tasks) = (context.health.clone(), context.tasks.clone());
        let keeper = Keeper::new(context);
        let stills = keeper.stills.clone();
        if let Err(error) = tasks.spawn_thread("stills", move || keeper.run()) {
            health.component("stills").unhealthy(
                format!("The thread that removes old stills could not be started: {error}."),
                "Restart the service; raise the limit of tasks if it happens again.",
            );
        }
        stills
    }

    /// The stills of a camera, the latest first: those in its own directory, and in
    /// the one where they go now, if a client has named another. Reads the disk.
    ///
    /// # Errors
    /// When a directory is there but cannot be read.
    pub fn of_camera(
        &self,
        camera: &CameraId,
        chosen: Option<PathBuf>,
    ) -> Result<Vec<Still>, MediaError> {
        let root = self.real_root();
        let own = root.join(camera.as_str());
        let read = || -> io::Result<Vec<Still>> {
            let mut stills = still_files::find(&root, &own, None)?;
            if let Some(chosen) = chosen.filter(|it| it.starts_with(&root) && !it.starts_with(&own))
            {
                stills.extend(still_files::find(&root, &chosen, Some(0))?);
            }
            Ok(stills)
        };
        let mut stills = read().map_err(failed(format!("read the stills of {camera}")))?;
        stills.sort_by(|a, b| b.written_at.cmp(&a.written_at).then_with(|| b.path.cmp(&a.path)));
        Ok(stills)
    }

    /// A still that was listed, opened; `None` when it has gone. Reads the disk.
    ///
    /// # Errors
    /// When it is there but cannot be read.
    pub fn load(&self, still: &Still) -> Result<Option<File>, MediaError> {
        still_files::open(&self.real_root(), still).map_err(failed(format!("read {}", still.name)))
    }

    /// Where they are.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Removes a still that was listed; false when it has gone. Touches the disk.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn remove(&self, still: &Still) -> Result<bool, MediaError> {
        remove_file(&self.real_root().join(&still.path))
            .map_err(failed(format!("remove {}", still.name)))
    }

    /// Bytes of all stills, as they were last counted.
    pub fn bytes(&self) -> u64 {
        self.bytes.value() as u64
    }

    /// Directories that clients have named are told with links on the way resolved.
    fn real_root(&self) -> PathBuf {
        self.root.canonicalize().unwrap_or_else(|_| self.root.to_path_buf())
    }
}

/// False when there is no such file.
fn remove_file(path: &Path) -> io::Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn failed(what: String) -> impl FnOnce(io::Error) -> MediaError {
    move |error| MediaError::Io { what, reason: error.to_string() }
}

/// The thread.
struct Keeper {
    stills: Stills,
    claim: Claim,
    limits: StillLimits,
    /// Most files.
    most: usize,
    free_bytes: FreeBytes,
    clock: Clock,
    component: Component,
    /// Removed for their age, for their bytes, for space.
    removed: [Counter; 3],
    stop: Stop,
}

impl Keeper {
    fn new(context: StillsContext) -> Self {
        let StillsContext { claim, root, limits, free_bytes, clock, health, metrics, stop, .. } =
            context;
        let removed = |reason| {
            let help = "Stills removed by retention.";
            metrics.counter("watchpost_stills_removed_total", help, &[("reason", reason)])
        };
        let bytes = metrics.gauge("watchpost_still_bytes", "Bytes of all stills.", &[]);
        Self {
            stills: Stills { root: Arc::new(root), bytes },
            claim,
            limits,
            most: FILES_MAX,
            free_bytes,
            clock,
            component: health.component("stills"),
            removed: [removed("age"), removed("bytes"), removed("space")],
            stop,
        }
    }

    fn run(self) {
        let mut was_failing = false;
        loop {
            let outcome = self.turn();
            if let Err(error) = &outcome
                && !was_failing
            {
                warn!(error:%; "Old stills could not be removed; the next try follows.");
            }
            was_failing = outcome.is_err();
            self.report(outcome);
            if self.stop.wait(PERIOD) {
                return;
            }
        }
    }

    /// Removes what is too much.
    fn turn(&self) -> io::Result<()> {
        self.claim.take().map_err(|refused| io::Error::other(refused.to_string()))?;
        let root = self.stills.real_root();
        let mut stills = still_files::find(&root, &root, None)?;
        stills.sort_by_key(|still| still.written_at);
        let count = || self.removed.iter().map(Counter::value).sum::<u64>();
        let before = count();
        let trimmed = self.trim(&root, &stills);
        let removed = count() - before;
        if removed > 0 {
            info!(removed; "The oldest stills were removed; stills_max and stills_max_age say when.");
        }
        trimmed
    }

    /// Removes the first of `stills`, which are in the order of their age.
    fn trim(&self, root: &Path, stills: &[Still]) -> io::Result<()> {
        let mut bytes: u64 = stills.iter().map(|still| still.bytes).sum();
        self.stills.bytes.set(bytes as f64);
        // More were not looked at: this makes room for a while.
        let too_many = match stills.len() > self.most {
            true => stills.len() - self.most + self.most / 10,
            false => 0,
        };
        let now = self.clock.now();
        for (place, still) in stills.iter().filter(|still| !is_fresh(still, now)).enumerate() {
            let in_number = (place < too_many).then_some(1);
            let Some(reason) = self.reason(still, bytes, now).or(in_number) else { break };
            remove_file(&root.join(&still.path))?;
            self.removed[reason].inc();
            bytes -= still.bytes;
            self.stills.bytes.set(bytes as f64);
        }
        Ok(())
    }

    /// Why the oldest still has to go, as a place in `removed`.
    fn reason(&self, oldest: &Still, bytes: u64, now: Timestamp) -> Option<usize> {
        // A clock that has not been set tells no age.
        let age = self.limits.age.filter(|_| Clock::is_plausible(now));
        let wanted = self.limits.min_free_bytes.saturating_add(AHEAD_BYTES);
        if age.is_some_and(|age| now.since(oldest.written_at) > age) {
            return Some(0);
        }
        if bytes > self.limits.bytes {
            return Some(1);
        }
        (self.free_bytes)().is_some_and(|free| free < wanted).then_some(2)
    }

    fn report(&self, outcome: io::Result<()>) {
        match outcome {
            Ok(()) => self.component.healthy("Stills are kept within their limits."),
            Err(error) => self.component.degraded(
                format!("Old stills cannot be removed: {error}."),
                "Check that the state directory is writable.",
            ),
        }
    }
}

/// Written just now, by a clock that may have been set since.
fn is_fresh(still: &Still, now: Timestamp) -> bool {
    now.since(still.written_at).max(still.written_at.since(now)) < GRACE
}

#[cfg(test)]
mod tests {
    use std::fs::FileTimes;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::UNIX_EPOCH;

    use super::*;

    const NOON: Timestamp = Timestamp::from_unix_ms(1_768_478_400_000);
    const MIB: u64 = 1 << 20;

    struct Bench {
        root: tempfile::TempDir,
        free: Arc<AtomicU64>,
        keeper: Keeper,
    }

    impl Bench {
        fn new(limits: StillLimits, now: Timestamp) -> Self {
            let root = tempfile::tempdir().unwrap();
            let free = Arc::new(AtomicU64::new(u64::MAX));
            let clock = Clock::manual(now);
            let stop = Stop::new();
            let keeper = Keeper::new(StillsContext {
                claim: Claim::free(),
                root: root.path().join("stills"),
                limits,
                free_bytes: {
                    let free = Arc::clone(&free);
                    Arc::new(move || Some(free.load(Ordering::Relaxed)))
                },
                clock: clock.clone(),
                health: Health::new(clock),
                metrics: Metrics::default(),
                tasks: Tasks::new(stop.clone(), |_| {}),
                stop,
            });
            Self { root, free, keeper }
        }

        /// A still of 10 bytes, written so many seconds before noon.
        fn put(&self, name: &str, age_s: u64) {
            let path = self.path(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, "0123456789").unwrap();
            let written_at = NOON.before(Duration::from_secs(age_s)).unix_ms() as u64;
            let times =
                FileTimes::new().set_modified(UNIX_EPOCH + Duration::from_millis(written_at));
            File::options().write(true).open(path).unwrap().set_times(times).unwrap();
        }

        fn path(&self, name: &str) -> PathBuf {
            self.root.path().join("stills").join(name)
        }

        fn kept(&self, names: &[&str]) -> Vec<bool> {
            self.keeper.turn().unwrap();
            names.iter().map(|name| self.path(name).exists()).collect()
        }

        fn listed(&self, camera: &str, chosen: Option<&Path>) -> Vec<String> {
            let camera = camera.parse().unwrap();
            let stills = self.keeper.stills.of_camera(&camera, chosen.map(Path::to_owned));
            stills.unwrap().into_iter().map(|still| still.name).collect()
        }
    }

    fn limits(bytes: u64, age_s: Option<u64>) -> StillLimits {
        StillLimits { bytes, age: age_s.map(Duration::from_secs), min_free_bytes: 64 * MIB }
    }

    #[test]
    fn the_oldest_go_beyond_the_bytes_wherever_they_are() {
        let bench = Bench::new(limits(20, None), NOON);
        bench.put("yard/new.JPG", 100);
        bench.put("door/deep/old.JPG", 300);
        bench.put("yard/older.JPG", 400);
        bench.put("yard/middle.ARW", 200);
        bench.put("yard/CAM.DAT", 900);
        bench.put("yard/.still.JPG.part", 900);
        let all = ["yard/new.JPG", "yard/middle.ARW", "door/deep/old.JPG", "yard/older.JPG"];
        assert_eq!(bench.kept(&all), [true, true, false, false]);
        assert_eq!(bench.kept(&["yard/CAM.DAT", "yard/.still.JPG.part"]), [true, true]);
        assert_eq!(bench.keeper.stills.bytes(), 20);
        assert_eq!(bench.keeper.removed[1].value(), 2);
    }

    #[test]
    fn there_are_never_more_than_can_be_looked_at() {
        let mut bench = Bench::new(limits(MIB, None), NOON);
        bench.keeper.most = 1;
        bench.put("yard/old.JPG", 200);
        bench.put("yard/new.JPG", 100);
        assert_eq!(bench.kept(&["yard/new.JPG", "yard/old.JPG"]), [true, false]);
    }

    #[test]
    fn age_counts_only_when_the_clock_is_set() {
        for (now, kept) in [(NOON, [true, false]), (Timestamp::from_unix_ms(0), [true, true])] {
            let bench = Bench::new(limits(MIB, Some(3600)), now);
            bench.put("yard/young.JPG", 3599);
            bench.put("yard/old.JPG", 3601);
            assert_eq!(bench.kept(&["yard/young.JPG", "yard/old.JPG"]), kept, "{now}");
        }
    }

    #[test]
    fn stills_make_room_before_the_system_runs_out_of_it() {
        let bench = Bench::new(limits(MIB, None), NOON);
        bench.put("yard/old.JPG", 100);
        bench.free.store(96 * MIB, Ordering::Relaxed);
        assert_eq!(bench.kept(&["yard/old.JPG"]), [true]);
        bench.free.store(96 * MIB - 1, Ordering::Relaxed);
        assert_eq!(bench.kept(&["yard/old.JPG"]), [false]);
    }

    #[test]
    fn what_was_written_just_now_stays_until_somebody_could_fetch_it() {
        let bench = Bench::new(limits(5, Some(1)), NOON);
        bench.free.store(0, Ordering::Relaxed);
        bench.put("yard/fresh.JPG", 59);
        bench.put("yard/less.JPG", 61);
        assert_eq!(bench.kept(&["yard/fresh.JPG", "yard/less.JPG"]), [true, false]);
    }

    #[test]
    fn the_latest_come_first_with_those_where_a_client_sends_them() {
        let bench = Bench::new(limits(MIB, None), NOON);
        assert_eq!(bench.listed("yard", None), [""; 0], "there is not even a directory");
        bench.put("yard/a.JPG", 30);
        bench.put("yard/day/b.JPG", 20);
        bench.put("wedding/c.JPG", 10);
        bench.put("wedding/more/d.JPG", 5);
        bench.put("door/e.JPG", 1);
        assert_eq!(bench.listed("yard", None), ["b.JPG", "a.JPG"]);
        let root = bench.path("").canonicalize().unwrap();
        let chosen = |name: &str| bench.listed("yard", Some(&root.join(name)));
        assert_eq!(chosen("wedding"), ["c.JPG", "b.JPG", "a.JPG"]);
        assert_eq!(chosen("yard/day"), ["b.JPG", "a.JPG"], "none twice");
        assert_eq!(bench.listed("yard", Some(Path::new("/etc"))), ["b.JPG", "a.JPG"]);
    }

    #[test]
    fn a_still_that_has_gone_since_it_was_listed_is_not_there() {
        let bench = Bench::new(limits(MIB, None), NOON);
        bench.put("yard/a.JPG", 30);
        let stills = &bench.keeper.stills;
        let still = stills.of_camera(&"yard".parse().unwrap(), None).unwrap().remove(0);
        assert!(stills.load(&still).unwrap().is_some());
        assert!(stills.remove(&still).unwrap());
        assert!(stills.load(&still).unwrap().is_none());
        assert!(!stills.remove(&still).unwrap());
    }
}
