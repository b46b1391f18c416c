//! `watchpost outputs-off`: what the service manager calls when the program has
//! ended, however it did.

use std::io::{self, Write};

use super::{ConfigFile, Exit};
use crate::app::panel;
use crate::config::{Environment, Overrides, Settings};
use crate::rt::with_causes;

/// Takes every configured output, which switches it off, and lets it go again.
///
/// # Errors
/// When `out` cannot be written.
pub fn off(file: &ConfigFile, environment: &Environment, out: &mut dyn Write) -> io::Result<Exit> {
    let settings = match Settings::load(&file.path(), environment, &Overrides::default()) {
        Ok(settings) => settings,
        Err(error) => {
            writeln!(out, "{}", with_causes(&error))?;
            return Ok(Exit::Failed);
        }
    };
    let (gpio, profile) = (&settings.board.gpio, panel::profile(&settings));
    let lines = panel::lines(gpio, &profile);
    let mut exit = Exit::Done;
    for (what, wire) in gpio.outputs() {
        let taken =
            wire.place(what, &profile).and_then(|pin| lines.output(&pin, wire.is_active_low));
        match taken {
            Ok(_) => writeln!(out, "{what} is off")?,
            Err(error) => {
                writeln!(out, "{what}: {}", with_causes(&error))?;
                exit = Exit::Failed;
            }
        }
    }
    Ok(exit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn every_output_is_switched_off_and_a_broken_one_stops_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let lines = folder.path().join("lines");
        fs::create_dir_all(lines.join("broken")).unwrap();
        for (line, level) in [("siren", "1"), ("fan", "0"), ("pir", "1")] {
            fs::write(lines.join(line), level).unwrap();
        }
        let config = folder.path().join("w.toml");
        let text = format!(
            "[gpio]\ndriver = \"sim\"\nsim_dir = \"{}\"\n\
             [gpio.status_lamp]\npin = \"broken\"\n[gpio.siren]\npin = \"siren\"\n\
             [gpio.fan]\npin = \"fan\"\nactive_low = true\n\
             [gpio.motion_sensor]\npin = \"pir\"\n",
            lines.display()
        );
        fs::write(&config, text).unwrap();
        let mut out = Vec::new();
        let file = ConfigFile { config: Some(config) };
        let exit = off(&file, &Environment::new(), &mut out).unwrap();
        let level = |line: &str| fs::read_to_string(lines.join(line)).unwrap();
        assert_eq!(["siren", "fan", "pir"].map(level), ["0", "1", "1"]);
        assert_eq!(exit, Exit::Failed);
        let said = String::from_utf8(out).unwrap();
        assert!(said.contains("siren is off") && said.contains("status_lamp: "), "{said}");
    }
}
