//! What a server is like.

use std::fmt;

/// What a server is like. The default keeps its data in memory alone, and lets everyone on this
/// machine in.
#[derive(Clone, Debug, Default)]
pub struct ServerOptions {
    pub(crate) role: Role,
    pub(crate) append: Append,
    pub(crate) is_secured: bool,
    pub(crate) wants_client_certificate: bool,
    pub(crate) password: Option<Secret>,
    pub(crate) keys: Vec<String>,
    /// Among the lines of a sentinel are passwords.
    pub(crate) settings: Vec<(String, Secret)>,
}

/// What the process is started as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Role {
    #[default]
    Alone,
    /// A node of a cluster, with a second port for the other nodes.
    Node,
    Sentinel,
}

/// When what was written is on the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Append {
    #[default]
    Never,
    EverySecond,
    Always,
}

/// What no log may show.
#[derive(Clone)]
pub(crate) struct Secret(pub(crate) String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}

impl ServerOptions {
    /// Keeps an append-only file, written to the disk every second (`appendfsync everysec`).
    #[must_use]
    pub fn append_only(mut self) -> Self {
        self.append = Append::EverySecond;
        self
    }

    /// Keeps an append-only file, written to the disk before each answer (`appendfsync always`).
    #[must_use]
    pub fn append_only_always(mut self) -> Self {
        self.append = Append::Always;
        self
    }

    /// Speaks TLS on its only port, and lets in nobody but the user `sessiond`, with a random
    /// password and no more rights than a store of sessions needs.
    ///
    /// These are: the keys and channels of [`keys`](Self::keys) alone; all commands but those of the
    /// categories `@admin` and `@dangerous` (such as `FLUSHALL`, `KEYS`, `CONFIG` and `SHUTDOWN`);
    /// and `INFO`, which a store reads when it starts.
    #[must_use]
    pub fn secured(mut self) -> Self {
        self.is_secured = true;
        self
    }

    /// Wants a certificate of every client, too: [`client_cert`](crate::TlsFiles) is one. Only a
    /// [`secured`](Self::secured) server can.
    #[must_use]
    pub fn client_certificates(mut self) -> Self {
        self.wants_client_certificate = true;
        self
    }

    /// Lets the user of a [`secured`](Self::secured) server at the keys and channels of this
    /// pattern, and of others that are named so; without any, at all.
    #[must_use]
    pub fn keys(mut self, pattern: &str) -> Self {
        self.keys.push(pattern.to_owned());
        self
    }

    /// Wants this password (`requirepass`), as servers did before they had users.
    #[must_use]
    pub fn password(mut self, password: &str) -> Self {
        self.password = Some(Secret(password.to_owned()));
        self
    }

    /// Adds a line of `redis.conf`, after all others. The value is taken as it is: one with blanks
    /// in it comes with quotes, as in the file.
    #[must_use]
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        self.add_setting(name, value);
        self
    }

    pub(crate) fn add_setting(&mut self, name: &str, value: &str) {
        let setting = (name.to_owned(), Secret(value.to_owned()));
        self.settings.push(setting);
    }

    pub(crate) fn role(mut self, role: Role) -> Self {
        self.role = role;
        self
    }
}
