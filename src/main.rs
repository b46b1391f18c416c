//! The daemon's entry: reads the command line and hands over.

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Parser as _;
use watchpost::app;
use watchpost::cli::{self, Cli, Command, Exit, Run};
use watchpost::config::Environment;

fn main() -> ExitCode {
    // Refused values cost memory, not function.
    let _ = watchpost::rt::heap::set_up();
    let cli = Cli::parse();
    let environment: Environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let mut out = io::stdout().lock();
    let result = match &cli.command {
        Command::Run(run) => return self::run(run, &environment).into(),
        Command::CheckConfig(file) => cli::check_config(file, &environment, &mut out),
        Command::Probe => cli::probe(&mut out),
        Command::OutputsOff(file) => cli::outputs_off(file, &environment, &mut out),
        Command::Update(question) => cli::update(question, &environment, &mut out),
        Command::Store(question) => cli::store(question, &mut out),
        Command::Upload(question) => cli::upload(question, &environment, &mut out),
        Command::Config(question) => cli::config(question, &environment, &mut out),
    };
    // A closed pipe (`watchpost probe | head -1`) is no failure of ours.
    let exit = result.unwrap_or(Exit::Failed);
    let _ = out.flush();
    exit.into()
}

fn run(run: &Run, environment: &Environment) -> Exit {
    match app::start(run, environment) {
        Ok(()) => Exit::Done,
        Err(error) => {
            // The log may not be set up, or may go elsewhere; who started the
            // daemon by hand reads this.
            let _ = writeln!(io::stderr(), "watchpost: {error}");
            error.exit()
        }
    }
}
