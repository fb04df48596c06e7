//! Requirement 16: the limit of sessions is exact, wherever they are begun.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::nodes::{Site, at_once, create, handle, is_in, json_of, login, register, under_load};
use crate::support::{Client, Server};

const MAX: usize = 5;

/// Those who are not let in, since they have been evicted, and those who stay.
struct Census {
    live: BTreeSet<String>,
    user: String,
}

impl Census {
    /// Asks every node for the list, which must be the same.
    fn take(nodes: &[Server], user: &str) -> Self {
        let path = format!("/sessions/user/{user}/sessions");
        let lists: BTreeSet<BTreeSet<String>> = nodes
            .iter()
            .map(|node| {
                let (status, list) = node.connect().get(&path).unwrap();
                assert_eq!(status, 200);
                let list = list.as_array().unwrap().iter();
                list.map(|one| text(&one["session_id"])).collect()
            })
            .collect();
        assert_eq!(lists.len(), 1, "every node tells the same: {lists:?}");
        Self {
            live: lists.into_iter().next().unwrap(),
            user: user.to_owned(),
        }
    }

    /// Every token lets in on every node if it is on the list, and on none if it is not.
    fn check(&self, nodes: &[Server], tokens: &[String]) {
        assert_eq!(self.live.len(), MAX, "{}", self.user);
        let known = tokens
            .iter()
            .map(|token| handle(token).to_owned())
            .collect();
        assert!(self.live.is_subset(&known));
        for node in nodes {
            let mut client = node.connect();
            for token in tokens {
                let is_live = self.live.contains(handle(token));
                assert_eq!(is_in(&mut client, token), is_live, "{}", self.user);
            }
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// A login, again and again while the machine has no room for another hash.
fn persistent_login(client: &mut Client, email: &str) -> (u16, Value) {
    loop {
        let answer = login(client, email, super::nodes::PASSWORD);
        if answer.status != 503 {
            return (answer.status, json_of(&answer));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// No account and no address is throttled.
const UNTHROTTLED: [(&str, &str); 3] = [
    ("RATE_LIMIT_LOGIN_ATTEMPT", "10000/60"),
    ("RATE_LIMIT_LOGIN_ACCOUNT", "10000/60"),
    ("RATE_LIMIT_LOGIN_ADDRESS", "10000/60"),
];

#[test]
fn three_hundred_creates_on_three_nodes_leave_exactly_five() {
    let Some(site) = Site::ready() else { return };
    let nodes = site.start(&[]);
    let created = under_load(&nodes, || {
        at_once(&nodes, 300, |client, _| {
            let body = json!({"user_id": "ada"});
            let (status, created) = client.post("/sessions/create", &body).unwrap();
            assert_eq!(status, 200, "{created}");
            created
        })
    });
    let tokens: Vec<String> = created.iter().map(|one| text(&one["session_id"])).collect();
    let census = Census::take(&nodes, "ada");
    census.check(&nodes, &tokens);
    // Each of the others was told to be evicted, by one answer alone.
    let told = created.iter().filter_map(|one| one["evicted"].as_array());
    let mut told: Vec<String> = told.flatten().map(text).collect();
    told.sort();
    let all = tokens.iter().map(|token| handle(token).to_owned());
    let mut others: Vec<String> = all.filter(|one| !census.live.contains(one)).collect();
    others.sort();
    assert_eq!(told, others);
}

#[test]
fn of_three_hundred_creates_on_three_nodes_all_but_five_are_refused() {
    let Some(site) = Site::ready() else { return };
    let nodes = site.start(&[("SESSION_LIMIT_POLICY", "refuse")]);
    let answers = at_once(&nodes, 300, |client, _| {
        let body = json!({"user_id": "ada"});
        client.post("/sessions/create", &body).unwrap()
    });
    let (begun, refused): (Vec<_>, Vec<_>) =
        answers.into_iter().partition(|(status, _)| *status == 200);
    for (status, told) in refused {
        assert_eq!((status, &told["code"]), (409, &json!("session_limit")));
    }
    let tokens: Vec<String> = begun
        .iter()
        .map(|(_, one)| text(&one["session_id"]))
        .collect();
    assert_eq!(tokens.len(), MAX);
    Census::take(&nodes, "ada").check(&nodes, &tokens);
    // One that ends makes room for one, on another node.
    let path = format!("/sessions/{}", tokens[0]);
    assert_eq!(nodes[0].connect().delete(&path).unwrap().0, 200);
    create(&mut nodes[1].connect(), "ada");
    let body = json!({"user_id": "ada"});
    let (status, _) = nodes[2].connect().post("/sessions/create", &body).unwrap();
    assert_eq!(status, 409);
}

#[test]
fn logins_on_three_nodes_leave_exactly_five() {
    let Some(site) = Site::ready() else { return };
    let policies = [("evict_oldest", 60), ("refuse", MAX)];
    for (policy, let_in) in policies {
        let mut settings = vec![("SESSION_LIMIT_POLICY", policy)];
        settings.extend(UNTHROTTLED);
        let nodes = site.start(&settings);
        let email = format!("{policy}@example.org");
        register(&mut nodes[0].connect(), &email);
        let answers = at_once(&nodes, 60, |client, _| persistent_login(client, &email));
        let (begun, refused): (Vec<_>, Vec<_>) =
            answers.into_iter().partition(|(status, _)| *status == 200);
        for (status, told) in refused {
            assert_eq!((status, &told["code"]), (409, &json!("session_limit")));
        }
        assert_eq!(begun.len(), let_in);
        let user = text(&begun[0].1["user_id"]);
        let tokens: Vec<String> = begun
            .iter()
            .map(|(_, one)| text(&one["session_id"]))
            .collect();
        Census::take(&nodes, &user).check(&nodes, &tokens);
    }
}
