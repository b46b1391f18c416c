//! Configuration: one TOML file, with the environment over it and the command
//! line over both.
//!
//! All mistakes are reported at once, each with its line, what is wrong and what
//! to write instead. The file is at most [`FILE_MAX_BYTES`] long; whatever it
//! holds, reading it ends with settings or with sentences, never with a panic.

mod analyst;
mod area;
mod assess;
mod board;
mod camera;
mod fleet;
mod layer;
mod mistake;
mod nearest;
mod one_camera;
mod rules;
mod section;
mod service;
mod source;
mod state_dir;
#[cfg(test)]
mod tests;
mod units;
mod upload;

pub use camera::{CAMERAS_MAX, driver_word};
pub use mistake::{ConfigError, Mistake, Place};
pub use one_camera::camera_of;
pub use section::Environment;
pub use source::source_text;
pub use state_dir::{StateDir, StateDirError};
pub use units::{parse_span, size_text, span_text};

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::de::DeTable;

use self::section::Reader;
use crate::api::ApiSettings;
use crate::assess::{AnalystSettings, AssessSettings};
use crate::board::{BoardSettings, ProfileStorage};
use crate::capture::CameraSettings;
use crate::fleet::FleetSettings;
use crate::infer::InferSettings;
use crate::media::RecordSettings;
use crate::pipeline::LaneSettings;
use crate::store::StoreSettings;
use crate::upload::UploadSettings;

/// Where the configuration is unless a flag says otherwise.
pub const DEFAULT_FILE: &str = "/etc/watchpost/watchpost.toml";

/// Where the state is unless file, environment or flag say otherwise.
pub const DEFAULT_STATE_DIR: &str = "/var/lib/watchpost";

/// Largest file that is read. Sixteen cameras with all zones need 60 KB.
pub const FILE_MAX_BYTES: u64 = 1 << 20;

/// Deepest nesting is bounded by the TOML reader; so many syntax mistakes are
/// enough to see what is wrong.
const SYNTAX_MISTAKES_MAX: usize = 20;

const DEMO: &str = include_str!("demo.toml");

/// Everything that can be set.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The cameras, in the order of the file.
    pub cameras: Vec<CameraConfig>,
    /// The detector.
    pub infer: InferSettings,
    /// How events are judged.
    pub assess: AssessSettings,
    /// Who gives a second opinion on them, if anybody.
    pub analyst: Option<AnalystSettings>,
    /// The store.
    pub store: StoreSettings,
    /// What of it the configuration does not say.
    pub left_open: LeftOpen,
    /// The upload.
    pub upload: UploadSettings,
    /// What those upstream call this box; absent: a name that it gives itself.
    pub device_id: Option<String>,
    /// The fleet it belongs to.
    pub fleet: FleetSettings,
    /// The service.
    pub api: ApiSettings,
    /// The board, and what is wired to it.
    pub board: BoardSettings,
    /// Where everything that survives a restart is kept.
    pub state_dir: PathBuf,
}

/// Keys of `[store]` that a board's profile may fill in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeftOpen {
    /// `flush_interval`.
    pub flush_interval: bool,
    /// `min_free`.
    pub min_free: bool,
}

/// One camera.
#[derive(Clone, Debug, PartialEq)]
pub struct CameraConfig {
    /// How its pictures are taken.
    pub capture: CameraSettings,
    /// How its pictures are looked at.
    pub lane: LaneSettings,
    /// What is kept of its video.
    pub record: RecordSettings,
}

/// What the command line says; it wins over file and environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// Addresses to serve, instead of `listen`.
    pub listen: Vec<SocketAddr>,
    /// State directory, instead of `state_dir`.
    pub state_dir: Option<PathBuf>,
    /// A still camera of the demo: the `source` of a camera with the driver `ptp`.
    pub still_camera: Option<String>,
}

impl Settings {
    /// The settings of the file at `path`.
    ///
    /// # Errors
    /// When the file cannot be read, or for all mistakes in it.
    pub fn load(
        path: &Path,
        environment: &Environment,
        overrides: &Overrides,
    ) -> Result<Self, ConfigError> {
        let text = read(path)?;
        Self::parse(&path.display().to_string(), &text, environment, overrides)
    }

    /// As [`Self::load`], with a configuration of the fleet over the file.
    ///
    /// # Errors
    /// As there, and when what lies over the file is not right.
    pub fn load_under(
        layer: &str,
        path: &Path,
        environment: &Environment,
        overrides: &Overrides,
    ) -> Result<Self, ConfigError> {
        let joined = layer::laid_over(&read(path)?, layer).map_err(ConfigError::Layer)?;
        let (result, _) = parse_with_keys(&joined, environment, overrides);
        // Lines of the joined text are nobody's.
        result.map_err(|mistakes| ConfigError::Layer(mistake::without_places(&mistakes)))
    }

    /// The settings that `text` means; `file` names it in messages.
    ///
    /// # Errors
    /// For all mistakes in the text, the environment and the flags.
    pub fn parse(
        file: &str,
        text: &str,
        environment: &Environment,
        overrides: &Overrides,
    ) -> Result<Self, ConfigError> {
        let (result, _) = parse_with_keys(text, environment, overrides);
        result.map_err(|mistakes| ConfigError::Mistakes { file: file.to_owned(), mistakes })
    }

    /// The same, with what it leaves open as the board's profile has it.
    #[must_use]
    pub fn stored_as(mut self, profile: ProfileStorage) -> Self {
        if let (true, Some(ms)) = (self.left_open.flush_interval, profile.flush_interval_ms) {
            self.store.flush_interval = Duration::from_millis(ms.into());
        }
        if let (true, Some(mib)) = (self.left_open.min_free, profile.min_free_mib) {
            self.store.min_free_bytes = u64::from(mib) << 20;
        }
        self
    }

    /// The built-in settings: the footage that comes with the program, served on
    /// loopback, kept in the user's own state directory.
    ///
    /// # Errors
    /// For mistakes in the environment and the flags.
    pub fn demo(environment: &Environment, overrides: &Overrides) -> Result<Self, ConfigError> {
        let still_camera = overrides.still_camera.as_ref().map(|source| {
            let source = toml::Value::from(source.as_str());
            format!("[[camera]]\nid = \"studio\"\nname = \"Studio\"\ndriver = \"ptp\"\nsource = {source}\n")
        });
        let text = format!("{DEMO}{}", still_camera.unwrap_or_default());
        let mut settings = Self::parse("the demo", &text, environment, overrides)?;
        let is_in_environment =
            environment.get("WATCHPOST_STATE_DIR").is_some_and(|text| !text.is_empty());
        if overrides.state_dir.is_none() && !is_in_environment {
            settings.state_dir = state_dir::for_demo(environment);
        }
        Ok(settings)
    }
}

/// As [`Settings::parse`], with the paths of all keys that were asked for.
fn parse_with_keys(
    text: &str,
    environment: &Environment,
    overrides: &Overrides,
) -> (Result<Settings, Vec<Mistake>>, BTreeSet<String>) {
    let reader = Reader::new(text, environment);
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors.iter().take(SYNTAX_MISTAKES_MAX) {
        let place = reader.place(error.span().map_or(text.len(), |span| span.start));
        let what = format!("this is not TOML: {}", error.message().replace('\n', ", "));
        reader.mistake(place, what, "see https://toml.io for the syntax");
    }
    // What the reader recovered from a broken file would only confuse.
    if !errors.is_empty() {
        let (mistakes, keys) = reader.finish();
        return (Err(mistakes), keys);
    }
    let settings = settings(&reader, table.get_ref(), overrides);
    let (mistakes, keys) = reader.finish();
    (if mistakes.is_empty() { Ok(settings) } else { Err(mistakes) }, keys)
}

fn settings<'a>(reader: &Reader<'a>, table: &DeTable<'a>, overrides: &Overrides) -> Settings {
    let root = reader.root(table);
    let api = service::api(&root, &overrides.listen);
    let infer = service::infer(root.section("detector"));
    let (store, left_open) = service::store(root.section("store"));
    let assess = assess::assess(root.section("assess"));
    let analyst = analyst::analyst(root.section("analyst"));
    let upload = upload::upload(root.section("upload"), &assess.timezone);
    let device_id = root.get("device_id", upload::device_id);
    let fleet = fleet::fleet(root.section("fleet"), upload.http.as_ref());
    let mut state_dir = PathBuf::from(DEFAULT_STATE_DIR);
    root.set("state_dir", &mut state_dir, rules::path);
    let cameras = camera::cameras(&root, infer.labels.is_some());
    let board = board::board(&root, &cameras);
    root.finish();
    let state_dir = overrides.state_dir.clone().unwrap_or(state_dir);
    Settings {
        cameras,
        infer,
        assess,
        analyst,
        store,
        left_open,
        upload,
        device_id,
        fleet,
        api,
        board,
        state_dir,
    }
}

fn read(path: &Path) -> Result<String, ConfigError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => ConfigError::Missing(path.to_owned()),
        _ => ConfigError::Read { path: path.to_owned(), source },
    };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(FILE_MAX_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > FILE_MAX_BYTES {
        return Err(ConfigError::TooLarge { path: path.to_owned(), max_bytes: FILE_MAX_BYTES });
    }
    String::from_utf8(bytes).map_err(|error| {
        let what = format!("byte {} is not UTF-8", error.utf8_error().valid_up_to());
        failed(io::Error::new(io::ErrorKind::InvalidData, what))
    })
}
