//! `sessiond users`: who may sign in. Straight on the store where no server has it, else through the
//! server's admin face.

mod admin_face;
mod password;
mod store;

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use session_core::{Email, InvalidInput, Metadata, Password};

use crate::command_line::{Options, UsersCommand};
use crate::data_dir::{DataDir, DataDirError, Holder};
use crate::logging;
use crate::services::ServicesError;
use crate::settings::{BadSettings, Settings, Store};
use admin_face::AdminFace;
use store::Accounts;

/// How long a command waits for another one, or for a server that is starting, and how often it looks.
const LOOKS: u32 = 100;
const LOOKS_EVERY: Duration = Duration::from_millis(100);

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
    #[error(
        "a server runs on the data folder, and there is no key to ask it with: set SESSION_ADMIN_KEYS \
         to one of its admin keys"
    )]
    NoAdminKey,
    #[error(
        "the server at {0} takes no plain http (SESSION_REQUIRE_HTTPS), which this command speaks: ask \
         its admin face through the proxy, or stop the server first"
    )]
    HttpsRequired(SocketAddr),
    #[error("the server at {address} cannot be asked: {source}")]
    Unreachable {
        address: SocketAddr,
        source: Box<ureq::Error>,
    },
    #[error("the server at {0} gives an answer that is none of sessiond's")]
    NotOurs(SocketAddr),
    #[error("the server at {address} says: {detail}")]
    Refused { address: SocketAddr, detail: String },
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
        Reached::Folder(data_dir) if settings.store == Store::Memory => {
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
            let done = AdminFace::of(address, &settings)?.carry_out(&task)?;
            print(&task, &done);
            Ok(())
        }
    }
}

enum Reached {
    /// The data folder is this process' now.
    Folder(DataDir),
    Server(SocketAddr),
}

/// The data folder or the server that has it. Another command, and a server that is starting, are waited
/// for.
fn reach(settings: &Settings) -> Result<Reached, UsersError> {
    let mut looks = 0;
    loop {
        match DataDir::take(&settings.data_dir) {
            Ok(mut data_dir) => {
                data_dir.sign(Holder::command())?;
                return Ok(Reached::Folder(data_dir));
            }
            Err(DataDirError::InUse {
                holder: Holder::Server { address, .. },
                ..
            }) => return Ok(Reached::Server(reachable(address))),
            Err(DataDirError::InUse { .. }) if looks < LOOKS => {
                looks += 1;
                std::thread::sleep(LOOKS_EVERY);
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// A server that listens everywhere is reached without leaving the machine.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
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

/// A text that stays in its line and its column, and moves no terminal's cursor.
fn printable(text: &str) -> String {
    let escaped = |c: char| -> String {
        if c.is_control() {
            c.escape_unicode().collect()
        } else {
            c.to_string()
        }
    };
    text.chars().map(escaped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_listens_everywhere_is_reached_by_loopback() {
        for (listens, reached) in [
            ("0.0.0.0:80", "127.0.0.1:80"),
            ("[::]:80", "[::1]:80"),
            ("192.0.2.1:80", "192.0.2.1:80"),
        ] {
            let address = reachable(listens.parse().unwrap());
            assert_eq!(address, reached.parse().unwrap());
        }
    }

    #[test]
    fn what_is_printed_stays_in_its_line() {
        assert_eq!(printable("a\tb\n\u{1b}[2Jé"), "a\\u{9}b\\u{a}\\u{1b}[2Jé");
    }
}
