//! The command line: what can be asked for, and the answers that need no
//! running daemon.
//!
//! Answers are written to a `Write`; only `main` knows that this is standard
//! output. [`Exit`] lists how a command can end.

mod dead_letters;
mod describe;
mod outputs;
mod signing;
mod store;
mod update;
mod upload;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::board::{Profile, Sensors};
use crate::config::{
    ConfigError, DEFAULT_FILE, DEFAULT_STATE_DIR, Environment, Overrides, Settings,
};
use crate::probe::{self, Verdict};
use crate::rt::with_causes;
pub use signing::Signing;
pub use update::Update;

/// How a command ends: the process's exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// All is well.
    Done = 0,
    /// It failed; the reason is on standard error.
    Failed = 1,
    /// The command line is wrong (given by the argument parser).
    Usage = 2,
    /// The configuration has mistakes, the store damage, or an import faulty lines.
    Faults = 3,
    /// Another instance uses the state directory.
    InUse = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Edge camera appliance: captures, detects on the device, keeps, serves.
#[derive(Clone, Debug, Parser)]
#[command(name = "watchpost", version, about, after_help = EXIT_HELP)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_HELP: &str = "Exit codes: 0 done, 1 failed, 2 wrong command line, \
    3 mistakes in the configuration, damage in the store or faults in an import, \
    4 another instance uses the state directory";

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Run the appliance
    Run(Run),
    /// Read the configuration and tell all mistakes in it
    CheckConfig(ConfigFile),
    /// Show the board and the cameras attached to it, ready for the configuration
    Probe,
    /// Switch off everything that is wired to the board; the service manager calls
    /// it when the program has ended
    OutputsOff(ConfigFile),
    /// Install updates, and prove that they work
    #[command(subcommand)]
    Update(Update),
    /// Look after the store
    #[command(subcommand)]
    Store(Store),
    /// Try the upload
    #[command(subcommand)]
    Upload(Upload),
    /// Sign configuration for a fleet, and look at what is signed
    #[command(subcommand)]
    Config(Signing),
}

/// Try the upload.
#[derive(Clone, Debug, Subcommand)]
pub enum Upload {
    /// Send a proof through every configured way, and show the receipts
    Test(ConfigFile),
    /// Print what a collector must answer, as OpenAPI
    Openapi,
    /// Ask the running box about items that an upstream refuses
    #[command(subcommand)]
    DeadLetters(DeadLetters),
}

/// Items that an upstream refuses.
#[derive(Clone, Debug, Subcommand)]
pub enum DeadLetters {
    /// Show them, with the reasons
    List(AskedBox),
    /// Have them tried again: all, or some
    Retry {
        /// Which box.
        #[command(flatten)]
        of: AskedBox,
        /// Only those of this upstream: http, mqtt or s3
        #[arg(long, value_name = "NAME")]
        upstream: Option<String>,
        /// Only the one with this key
        #[arg(long, requires = "upstream")]
        key: Option<String>,
    },
}

/// A running box, asked over its own API with a key of its own configuration.
#[derive(Clone, Debug, Args)]
pub struct AskedBox {
    /// Its configuration.
    #[command(flatten)]
    pub file: ConfigFile,
    /// Where it serves, if not at the first configured address
    #[arg(long, value_name = "ADDR")]
    pub address: Option<SocketAddr>,
}

/// Run the appliance.
#[derive(Clone, Debug, Args)]
pub struct Run {
    /// Which configuration.
    #[command(flatten)]
    pub file: ConfigFile,
    /// Run the built-in configuration: the footage that comes with the program
    #[arg(long, conflicts_with = "config")]
    pub demo: bool,
    /// Demo only: a still camera beside the footage, such as
    /// ptpip:127.0.0.1:15740 where watchpost-camera-sim runs
    #[arg(long, value_name = "ADDR", requires = "demo")]
    pub still_camera: Option<String>,
    /// Address to serve, such as 127.0.0.1:8080, instead of the configured ones;
    /// may be repeated
    #[arg(long, value_name = "ADDR")]
    pub listen: Vec<SocketAddr>,
    /// Directory for everything that survives a restart
    #[arg(long, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
}

/// Which configuration.
#[derive(Clone, Debug, Args)]
pub struct ConfigFile {
    /// Configuration file
    #[arg(
        long,
        value_name = "FILE",
        help = "Configuration file [default: /etc/watchpost/watchpost.toml]"
    )]
    pub config: Option<PathBuf>,
}

/// Look after the store.
#[derive(Clone, Debug, Subcommand)]
pub enum Store {
    /// Read everything and tell what is damaged
    Check(StoreArgs),
    /// Tell how much is kept
    Stats(StoreArgs),
    /// Give damaged segments a sound form, keeping the originals, and build the
    /// index again; not while the appliance runs
    Repair(StoreArgs),
    /// Write every record as a line of JSON
    Export(Export),
    /// Add the lines of an export; what is there already is not doubled; not while
    /// the appliance runs
    Import(Import),
}

/// Write every record as a line of JSON.
#[derive(Clone, Debug, Args)]
pub struct Export {
    /// Which store.
    #[command(flatten)]
    pub store: StoreArgs,
    /// File to write, which must not be there yet [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Add the lines of an export.
#[derive(Clone, Debug, Args)]
pub struct Import {
    /// Which store.
    #[command(flatten)]
    pub store: StoreArgs,
    /// File to read [default: standard input]
    #[arg(long, value_name = "FILE")]
    pub input: Option<PathBuf>,
}

/// Which store.
#[derive(Clone, Debug, Args)]
pub struct StoreArgs {
    /// The state directory
    #[arg(long, value_name = "DIR", default_value = DEFAULT_STATE_DIR)]
    pub state_dir: PathBuf,
}

impl ConfigFile {
    /// The file: the one given, or the usual one.
    pub fn path(&self) -> PathBuf {
        self.config.clone().unwrap_or_else(|| DEFAULT_FILE.into())
    }
}

impl Run {
    /// The settings to run with. Reading them again (SIGHUP) gives what the file
    /// says then, under the same flags.
    ///
    /// # Errors
    /// When the file cannot be read, or for all mistakes in it.
    pub fn settings(&self, environment: &Environment) -> Result<Settings, ConfigError> {
        self.settings_under(None, environment)
    }

    /// As [`Self::settings`], with a configuration of the fleet over the file.
    ///
    /// # Errors
    /// As there, and when what lies over the file is not right.
    pub fn settings_under(
        &self,
        layer: Option<&str>,
        environment: &Environment,
    ) -> Result<Settings, ConfigError> {
        let overrides = Overrides {
            listen: self.listen.clone(),
            state_dir: self.state_dir.clone(),
            still_camera: self.still_camera.clone(),
        };
        let path = self.file.path();
        match layer {
            _ if self.demo => Settings::demo(environment, &overrides),
            None => Settings::load(&path, environment, &overrides),
            Some(layer) => Settings::load_under(layer, &path, environment, &overrides),
        }
    }
}

/// `check-config`: all mistakes, or what the configuration means in short.
///
/// # Errors
/// When `out` cannot be written.
pub fn check_config(
    file: &ConfigFile,
    environment: &Environment,
    out: &mut dyn Write,
) -> io::Result<Exit> {
    let path = file.path();
    match Settings::load(&path, environment, &Overrides::default()) {
        Ok(settings) => {
            writeln!(out, "{} is right.", path.display())?;
            let wanted = settings.board.profile.as_deref();
            let profile = Profile::choose(&Sensors::system().model(), wanted);
            describe::describe(&settings.stored_as(profile.storage), &profile, out)?;
            Ok(Exit::Done)
        }
        Err(error @ ConfigError::Mistakes { .. }) => {
            writeln!(out, "{error}")?;
            Ok(Exit::Faults)
        }
        Err(error) => {
            writeln!(out, "{}", with_causes(&error))?;
            Ok(Exit::Failed)
        }
    }
}

/// `probe`: the board, the cameras attached to it, and the configuration that
/// would use them.
///
/// # Errors
/// When `out` cannot be written.
pub fn probe(out: &mut dyn Write) -> io::Result<Exit> {
    let verdicts = device_verdicts();
    probe::report(Path::new("/"), |path| verdicts.get(path).cloned(), has_decoder, out)?;
    Ok(Exit::Done)
}

#[cfg(feature = "gst")]
fn has_decoder(name: &str) -> bool {
    crate::capture::gst::is_there(name)
}

#[cfg(not(feature = "gst"))]
fn has_decoder(_: &str) -> bool {
    false
}

#[cfg(feature = "v4l2")]
fn device_verdicts() -> BTreeMap<PathBuf, Verdict> {
    let devices = crate::capture::v4l2::list_devices().into_iter();
    devices
        .map(|device| {
            let is_usable = device.is_multi_planar || !device.formats.is_empty();
            (device.path, Verdict { words: device.verdict, is_usable })
        })
        .collect()
}

#[cfg(not(feature = "v4l2"))]
fn device_verdicts() -> BTreeMap<PathBuf, Verdict> {
    BTreeMap::new()
}

/// `store …`. Findings and exports go to `out`; how far it is, and what is to be
/// said beside an export, to standard error.
///
/// # Errors
/// When `out` cannot be written.
pub fn store(question: &Store, out: &mut dyn Write) -> io::Result<Exit> {
    store::answer(question, out, &mut io::stderr())
}

/// `outputs-off`: what each output has come to.
///
/// # Errors
/// When `out` cannot be written.
pub fn outputs_off(
    file: &ConfigFile,
    environment: &Environment,
    out: &mut dyn Write,
) -> io::Result<Exit> {
    outputs::off(file, environment, out)
}

/// `update …`.
///
/// # Errors
/// When `out` cannot be written.
pub fn update(
    question: &Update,
    environment: &Environment,
    out: &mut dyn Write,
) -> io::Result<Exit> {
    update::answer(question, environment, out)
}

/// `config …`.
///
/// # Errors
/// When `out` cannot be written.
pub fn config(
    question: &Signing,
    environment: &Environment,
    out: &mut dyn Write,
) -> io::Result<Exit> {
    signing::answer(question, environment, out)
}

/// `upload …`.
///
/// # Errors
/// When `out` cannot be written.
pub fn upload(
    question: &Upload,
    environment: &Environment,
    out: &mut dyn Write,
) -> io::Result<Exit> {
    upload::answer(question, environment, out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_reach_the_settings() {
        let cli = Cli::parse_from([
            "watchpost",
            "run",
            "--demo",
            "--listen",
            "127.0.0.1:0",
            "--listen",
            "[::1]:0",
            "--state-dir",
            "/s",
        ]);
        let Command::Run(run) = cli.command else { panic!("not run") };
        let settings = run.settings(&Environment::new()).unwrap();
        assert_eq!(settings.api.listen.len(), 2);
        assert_eq!(settings.state_dir, PathBuf::from("/s"));
    }

    #[test]
    fn demo_and_a_file_exclude_each_other() {
        assert!(Cli::try_parse_from(["watchpost", "run", "--demo", "--config", "f"]).is_err());
    }

    fn check(text: &str) -> (Exit, String) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let mut out = Vec::new();
        let config = ConfigFile { config: Some(file.path().to_owned()) };
        let exit = check_config(&config, &Environment::new(), &mut out).unwrap();
        (exit, String::from_utf8(out).unwrap())
    }

    #[test]
    fn check_config_says_what_a_right_file_means() {
        let (exit, said) = check("[[camera]]\nid = \"a\"\nsource = \"footage\"\n");
        assert_eq!(exit, Exit::Done);
        assert!(said.contains("serves http://127.0.0.1:8080/"), "{said}");
        assert!(said.contains("camera a (a): gst reads footage"), "{said}");
        let (_, said) = check("[board]\nprofile = \"raspberry-pi-4\"\n");
        let board = "every 1000 ms and leaves 256MiB free (where nothing is said, as suits a Rasp";
        assert!(said.contains(board), "{said}");
    }

    #[test]
    fn check_config_ends_with_3_for_mistakes_and_1_without_a_file() {
        let (exit, said) = check("lisen = 3");
        assert_eq!((exit, said.contains("did you mean listen?")), (Exit::Faults, true), "{said}");

        let mut out = Vec::new();
        let config = ConfigFile { config: Some("/nowhere/w.toml".into()) };
        let exit = check_config(&config, &Environment::new(), &mut out).unwrap();
        assert_eq!(exit, Exit::Failed);
        assert!(String::from_utf8(out).unwrap().contains("watchpost run --demo"));
    }
}
