//! The ways in which a session ends.

use super::nodes::{as_admin, create, handle};
use crate::support::Client;

/// Every way in which a session ends by a request.
pub(super) const WAYS: [&str; 7] = [
    "delete",
    "logout",
    "revoke",
    "revoke all",
    "end all of one's own",
    "logout everywhere else",
    "admin",
];

/// Ends a session in one of these ways.
pub(super) fn end(client: &mut Client, way: &str, token: &str, user: &str) {
    let own = format!("X-Session-ID: {token}\r\n");
    let status = match way {
        "delete" => client.delete(&format!("/sessions/{token}")).unwrap().0,
        "logout" => {
            let answer = client.exchange("POST", "/auth/logout", &own, None);
            answer.unwrap().status
        }
        "revoke" => {
            let answer = client.post_form("/oauth2/revoke", &format!("token={token}"));
            answer.unwrap().status
        }
        "revoke all" => client.delete(&format!("/sessions/user/{user}")).unwrap().0,
        "end all of one's own" => {
            let answer = client.exchange("DELETE", "/auth/sessions/all", &own, None);
            answer.unwrap().status
        }
        "logout everywhere else" => {
            let own = format!("X-Session-ID: {}\r\n", create(client, user));
            let answer = client.exchange("POST", "/auth/logout-all", &own, None);
            answer.unwrap().status
        }
        "admin" => {
            let path = format!("/admin/sessions/{}", handle(token));
            as_admin(client, "DELETE", &path);
            200
        }
        other => panic!("no such way: {other}"),
    };
    assert_eq!(status, 200, "{way}");
}
