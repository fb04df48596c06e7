//! Whatever comes in: a problem of the right status and code, no panic, and nothing of the input or of
//! a secret in answer or log.

mod bodies;
mod requests;

use http_api::ApiConfig;
use serde_json::json;

use crate::support::{Ask, Log, SERVICE_KEY, Server, secret};

/// Stands in bad input where a secret might be; must come back nowhere.
const MARKER: &str = "hunter2";

/// A request, its status, and the code of the problem.
type Case = (Ask, u16, &'static str);

/// Sends them all and looks for secrets in the answers and in the log.
async fn refuses(server: &Server, token: &str, cases: Vec<Case>) {
    let (log, _guard) = Log::capture();
    let secrets = [MARKER, secret(token), SERVICE_KEY];
    for (place, (ask, status, code)) in cases.into_iter().enumerate() {
        let answer = server.send(ask).await;
        let name = format!("case {place}: {}", answer.text());
        assert_eq!(
            (answer.status.as_u16(), &*answer.problem(status)),
            (status, code),
            "{name}"
        );
        let whole = format!("{:?} {}", answer.headers, answer.text());
        let log = log.take();
        // What is not logged at all could not show that the log is clean.
        assert!(log.contains(&format!("status={status}")), "{name}: {log}");
        for secret in secrets {
            assert!(!whole.contains(secret), "{name}");
            assert!(!log.contains(secret), "{name}: {log}");
        }
    }
    assert!(server.lets_in(token).await, "none of it did any harm");
    let left = server.session(token).await;
    assert_eq!(
        left["metadata"],
        json!({"a": 1}),
        "none of it changed anything"
    );
    assert_eq!(left["expires_at"], "2026-01-01T13:00:00Z");
}

/// A server that logs all it can, and a session's token.
async fn loud_server() -> (Server, String) {
    let server = Server::with(ApiConfig {
        log_requests: true,
        ..ApiConfig::default()
    });
    let new = json!({"user_id": "ada", "metadata": {"a": 1}});
    let token = server.create(new).await.0;
    (server, token)
}

fn create(body: impl Into<Vec<u8>>) -> Ask {
    Ask::service("POST", "/sessions/create").json_text(body)
}

/// A body with one more member than it needs.
fn create_with(member: &str) -> Ask {
    create(format!(r#"{{"user_id": "ada", {member}}}"#))
}
