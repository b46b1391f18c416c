//! The simulated camera as a program: one or several cameras on one port each,
//! with faults from the command line and, while it runs, from standard input.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program talks to its user")]
#![allow(clippy::disallowed_methods, reason = "the bans are the daemon's")]

mod console;

use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use watchpost_camera_sim::packet::ip::PORT;
use watchpost_camera_sim::usb::gadget;
use watchpost_camera_sim::{Armed, Options, Pictures, Sim, UsbMode};

/// Most cameras of one program.
const CAMERAS_MAX: u16 = 64;

/// A camera that is not there: a Sony body behind PTP/IP.
///
/// Point `gphoto2 --port ptpip:127.0.0.1:15740 --camera "PTP/IP Camera"` at it,
/// or the daemon with `driver = "ptp"` and `source = "ptpip:127.0.0.1"`.
/// While it runs it takes commands on standard input; `help` lists them.
#[derive(Parser)]
#[command(version, name = "watchpost-camera-sim")]
struct Arguments {
    /// Address to listen on; 0.0.0.0 makes the cameras visible to the network
    #[arg(long, default_value = "127.0.0.1")]
    listen: IpAddr,
    /// Port of the first camera; the others follow
    #[arg(long, default_value_t = PORT)]
    port: u16,
    /// Model, as the body says it
    #[arg(long, default_value = "ILCE-7M4")]
    model: String,
    /// How many cameras
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=i64::from(CAMERAS_MAX)))]
    cameras: u16,
    /// What the body's USB menu is set to
    #[arg(long, value_enum, default_value = "remote")]
    mode: Mode,
    /// Directory with .jpg files to photograph and to show in live view
    #[arg(long, value_name = "DIRECTORY")]
    pictures: Option<PathBuf>,
    /// Milliseconds that live view shows one picture
    #[arg(long, default_value_t = 1000, value_name = "MS")]
    scene: u64,
    /// What goes wrong: busy, stall, mid-transfer-disconnect, truncated-object,
    /// wrong-length, property-storm=PER_SECOND, unplug, hostile=SEED; behind it
    /// @2 for the second file or @5s for five seconds after the start. Several
    /// may be given
    #[arg(long, value_name = "FAULT")]
    fault: Vec<Armed>,
    /// Offer the first camera at a USB port too: the folder of a FunctionFS instance
    #[arg(long, value_name = "DIRECTORY")]
    usb: Option<PathBuf>,
    /// End when standard input ends, instead of going on
    #[arg(long)]
    end_with_input: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Mode {
    /// PC Remote: the host works the camera
    Remote,
    /// MTP: cards only
    Mtp,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match start(&arguments) {
        Ok(cameras) => {
            console::run(&cameras, arguments.end_with_input);
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("watchpost-camera-sim: {message}");
            ExitCode::FAILURE
        }
    }
}

fn start(arguments: &Arguments) -> Result<Vec<Sim>, String> {
    let pictures = match &arguments.pictures {
        Some(directory) => {
            Pictures::from_directory(directory).map_err(|error| error.to_string())?
        }
        None => Pictures::built_in(),
    };
    let pictures = Arc::new(pictures);
    let mut cameras = Vec::new();
    for number in 0..arguments.cameras {
        let port = match arguments.port {
            0 => 0,
            first => {
                first.checked_add(number).ok_or("the ports of that many cameras end above 65535")?
            }
        };
        let options = options(arguments, number, port, Arc::clone(&pictures));
        let listen = format!("{}:{port}", arguments.listen);
        let camera = Sim::start(options).map_err(|error| {
            format!("listen on {listen}: {error}; choose another port with --port")
        })?;
        println!("camera {number}: {} on {}", arguments.model, camera.port());
        cameras.push(camera);
    }
    if let (Some(folder), Some(camera)) = (&arguments.usb, cameras.first()) {
        gadget::offer(folder, camera.address())
            .map_err(|error| format!("offer a USB camera in {}: {error}", folder.display()))?;
        println!("camera 0: also in {}", folder.display());
    }
    Ok(cameras)
}

fn options(arguments: &Arguments, number: u16, port: u16, pictures: Arc<Pictures>) -> Options {
    let defaults = Options::default();
    let kept = defaults.serial.len() - 2;
    Options {
        model: arguments.model.clone(),
        serial: format!("{}{number:02}", &defaults.serial[..kept]),
        listen: arguments.listen,
        port,
        mode: match arguments.mode {
            Mode::Remote => UsbMode::Remote,
            Mode::Mtp => UsbMode::Mtp,
        },
        scene: Duration::from_millis(arguments.scene),
        pictures,
        faults: arguments.fault.clone(),
        ..defaults
    }
}
