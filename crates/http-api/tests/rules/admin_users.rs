//! Accounts, as operators make, see, change and delete them.

use std::sync::Arc;

use app::{Policies, Stores};
use http_api::ApiConfig;
use serde_json::{Value, json};
use session_core::ports::{ChangeOutcome, MockUserDirectory};
use session_core::{Account, AccountId, Metadata, PasswordHash};
use store_memory::MemoryStore;

use crate::support::{Answer, Ask, START, Server, UNKNOWN_HANDLE, handle};

pub(crate) const PASSWORD: &str = "nine purple tapirs sing";
const OTHER: &str = "seven green otters hum";

/// An account with this password, unless the body says another; as it is shown.
pub(crate) async fn add_user(server: &Server, mut body: Value) -> Value {
    let members = body.as_object_mut().unwrap();
    members.entry("password").or_insert(PASSWORD.into());
    let answer = server
        .send(Ask::admin("POST", "/admin/users").json(&body))
        .await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()
}

async fn change(server: &Server, user: &Value, body: Value) -> Answer {
    let path = format!("/admin/users/{}", user["user_id"].as_str().unwrap());
    server.send(Ask::admin("PATCH", &path).json(&body)).await
}

async fn login(server: &Server, email: &str, password: &str) -> Answer {
    let body = json!({"email": email, "password": password});
    let ask = Ask::new("POST", "/auth/sessions/enhanced-login");
    server.send(ask.json(&body)).await
}

/// The token of a session that the user signed in to.
async fn token(server: &Server, email: &str, password: &str) -> String {
    let signed_in = login(server, email, password).await.ok();
    signed_in["session_id"].as_str().unwrap().to_owned()
}

async fn list(server: &Server, query: &str) -> Value {
    let ask = Ask::admin("GET", &format!("/admin/users{query}"));
    server.send(ask).await.ok()
}

#[tokio::test]
async fn an_account_is_shown_whole_and_signs_in() {
    let server = Server::new();
    let body = json!({"email": " Ada@Example.org", "role": "editor", "permissions": ["a", "b"]});
    let user = add_user(&server, body).await;
    let expected = json!({"user_id": user["user_id"], "email": "ada@example.org",
        "role": "editor", "permissions": ["a", "b"], "disabled": false,
        "created_at": START, "password_set_at": START});
    assert_eq!(user, expected);
    let path = format!("/admin/users/{}", user["user_id"].as_str().unwrap());
    assert_eq!(server.send(Ask::admin("GET", &path)).await.ok(), user);
    let session = token(&server, "ada@example.org", PASSWORD).await;
    let session = server.session(&session).await;
    assert_eq!(session["user_id"], user["user_id"]);
    assert_eq!(session["metadata"]["role"], "editor");
    assert_eq!(session["metadata"]["permissions"], json!(["a", "b"]));
    let plain = add_user(&server, json!({"email": "grace@example.org"})).await;
    assert_eq!(plain["role"], "user");
    assert_eq!(plain["permissions"], json!([]));
}

#[tokio::test]
async fn accounts_are_listed_in_pages_newest_first() {
    let server = Server::new();
    assert_eq!(list(&server, "").await, json!({"users": []}));
    let mut added = Vec::new();
    for n in 0..5 {
        added.push(add_user(&server, json!({"email": format!("u{n}@example.org")})).await);
        server.pass(1);
    }
    added.reverse();
    assert_eq!(list(&server, "").await, json!({"users": added}));
    let (mut seen, mut query) = (Vec::new(), "?limit=2".to_owned());
    let mut sizes = Vec::new();
    loop {
        let page = list(&server, &query).await;
        let users = page["users"].as_array().unwrap();
        sizes.push(users.len());
        assert!(sizes.len() <= 3, "the pages go on and on");
        seen.extend(users.iter().cloned());
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        query = format!("?limit=2&cursor={cursor}");
    }
    assert_eq!(sizes, [2, 2, 1]);
    assert_eq!(seen, added);
    for query in ["?limit=0", "?limit=1001", "?cursor=x", "?limit=x"] {
        let ask = Ask::admin("GET", &format!("/admin/users{query}"));
        assert_eq!(server.send(ask).await.status, 400, "{query}");
    }
}

#[tokio::test]
async fn an_account_is_found_by_its_address_however_it_is_typed() {
    let server = Server::new();
    let ada = add_user(&server, json!({"email": "ada+x@example.org"})).await;
    add_user(&server, json!({"email": "grace@example.org"})).await;
    let found = list(&server, "?email=ADA%2Bx@example.org").await;
    assert_eq!(found, json!({"users": [ada]}));
    let none = list(&server, "?email=nobody@example.org").await;
    assert_eq!(none, json!({"users": []}));
    let ask = Ask::admin("GET", "/admin/users?email=nonsense");
    assert_eq!(server.send(ask).await.problem(400), "invalid_request");
}

#[tokio::test]
async fn what_makes_no_account_says_why() {
    let server = Server::new();
    add_user(&server, json!({"email": "ada@example.org"})).await;
    let add = |body: Value| server.send(Ask::admin("POST", "/admin/users").json(&body));
    let taken = json!({"email": "ADA@example.org", "password": OTHER});
    assert_eq!(add(taken).await.problem(409), "email_taken");
    let long = "x".repeat(1025);
    for bad in [
        json!({"email": "eve@example.org", "password": "short"}),
        json!({"email": "eve@example.org", "password": "passwordpassword"}),
        json!({"email": "eve@example.org", "password": long}),
        json!({"email": "eve@example.org"}),
        json!({"password": OTHER}),
        json!({"email": "eve", "password": OTHER}),
        json!({"email": "eve@example.org", "password": OTHER, "role": 1}),
        json!({"email": "eve@example.org", "password": OTHER, "permissions": "all"}),
        json!({"email": "eve@example.org", "password": OTHER, "permissions": [1]}),
        json!({"email": "eve@example.org", "password": OTHER, "role": "x".repeat(5000)}),
    ] {
        let answer = add(bad).await;
        assert_eq!(answer.problem(400), "invalid_request");
        assert!(!answer.text().contains(OTHER), "{}", answer.text());
    }
    assert_eq!(
        list(&server, "").await["users"].as_array().unwrap().len(),
        1
    );
}

#[tokio::test]
async fn another_password_ends_the_sessions_and_is_the_one_that_counts() {
    let server = Server::new();
    let user = add_user(&server, json!({"email": "ada@example.org"})).await;
    let session = token(&server, "ada@example.org", PASSWORD).await;
    for bad in [json!("short"), json!("passwordpassword"), json!(1)] {
        let answer = change(&server, &user, json!({"password": bad})).await;
        assert_eq!(answer.problem(400), "invalid_request");
    }
    assert!(server.lets_in(&session).await, "nothing was changed");
    server.pass(60);
    let changed = change(&server, &user, json!({"password": OTHER}))
        .await
        .ok();
    assert_eq!(changed["password_set_at"], "2026-01-01T12:01:00Z");
    assert_eq!(changed["created_at"], START);
    assert!(!server.lets_in(&session).await);
    let old = login(&server, "ada@example.org", PASSWORD).await;
    assert_eq!(old.problem(401), "invalid_credentials");
    token(&server, "ada@example.org", OTHER).await;
}

/// A session carries the rights that its account had when it began.
#[tokio::test]
async fn other_rights_end_the_sessions() {
    let server = Server::new();
    let body = json!({"email": "ada@example.org", "role": "admin", "permissions": ["a"]});
    let user = add_user(&server, body).await;
    for (body, role, permissions) in [
        (json!({"role": "editor"}), "editor", json!(["a"])),
        (
            json!({"permissions": ["b", "c"]}),
            "editor",
            json!(["b", "c"]),
        ),
        (json!({"role": null}), "user", json!(["b", "c"])),
        (json!({"permissions": null}), "user", json!([])),
        (
            json!({"role": "admin", "permissions": []}),
            "admin",
            json!([]),
        ),
        // Made again because its answer was lost, say: the sessions must be gone for sure.
        (json!({"role": "admin"}), "admin", json!([])),
    ] {
        let session = token(&server, "ada@example.org", PASSWORD).await;
        let changed = change(&server, &user, body.clone()).await.ok();
        assert_eq!(
            (&changed["role"], &changed["permissions"]),
            (&json!(role), &permissions)
        );
        assert!(!server.lets_in(&session).await, "{body}");
        server.pass(600);
    }
    for bad in [
        json!({"role": 1}),
        json!({"permissions": "x"}),
        json!({"permissions": [null]}),
    ] {
        let session = token(&server, "ada@example.org", PASSWORD).await;
        assert_eq!(
            change(&server, &user, bad).await.problem(400),
            "invalid_request"
        );
        assert!(server.lets_in(&session).await);
        server.pass(600);
    }
}

/// Somebody else sets permissions between the reading and the writing of a change of the role.
#[tokio::test]
async fn changes_of_different_members_at_once_both_hold() {
    let start = START.parse().unwrap();
    let with = |version: u64, rights: Value| Account {
        id: AccountId::at(start, [7; 10]),
        email: "ada@example.org".parse().unwrap(),
        password_hash: PasswordHash::new("a hash"),
        metadata: Metadata::new(rights.as_object().unwrap()).unwrap(),
        is_disabled: false,
        version,
        created_at: start,
        password_set_at: start,
    };
    let before = with(1, json!({"role": "user", "team": "red"}));
    let meanwhile = with(
        2,
        json!({"role": "user", "team": "red", "permissions": ["a"]}),
    );
    let id = before.id;
    let mut accounts = MockUserDirectory::new();
    let mut found = vec![meanwhile.clone(), before];
    accounts
        .expect_find_account()
        .times(2)
        .returning(move |_| Ok(found.pop().map(Arc::new)));
    accounts
        .expect_change_account()
        .times(2)
        .returning(move |_, expected, change| {
            if expected != meanwhile.version {
                return Ok(ChangeOutcome::VersionConflict);
            }
            let metadata = change.metadata.unwrap();
            let after = Account {
                metadata,
                ..meanwhile.clone()
            };
            Ok(ChangeOutcome::Changed(Arc::new(after)))
        });
    let stores = Stores {
        accounts: Arc::new(accounts),
        ..Stores::all_in(Arc::new(MemoryStore::new()))
    };
    let server = Server::build(stores, ApiConfig::default(), Policies::default());
    let user = json!({"user_id": id.to_string()});
    let changed = change(&server, &user, json!({"role": "editor"})).await.ok();
    assert_eq!(changed["role"], "editor");
    assert_eq!(changed["permissions"], json!(["a"]));
}

#[tokio::test]
async fn a_disabled_account_signs_nobody_in_until_it_is_enabled() {
    let server = Server::new();
    let user = add_user(&server, json!({"email": "ada@example.org"})).await;
    let session = token(&server, "ada@example.org", PASSWORD).await;
    for _ in 0..2 {
        let changed = change(&server, &user, json!({"disabled": true})).await.ok();
        assert_eq!(changed["disabled"], true);
        assert!(!server.lets_in(&session).await);
        let answer = login(&server, "ada@example.org", PASSWORD).await;
        assert_eq!(answer.problem(401), "invalid_credentials");
    }
    let changed = change(&server, &user, json!({"disabled": false}))
        .await
        .ok();
    assert_eq!(changed["disabled"], false);
    let session = token(&server, "ada@example.org", PASSWORD).await;
    // What says nothing changes nothing.
    change(&server, &user, json!({})).await.ok();
    change(&server, &user, json!({"disabled": false}))
        .await
        .ok();
    assert!(server.lets_in(&session).await);
}

#[tokio::test]
async fn a_deleted_account_is_gone_with_its_sessions_and_its_address_is_free() {
    let server = Server::new();
    let user = add_user(&server, json!({"email": "ada@example.org"})).await;
    let session = token(&server, "ada@example.org", PASSWORD).await;
    let path = format!("/admin/users/{}", user["user_id"].as_str().unwrap());
    let delete = || server.send(Ask::admin("DELETE", &path));
    assert_eq!(delete().await.ok(), json!({"status": "deleted"}));
    assert!(!server.lets_in(&session).await);
    assert_eq!(delete().await.problem(404), "account_not_found");
    let answer = login(&server, "ada@example.org", PASSWORD).await;
    assert_eq!(answer.problem(401), "invalid_credentials");
    let again = add_user(&server, json!({"email": "ada@example.org"})).await;
    assert_ne!(again["user_id"], user["user_id"]);
}

#[tokio::test]
async fn an_unknown_id_and_nonsense_are_no_account() {
    let server = Server::new();
    let session = server.token_of("ada").await;
    for id in [UNKNOWN_HANDLE, "nonsense", "ada", handle(&session), "%00"] {
        let path = format!("/admin/users/{id}");
        for ask in [
            Ask::admin("GET", &path),
            Ask::admin("PATCH", &path).json(&json!({"disabled": true})),
            Ask::admin("DELETE", &path),
        ] {
            assert_eq!(server.send(ask).await.problem(404), "account_not_found");
        }
    }
}

/// Requirement 45: who did what to whom, without what was set.
#[tokio::test]
async fn each_change_leaves_its_record() {
    let server = Server::new();
    let user = add_user(&server, json!({"email": "ada@example.org"})).await;
    let body = json!({"password": OTHER, "role": "editor", "disabled": true});
    change(&server, &user, body).await.ok();
    let path = format!("/admin/users/{}", user["user_id"].as_str().unwrap());
    server.send(Ask::admin("DELETE", &path)).await.ok();
    let log = server.send(Ask::admin("GET", "/admin/audit")).await;
    assert!(!log.text().contains(OTHER) && !log.text().contains(PASSWORD));
    let told: Vec<_> = log.ok()["events"]
        .as_array()
        .unwrap()
        .iter()
        .rev()
        .filter(|event| event["user_id"] == user["user_id"])
        .map(|event| {
            format!(
                "{} {} {}",
                event["actor"], event["action"], event["details"]
            )
        })
        .collect();
    let expected = [
        r#""admin" "user_registered" null"#,
        r#""admin" "password_changed" null"#,
        r#""admin" "user_updated" "account disabled""#,
        r#""admin" "user_updated" "rights changed""#,
        r#""admin" "user_updated" "account deleted""#,
    ];
    let of_accounts: Vec<_> = told
        .iter()
        .filter(|line| !line.contains("revoked"))
        .collect();
    assert_eq!(of_accounts, expected, "{told:?}");
}
