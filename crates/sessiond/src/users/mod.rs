//! `sessiond users`: who may sign in. Straight on the store where no server has it, else through the
//! server's admin face.

mod admin_face;
mod password;
mod store;

use std::io;

use session_core::{Email, InvalidInput, Metadata, Password};

use crate::admin_face::{AdminFace, AdminFaceError};
use crate::command_line::{Options, UsersCommand};
use crate::data_dir::DataDirError;
use crate::logging;
use crate::printable::printable;
use crate::reach::{Reached, reach};
use crate::services::ServicesError;
use crate::settings::{BadSettings, Settings};
use store::Accounts;

/// Why a command about accounts was not carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UsersError {
    #[error(transparent)]
    Settings(#[from] BadSettings),
    #[error(transparent)]
    Invalid(#[from] InvalidInput),
    #[error("the password cannot be read: {0}")]
    Terminal(io::Error),
    #[error("there is no password on standard input")]
    NoPassword,
    #[error("the password on standard input is not UTF-8")]
    PasswordNotText,
    #[error("the two passwords are not the same")]
    PasswordsDiffer,
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    #[error("the memory store keeps no accounts between runs, and no server runs on {0}")]
    NothingKept(String),
    #[error("{0} has an account already")]
    Taken(Email),
    #[error("there is no account of {0}")]
    NoSuchAccount(Email),
    #[error("the runtime cannot be started: {0}")]
    Runtime(io::Error),
    #[error(transparent)]
    Services(#[from] ServicesError),
    #[error(transparent)]
    Store(app::AccountError),
    #[error("what was done could not be written down to its end: {0}")]
    Close(app::SessionError),
    #[error(transparent)]
    Face(#[from] AdminFaceError),
}

/// An account, as far as commands show it.
#[derive(Debug)]
struct User {
    user_id: String,
    email: String,
    role: String,
    is_disabled: bool,
}

/// What to do with an account that is there.
enum Change {
    Disable,
    Enable,
    Password(Password),
    Delete,
}

impl Change {
    /// As the audit log names the command.
    const fn command(&self) -> &'static str {
        match self {
            Self::Disable => "users disable",
            Self::Enable => "users enable",
            Self::Password(_) => "users passwd",
            Self::Delete => "users delete",
        }
    }

    const fn done(&self) -> &'static str {
        match self {
            Self::Disable => "disabled, and its sessions ended",
            Self::Enable => "enabled",
            Self::Password(_) => "has another password, and its sessions ended",
            Self::Delete => "deleted, and its sessions ended",
        }
    }
}

/// A command whose arguments are good, and with its password.
enum Task {
    Add {
        email: Email,
        role: Option<String>,
        permissions: Vec<String>,
        password: Password,
    },
    List,
    Change(Email, Change),
}

impl Task {
    /// Asks for the password where one is needed: before the data folder is taken, so that nobody waits
    /// for somebody who is typing.
    fn of(command: UsersCommand) -> Result<Self, UsersError> {
        Ok(match command {
            UsersCommand::Add {
                email,
                role,
                permissions,
            } => {
                let email = email.parse()?;
                Metadata::new(&rights(role.clone(), permissions.clone()))?;
                Self::Add {
                    email,
                    role,
                    permissions,
                    password: password::ask()?,
                }
            }
            UsersCommand::List => Self::List,
            UsersCommand::Disable { email } => Self::Change(email.parse()?, Change::Disable),
            UsersCommand::Enable { email } => Self::Change(email.parse()?, Change::Enable),
            UsersCommand::Passwd { email } => {
                let email = email.parse()?;
                Self::Change(email, Change::Password(password::ask()?))
            }
            UsersCommand::Delete { email } => Self::Change(email.parse()?, Change::Delete),
        })
    }
}

pub(crate) fn users(command: UsersCommand, options: &Options) -> Result<(), UsersError> {
    let settings = Settings::read(options)?;
    logging::start("warn");
    let task = Task::of(command)?;
    match reach(&settings)? {
        Reached::Folder(data_dir) if settings.store.is_lost_with_its_process() => {
            let path = data_dir.path().display().to_string();
            Err(UsersError::NothingKept(path))
        }
        Reached::Folder(data_dir) => {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(UsersError::Runtime)?;
            runtime.block_on(async {
                let accounts = Accounts::open(&settings).await?;
                let outcome = accounts.carry_out(&task).await;
                // Also after a failure: what was recorded until then is written down.
                let closed = accounts.close().await;
                // The folder is let go of last, when nothing uses it any more.
                drop(data_dir);
                print(&task, &outcome?);
                closed
            })
        }
        Reached::Server(address) => {
            let done = admin_face::carry_out(&AdminFace::of(address, &settings)?, &task)?;
            print(&task, &done);
            Ok(())
        }
    }
}

/// What a new account's sessions begin with.
fn rights(
    role: Option<String>,
    permissions: Vec<String>,
) -> serde_json::Map<String, serde_json::Value> {
    let mut members = serde_json::Map::new();
    if let Some(role) = role {
        members.insert("role".to_owned(), role.into());
    }
    if !permissions.is_empty() {
        members.insert("permissions".to_owned(), permissions.into());
    }
    members
}

#[expect(
    clippy::print_stdout,
    reason = "what the command is asked for, it prints"
)]
fn print(task: &Task, users: &[User]) {
    for user in users {
        let email = printable(&user.email);
        match task {
            Task::Add { .. } => println!("{email} added, user id {}", printable(&user.user_id)),
            Task::Change(_, change) => println!("{email} {}", change.done()),
            Task::List => println!(
                "{email}\t{}\t{}\t{}",
                printable(&user.role),
                if user.is_disabled {
                    "disabled"
                } else {
                    "enabled"
                },
                printable(&user.user_id)
            ),
        }
    }
}
