//! A server's `redis.conf`.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::options::{Append, Role, Secret, ServerOptions};
use crate::tls::TlsFiles;

/// The user of a secured server.
pub(crate) const USER: &str = "sessiond";

/// The user of [`command`](crate::RedisServer::command) on a secured server.
pub(crate) const ADMIN: &str = "admin";

/// What is known of a server before it starts.
#[derive(Debug)]
pub(crate) struct Plan<'a> {
    pub(crate) options: &'a ServerOptions,
    pub(crate) folder: &'a Path,
    pub(crate) port: u16,
    /// Where the other nodes of a cluster connect to.
    pub(crate) bus: Option<u16>,
    pub(crate) secured: Option<&'a Secured>,
}

/// What a secured server has.
#[derive(Debug)]
pub(crate) struct Secured {
    pub(crate) password: Secret,
    pub(crate) admin: Secret,
    pub(crate) tls: TlsFiles,
}

impl Plan<'_> {
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.join("redis.conf")
    }

    /// Writes the file, for nobody else to read: passwords lie there, and not on a command line.
    pub(crate) fn write(&self) -> io::Result<()> {
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(self.file())?;
        file.write_all(self.text().as_bytes())
    }

    fn text(&self) -> String {
        let mut lines = vec![
            "bind 127.0.0.1".to_owned(),
            "daemonize no".to_owned(),
            format!("dir {}", quoted(self.folder)),
            format!("logfile {}", quoted(&self.folder.join("log"))),
        ];
        match self.secured {
            Some(secured) => self.secure(secured, &mut lines),
            None => lines.push(format!("port {}", self.port)),
        }
        if self.options.role != Role::Sentinel {
            self.keep(&mut lines);
        }
        if let Some(bus) = self.bus {
            lines.push("cluster-enabled yes".to_owned());
            lines.push(format!("cluster-port {bus}"));
        }
        if let Some(Secret(password)) = &self.options.password {
            lines.push(format!("requirepass {password}"));
            if self.options.role != Role::Sentinel {
                lines.push(format!("masterauth {password}"));
            }
        }
        let own = self.options.settings.iter();
        lines.extend(own.map(|(name, Secret(value))| format!("{name} {value}")));
        lines.join("\n") + "\n"
    }

    fn keep(&self, lines: &mut Vec<String>) {
        lines.push("save \"\"".to_owned());
        // A replica need not wait for others that might want the same data.
        lines.push("repl-diskless-sync-delay 0".to_owned());
        let sync = match self.options.append {
            Append::Never => return,
            Append::EverySecond => "everysec",
            Append::Always => "always",
        };
        lines.push("appendonly yes".to_owned());
        lines.push(format!("appendfsync {sync}"));
    }

    fn secure(&self, secured: &Secured, lines: &mut Vec<String>) {
        let wants = match self.options.wants_client_certificate {
            true => "yes",
            false => "no",
        };
        lines.extend([
            "port 0".to_owned(),
            format!("tls-port {}", self.port),
            format!("tls-ca-cert-file {}", quoted(&secured.tls.ca)),
            format!("tls-cert-file {}", quoted(&secured.tls.cert)),
            format!("tls-key-file {}", quoted(&secured.tls.key)),
            format!("tls-auth-clients {wants}"),
            "user default off".to_owned(),
            format!("user {ADMIN} on >{} ~* &* +@all", secured.admin.0),
        ]);
        let all = ["*".to_owned()];
        let keys: &[String] = match self.options.keys.as_slice() {
            [] => &all,
            some => some,
        };
        let patterns: Vec<String> = keys.iter().map(|keys| format!("~{keys} &{keys}")).collect();
        lines.push(format!(
            "user {USER} on >{} resetchannels {} +@all -@admin -@dangerous +info",
            secured.password.0,
            patterns.join(" "),
        ));
    }
}

fn quoted(path: &Path) -> String {
    let path = path.to_string_lossy();
    format!("\"{}\"", path.replace('\\', "\\\\").replace('"', "\\\""))
}
