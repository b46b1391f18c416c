//! `watchpost config …`: configuration that a whole fleet takes, made and looked at
//! where the fleet is looked after.

use std::fs::File;
use std::io::{self, Read as _, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::{ConfigFile, Exit};
use crate::app::device;
use crate::config::{ConfigError, Environment, Overrides, Settings};
use crate::fleet::{Addressee, DOCUMENT_MAX_BYTES, Document, PublicKey, SigningKey};
use crate::rt::with_causes;

/// What to do with a fleet's configuration.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum Signing {
    /// Make a key pair: the secret half goes to a file, the public one is printed
    Keygen {
        /// File to write, which must not be there yet
        #[arg(value_name = "FILE")]
        key: PathBuf,
    },
    /// Sign a configuration and print it
    Sign(Sign),
    /// Tell who a signed configuration is for, and whether this box would take it
    Verify(Verify),
}

/// Sign a configuration.
#[derive(Clone, Debug, clap::Args)]
pub struct Sign {
    /// The secret key, from `keygen`
    #[arg(long, value_name = "FILE")]
    pub key: PathBuf,
    /// Higher than that of every one before
    #[arg(long)]
    pub version: u64,
    /// For all boxes with this name under [fleet]
    #[arg(long, value_name = "NAME", required_unless_present = "device")]
    pub fleet: Option<String>,
    /// For the box with this device_id
    #[arg(long, value_name = "NAME", conflicts_with = "fleet")]
    pub device: Option<String>,
    /// TOML with the keys that are to lie over each box's own file
    pub file: PathBuf,
}

/// Look at a signed configuration.
#[derive(Clone, Debug, clap::Args)]
pub struct Verify {
    /// The box's own file, whose keys are asked and over which it would lie.
    #[command(flatten)]
    pub config: ConfigFile,
    /// The signed configuration
    pub file: PathBuf,
}

/// Answers.
///
/// # Errors
/// When `out` cannot be written.
pub fn answer(
    question: &Signing,
    environment: &Environment,
    out: &mut dyn Write,
) -> io::Result<Exit> {
    let done = match question {
        Signing::Keygen { key } => keygen(key).map(|public| format!("{public}\n").into_bytes()),
        Signing::Sign(sign) => self::sign(sign),
        Signing::Verify(verify) => return self::verify(verify, environment, out),
    };
    match done {
        Ok(bytes) => {
            out.write_all(&bytes)?;
            Ok(Exit::Done)
        }
        Err(reason) => {
            writeln!(out, "{reason}")?;
            Ok(Exit::Failed)
        }
    }
}

fn keygen(path: &Path) -> Result<PublicKey, String> {
    let (key, text) = SigningKey::generate().map_err(|error| error.to_string())?;
    let write = || -> io::Result<()> {
        let mut file = File::options().write(true).create_new(true).mode(0o600).open(path)?;
        writeln!(file, "{text}")?;
        file.sync_all()
    };
    write().map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    Ok(key.public())
}

fn sign(sign: &Sign) -> Result<Vec<u8>, String> {
    let key = String::from_utf8(read(&sign.key)?).unwrap_or_default();
    let key: SigningKey =
        key.parse().map_err(|error| format!("{} holds no key: {error}", sign.key.display()))?;
    let toml = String::from_utf8(read(&sign.file)?)
        .map_err(|_| format!("{} is not UTF-8", sign.file.display()))?;
    toml.parse::<toml::Table>().map_err(|error| format!("{}: {error}", sign.file.display()))?;
    let addressee = match (&sign.device, &sign.fleet) {
        (Some(name), _) => Addressee::Device(name.clone()),
        (None, name) => Addressee::Fleet(name.clone().unwrap_or_default()),
    };
    let document = Document { version: sign.version, addressee, toml };
    document.sign(&key).map_err(|error| error.to_string())
}

fn verify(verify: &Verify, environment: &Environment, out: &mut dyn Write) -> io::Result<Exit> {
    let path = verify.config.path();
    let overrides = Overrides::default();
    let settings = match Settings::load(&path, environment, &overrides) {
        Ok(settings) => settings,
        Err(error) => {
            writeln!(out, "{}", with_causes(&error))?;
            return Ok(Exit::Failed);
        }
    };
    let verdict = judge(&read(&verify.file), &settings).and_then(|document| {
        let joined = Settings::load_under(&document.toml, &path, environment, &overrides);
        joined.map(|_| document).map_err(|error| match error {
            ConfigError::Layer(reason) => reason,
            error => with_causes(&error),
        })
    });
    match verdict {
        Ok(Document { version, addressee, .. }) => {
            writeln!(out, "Version {version} for {addressee} would be tried here.")?;
            Ok(Exit::Done)
        }
        Err(reason) => {
            writeln!(out, "{} would be refused here: {reason}", verify.file.display())?;
            Ok(Exit::Faults)
        }
    }
}

fn judge(bytes: &Result<Vec<u8>, String>, settings: &Settings) -> Result<Document, String> {
    let bytes = bytes.as_ref().map_err(Clone::clone)?;
    let keys = settings.fleet.pull.as_ref().map(|pull| &pull.keys[..]).unwrap_or_default();
    let device = device::known(settings).unwrap_or_default();
    let open = || {
        let document = Document::open(bytes, keys)?;
        document.check_addressee(&device, settings.fleet.name.as_deref())?;
        Ok(document)
    };
    open().map_err(|error: crate::fleet::DocumentError| error.to_string())
}

/// A file, as far as any document reaches.
fn read(path: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut read = || -> io::Result<usize> {
        File::open(path)?.take(DOCUMENT_MAX_BYTES as u64 + 1).read_to_end(&mut bytes)
    };
    read().map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn said(question: &Signing) -> (Exit, String) {
        let mut out = Vec::new();
        let exit = answer(question, &Environment::new(), &mut out).unwrap();
        (exit, String::from_utf8(out).unwrap())
    }

    #[test]
    fn what_is_signed_here_is_taken_where_the_key_is_configured() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let (_, public) = said(&Signing::Keygen { key: path("key") });
        assert_eq!(said(&Signing::Keygen { key: path("key") }).0, Exit::Failed, "never twice");

        fs::write(path("new.toml"), "[assess]\ntimezone = \"Europe/Paris\"\n").unwrap();
        let sign = |fleet: &str| {
            let (key, file) = (path("key"), path("new.toml"));
            Signing::Sign(Sign {
                key,
                version: 7,
                fleet: Some(fleet.to_owned()),
                device: None,
                file,
            })
        };
        let box_file = format!(
            "device_id = \"box-1\"\n[fleet]\nname = \"north\"\nurl = \"https://f.example\"\nkeys = [\"{}\"]\n",
            public.trim()
        );
        fs::write(path("box.toml"), box_file).unwrap();
        let verify = |bytes: &str| {
            fs::write(path("signed"), bytes).unwrap();
            let config = ConfigFile { config: Some(path("box.toml")) };
            said(&Signing::Verify(Verify { config, file: path("signed") }))
        };

        let (exit, signed) = said(&sign("north"));
        assert_eq!(exit, Exit::Done);
        let (exit, verdict) = verify(&signed);
        assert_eq!(
            (exit, &*verdict),
            (Exit::Done, "Version 7 for fleet north would be tried here.\n")
        );
        let (exit, verdict) = verify(&said(&sign("south")).1);
        assert_eq!(exit, Exit::Faults);
        assert!(verdict.contains("for fleet south, not for this box"), "{verdict}");
        let (_, verdict) = verify(&signed.replace("Paris", "Rome"));
        assert!(verdict.contains("signature"), "{verdict}");

        fs::write(path("new.toml"), "[fleet]\nkeys = []\n").unwrap();
        let (_, verdict) = verify(&said(&sign("north")).1);
        assert!(verdict.contains("it holds fleet"), "{verdict}");
    }
}
