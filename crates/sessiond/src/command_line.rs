use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// A session server: user sessions done right, for backends in any language.
#[derive(Debug, Parser)]
#[command(version, about)]
pub(crate) struct CommandLine {
    #[command(flatten)]
    pub(crate) options: Options,
    /// What to do; `serve` when it is left out.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the server until it is told to stop (SIGINT or SIGTERM).
    Serve,
    /// Look after the audit log.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Look after who may sign in; works beside a running server, and without one.
    ///
    /// Passwords are asked for on the terminal or, where there is none, read as one line from standard
    /// input.
    #[command(subcommand)]
    Users(UsersCommand),
    /// Look after the keys that sign access tokens, and those that provider tokens are encrypted with.
    #[command(subcommand)]
    Keys(KeysCommand),
}

#[derive(Debug, Subcommand)]
pub(crate) enum UsersCommand {
    /// Make an account; its password is asked for.
    Add {
        #[arg(value_name = "EMAIL")]
        email: String,
        /// Its role; `user` unless given.
        #[arg(long, value_name = "ROLE")]
        role: Option<String>,
        /// A permission of its; may be given more than once.
        #[arg(long = "permission", value_name = "PERMISSION")]
        permissions: Vec<String>,
    },
    /// Show all accounts, newest first: address, role, enabled or disabled, user id.
    List,
    /// Let nobody sign in with an account, and end its sessions.
    Disable {
        #[arg(value_name = "EMAIL")]
        email: String,
    },
    /// Let its user sign in again.
    Enable {
        #[arg(value_name = "EMAIL")]
        email: String,
    },
    /// Set another password, which is asked for, and end all sessions of the account.
    Passwd {
        #[arg(value_name = "EMAIL")]
        email: String,
    },
    /// Forget an account, and end its sessions.
    Delete {
        #[arg(value_name = "EMAIL")]
        email: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Sign or encrypt with a new key from now on; what the keys before signed or encrypted stays good.
    Rotate {
        #[command(flatten)]
        which: Which,
    },
    /// Show the keys, newest first: name, when it was made, whether it signs; of those of provider tokens
    /// also how many grants are encrypted with each.
    List {
        #[command(flatten)]
        which: Which,
    },
    /// Encrypt all provider tokens with the newest key, while the server runs or without it.
    Reencrypt,
    /// Forget a key of provider tokens that nothing is encrypted with any more.
    ///
    /// The keys that sign access tokens go by themselves.
    Forget {
        /// Its name, as `list` shows it.
        #[arg(value_name = "KEY", allow_hyphen_values = true)]
        key: String,
        #[command(flatten)]
        which: Which,
    },
}

/// Which keys a command is about.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Which {
    /// Of what the keys are.
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = KeysOf::AccessTokens)]
    pub(crate) of: KeysOf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum KeysOf {
    /// The keys that sign access tokens.
    AccessTokens,
    /// The keys that provider tokens are encrypted with.
    ProviderTokens,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Check that every record is as it was written; works beside a running server.
    ///
    /// Prints the head of the chain. Note it elsewhere: with `--noted` a later check also finds a log
    /// that was rewritten as a whole.
    Verify {
        /// A head that an earlier check printed.
        #[arg(long, value_name = "HEAD")]
        noted: Option<String>,
    },
}

/// Options may stand before or after the command. Each has an environment variable, read by
/// `settings` so that all bad values are told at once.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Where to listen [env: SESSION_LISTEN] [default: 127.0.0.1:8000].
    #[arg(long, global = true, value_name = "ADDRESS")]
    pub(crate) listen: Option<String>,
    /// The folder for the database and the keys [env: SESSION_DATA_DIR] [default: ./data].
    #[arg(long, global = true, value_name = "FOLDER")]
    pub(crate) data_dir: Option<PathBuf>,
    /// A file with settings, as TOML [env: SESSION_CONFIG].
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}
