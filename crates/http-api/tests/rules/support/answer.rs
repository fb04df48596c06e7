use axum::http::{HeaderMap, StatusCode};
use serde_json::Value;

/// A whole answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    /// A header's value, empty if the answer has none; there is never more than one.
    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> &str {
        let mut values = self.headers.get_all(name).iter();
        let first = values.next().map_or("", |value| value.to_str().unwrap());
        assert!(values.next().is_none(), "two of {name}");
        first
    }

    /// All values of a header, in the order in which they come.
    pub(crate) fn header_values(&self, name: &str) -> Vec<String> {
        let values = self.headers.get_all(name).iter();
        values
            .map(|value| value.to_str().unwrap().to_owned())
            .collect()
    }

    /// The body of a success.
    #[track_caller]
    pub(crate) fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text());
        assert_eq!(self.header("content-type"), "application/json");
        self.json()
    }

    /// The `code` of a problem, which is whole (RFC 9457 §3.1) and has this status.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.header("content-type"), "application/problem+json");
        let body = self.json();
        let mut members: Vec<_> = body.as_object().unwrap().keys().collect();
        members.sort_unstable();
        let expected = ["code", "detail", "request_id", "status", "title", "type"];
        assert_eq!(members, expected);
        assert_eq!(body["type"], "about:blank");
        assert_eq!(body["status"], status);
        assert_eq!(body["title"].as_str(), self.status.canonical_reason());
        assert_eq!(body["request_id"], self.header("x-request-id"));
        assert!(body["detail"].as_str().unwrap().ends_with('.'), "{body}");
        body["code"].as_str().unwrap().to_owned()
    }

    /// All of it but the request id, which is another each time.
    pub(crate) fn without_request_id(&self) -> (StatusCode, HeaderMap, String) {
        let id = self.header("x-request-id");
        let body = self.text().replace(id, "<request id>");
        let mut headers = self.headers.clone();
        headers.remove("x-request-id");
        (self.status, headers, body)
    }
}
