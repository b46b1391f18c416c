//! Commands on standard input, one a line. What is not understood is answered
//! with the list; at the end of the input the cameras go on until they are killed,
//! unless they are to end with it.

use std::io::{self, BufRead};
use std::thread;

use watchpost_camera_sim::{Armed, Sim};

const HELP: &str = "\
commands (for all cameras, or behind `N:` for camera N, counted from 0):
  fault FAULT      something goes wrong, as with --fault
  clear            nothing goes wrong any more
  unplug, plug     the cable
  shutter          somebody presses the shutter of the body
  turn CODE VALUE  somebody turns a dial: property (hexadecimal) and new value
  stats            what has happened
  help             this list
  quit             the end";

/// Longest line that is read.
const LINE_BYTES_MAX: usize = 1024;

/// Obeys until `quit`, or until the input ends.
pub fn run(cameras: &[Sim], ends_with_input: bool) {
    for line in io::stdin().lock().lines() {
        let Ok(line) = line else { break };
        match line.trim() {
            "quit" => return,
            "" => {}
            line if line.len() > LINE_BYTES_MAX => println!("too long"),
            line => obey(cameras, line),
        }
    }
    if ends_with_input {
        return;
    }
    // No more commands will come: it was started in the background.
    loop {
        thread::park();
    }
}

fn obey(cameras: &[Sim], line: &str) {
    let (chosen, command) = match line.split_once(':') {
        Some((number, command)) => {
            let at = number.trim().parse::<usize>().ok().filter(|at| *at < cameras.len());
            let Some(at) = at else {
                println!("there is no camera {number}");
                return;
            };
            (&cameras[at..=at], command.trim())
        }
        None => (cameras, line),
    };
    for camera in chosen {
        println!("{}", answer(camera, command));
    }
}

fn answer(camera: &Sim, command: &str) -> String {
    let words: Vec<_> = command.split_whitespace().collect();
    match words[..] {
        ["fault", fault] => match fault.parse::<Armed>() {
            Ok(armed) => {
                camera.arm(armed);
                "armed".to_owned()
            }
            Err(error) => error.to_string(),
        },
        ["clear"] => {
            camera.clear_faults();
            "cleared".to_owned()
        }
        ["unplug"] => said(camera.unplug(), "unplugged", "the port would not close"),
        ["plug"] => said(camera.plug_in(), "plugged in", "the port would not open"),
        ["shutter"] => said(camera.press_shutter(), "pressed", "the camera is busy"),
        ["turn", code, value] => match (u16::from_str_radix(code, 16), value.parse()) {
            (Ok(code), Ok(value)) if camera.value(code).is_some() => {
                camera.turn(code, value);
                "turned".to_owned()
            }
            _ => "turn takes a property that exists (hexadecimal) and a number".to_owned(),
        },
        ["stats"] => format!("{:?}", camera.stats()),
        _ => HELP.to_owned(),
    }
}

fn said(is_done: bool, done: &str, not_done: &str) -> String {
    if is_done { done } else { not_done }.to_owned()
}
