use std::fmt;
use std::net::SocketAddr;

/// Who has a data folder, as the lock file tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holder {
    /// A server.
    Server { pid: u32, address: SocketAddr },
    /// A command that works on the store and is soon done.
    Command { pid: u32 },
    /// Somebody who has not said yet, or takes no more requests.
    Unknown,
}

const SERVER: &str = " at http://";
const COMMAND: &str = ", a command that is soon done";

impl Holder {
    pub(crate) fn server(address: SocketAddr) -> Self {
        let pid = std::process::id();
        Self::Server { pid, address }
    }

    pub(crate) fn command() -> Self {
        let pid = std::process::id();
        Self::Command { pid }
    }

    /// Reads what [`Display`](fmt::Display) wrote.
    pub(crate) fn parse(text: &str) -> Self {
        Self::try_parse(text).unwrap_or(Self::Unknown)
    }

    fn try_parse(text: &str) -> Option<Self> {
        let rest = text.trim().strip_prefix("process ")?;
        if let Some((pid, address)) = rest.split_once(SERVER) {
            let (pid, address) = (pid.parse().ok()?, address.parse().ok()?);
            return Some(Self::Server { pid, address });
        }
        let pid = rest.strip_suffix(COMMAND)?.parse().ok()?;
        Some(Self::Command { pid })
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server { pid, address } => write!(f, "process {pid}{SERVER}{address}"),
            Self::Command { pid } => write!(f, "process {pid}{COMMAND}"),
            Self::Unknown => f.write_str("another process that is just starting or stopping"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        for holder in [
            Holder::server("127.0.0.1:8000".parse().unwrap()),
            Holder::server("[::]:80".parse().unwrap()),
            Holder::command(),
        ] {
            assert_eq!(Holder::parse(&format!("{holder}\n")), holder);
        }
    }

    #[test]
    fn anything_else_names_nobody() {
        for text in [
            "",
            "process",
            "process 1",
            "process x at http://127.0.0.1:80",
            "process 1 at http://example.org",
            "process 1 at http://127.0.0.1:80/x",
        ] {
            assert_eq!(Holder::parse(text), Holder::Unknown, "{text}");
        }
    }
}
