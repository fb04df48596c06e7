use std::fmt::Write as _;
use std::net::SocketAddr;

use crate::keys::Keys;
use crate::settings::{Settings, Store};

/// Shows where the server is, and lines that work when pasted.
#[expect(clippy::print_stdout, reason = "the banner is what the command prints")]
pub(crate) fn print(settings: &Settings, address: SocketAddr, keys: &Keys) {
    println!("{}", text(settings, address, keys));
}

fn text(settings: &Settings, address: SocketAddr, keys: &Keys) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let mut text = format!("sessiond {version} listens on http://{address}\n");
    // Writing to a String cannot fail.
    let _ = match &settings.store {
        Store::Sqlite => {
            writeln!(text, "  store  SQLite, {}", settings.db_path.display())
        }
        Store::Memory => writeln!(text, "  store  memory: a restart ends all sessions"),
        Store::Redis(options) => writeln!(text, "  store  Redis, {}", options.shown()),
    };
    // Read from the file when pasted, so that no key stands on a screen or in a shell's history.
    let bearer = match &keys.made {
        Some((service, admin)) => {
            let _ = writeln!(
                text,
                "  keys   {} (backends), {} (operators)",
                service.display(),
                admin.display()
            );
            format!("$(cat '{}')", service.display())
        }
        None => {
            text.push_str("  keys   as given by the settings\n");
            "$SERVICE_KEY".to_owned()
        }
    };
    let _ = write!(
        text,
        "  docs   http://{address}/docs\n\n\
         Begin a session, and see whether its token lets in:\n\n  \
         TOKEN=$(curl -s http://{address}/sessions/create -H \"Authorization: Bearer {bearer}\" \\\n    \
         -H 'Content-Type: application/json' -d '{{\"user_id\": \"ada\"}}' \\\n    \
         | sed 's/.*\"session_id\":\"\\([^\"]*\\)\".*/\\1/')\n  \
         curl -s http://{address}/sessions/validate -H \"X-Session-ID: $TOKEN\"\n"
    );
    text
}
