//! Requests as both load generators send them: the same bytes, but for one part that changes.

use std::sync::Arc;

use super::chance::Chance;

/// How many digits a fresh part has: fixed, so that the length of a body is known beforehand.
pub(super) const DIGITS: usize = 12;

#[derive(Clone, Debug)]
pub(super) struct Traffic {
    pub(super) head: String,
    pub(super) tail: String,
    pub(super) part: Part,
}

/// What stands between head and tail.
#[derive(Clone, Debug)]
pub(super) enum Part {
    /// Any of these, again and again.
    Random(Arc<Vec<String>>),
    /// Each of these once, in order.
    Once(Arc<Vec<String>>),
    /// A number of [`DIGITS`] digits that was hardly used before.
    Fresh,
}

impl Traffic {
    pub(super) fn validate(tokens: &Arc<Vec<String>>) -> Self {
        Self {
            head: "GET /sessions/validate HTTP/1.1\r\nHost: localhost\r\nX-Session-ID: ".to_owned(),
            tail: "\r\n\r\n".to_owned(),
            part: Part::Random(Arc::clone(tokens)),
        }
    }

    /// Sessions for users who have none yet.
    pub(super) fn create(key: &str) -> Self {
        Self::creating(key, DIGITS, Part::Fresh)
    }

    /// One session for each entry of `users`, which are all of one length.
    pub(super) fn create_for(key: &str, users: Vec<String>) -> Self {
        let length = users.first().map_or(0, String::len);
        Self::creating(key, length, Part::Once(Arc::new(users)))
    }

    fn creating(key: &str, user_length: usize, part: Part) -> Self {
        let (open, close) = (r#"{"user_id":""#, r#""}"#);
        let length = open.len() + user_length + close.len();
        let head = format!(
            "POST /sessions/create HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{open}"
        );
        Self {
            head,
            tail: close.to_owned(),
            part,
        }
    }

    pub(super) fn end(key: &str, tokens: &Arc<Vec<String>>) -> Self {
        Self {
            head: "DELETE /sessions/".to_owned(),
            tail: with_key(key),
            part: Part::Once(Arc::clone(tokens)),
        }
    }

    pub(super) fn list(key: &str, users: &Arc<Vec<String>>) -> Self {
        Self {
            head: "GET /sessions/user/".to_owned(),
            tail: format!("/sessions{}", with_key(key)),
            part: Part::Random(Arc::clone(users)),
        }
    }

    /// The first 50 sessions of one user who may have many.
    pub(super) fn first_page(key: &str, user: &str) -> Self {
        Self {
            head: "GET /sessions/user/".to_owned(),
            tail: format!("/sessions?limit=50{}", with_key(key)),
            part: Part::Random(Arc::new(vec![user.to_owned()])),
        }
    }

    pub(super) fn stats(key: &str) -> Self {
        Self {
            head: "GET /sessions/".to_owned(),
            tail: with_key(key),
            part: Part::Random(Arc::new(vec!["stats".to_owned()])),
        }
    }

    pub(super) fn end_user(key: &str, user: &str) -> Self {
        Self {
            head: "DELETE /sessions/user/".to_owned(),
            tail: with_key(key),
            part: Part::Once(Arc::new(vec![user.to_owned()])),
        }
    }

    /// Puts request number `number` in place of what `request` held.
    pub(super) fn fill(&self, number: usize, chance: &mut Chance, request: &mut Vec<u8>) {
        request.clear();
        request.extend_from_slice(self.head.as_bytes());
        match &self.part {
            Part::Random(parts) => request.extend(parts[chance.below(parts.len())].bytes()),
            Part::Once(parts) => request.extend(parts[number % parts.len()].bytes()),
            Part::Fresh => {
                let number = chance.next() % 10_u64.pow(12);
                request.extend(format!("{number:0DIGITS$}").bytes());
            }
        }
        request.extend_from_slice(self.tail.as_bytes());
    }
}

fn with_key(key: &str) -> String {
    format!(" HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_is_as_long_as_its_head_says() {
        let users = vec!["anna".to_owned()];
        for traffic in [
            Traffic::create("svc_x"),
            Traffic::create_for("svc_x", users),
        ] {
            let mut request = Vec::new();
            traffic.fill(0, &mut Chance::new(7), &mut request);
            let request = String::from_utf8(request).unwrap();
            let (head, body) = request.split_once("\r\n\r\n").unwrap();
            assert!(
                head.ends_with(&format!("Content-Length: {}", body.len())),
                "{request}"
            );
        }
    }
}
