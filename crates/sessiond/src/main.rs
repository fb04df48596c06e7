//! The session server: command line, settings, start and stop. It holds no rules.

mod access_token_keys;
mod admin_face;
mod audit;
mod command_line;
mod data_dir;
mod key_file;
mod key_ring;
mod keys;
mod logging;
mod printable;
mod provider_token_keys;
mod reach;
mod serve;
mod services;
mod settings;
mod users;

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _};

use crate::command_line::{Command, CommandLine};

fn main() -> ExitCode {
    let command = CommandLine::command().after_long_help(settings::help());
    let command_line =
        CommandLine::from_arg_matches(&command.get_matches()).unwrap_or_else(|error| error.exit());
    let outcome = match command_line.command.unwrap_or(Command::Serve) {
        Command::Serve => serve::serve(command_line.options).map_err(|error| error.to_string()),
        Command::Audit(command) => {
            audit::audit(&command, &command_line.options).map_err(|error| error.to_string())
        }
        Command::Users(command) => {
            users::users(command, &command_line.options).map_err(|error| error.to_string())
        }
        Command::Keys(command) => {
            key_ring::keys(command, &command_line.options).map_err(|error| error.to_string())
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            #[expect(
                clippy::print_stderr,
                reason = "the last words of a command-line program"
            )]
            {
                eprintln!("sessiond: {error}");
            }
            ExitCode::FAILURE
        }
    }
}
