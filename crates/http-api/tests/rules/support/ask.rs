use std::convert::Infallible;

use axum::body::Body;
use axum::http::Request;
use axum::http::request::Builder;
use futures_util::stream;
use http_api::PeerAddress;
use serde_json::Value;

use super::{ADMIN_KEY, SERVICE_KEY};

/// A request in the making.
pub(crate) struct Ask {
    head: Builder,
    body: Body,
}

impl Ask {
    /// A request with nothing that proves anything.
    pub(crate) fn new(method: &str, path: &str) -> Self {
        Self {
            head: Request::builder().method(method).uri(path),
            body: Body::empty(),
        }
    }

    pub(crate) fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    /// As a backend asks.
    pub(crate) fn service(method: &str, path: &str) -> Self {
        Self::new(method, path).bearer(SERVICE_KEY)
    }

    /// As an operator asks.
    pub(crate) fn admin(method: &str, path: &str) -> Self {
        Self::new(method, path).bearer(ADMIN_KEY)
    }

    pub(crate) fn bearer(self, key: &str) -> Self {
        self.header("authorization", format!("Bearer {key}"))
    }

    pub(crate) fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.head = self.head.header(name, value.as_ref());
        self
    }

    /// From the other end of a connection of this address.
    pub(crate) fn peer(mut self, address: &str) -> Self {
        self.head = self.head.extension(PeerAddress(address.parse().unwrap()));
        self
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.json_text(body.to_string())
    }

    /// What claims to be JSON.
    pub(crate) fn json_text(self, body: impl Into<Vec<u8>>) -> Self {
        self.header("content-type", "application/json")
            .bytes(body.into())
    }

    /// A body with its length announced, as most clients send it.
    pub(crate) fn bytes(self, body: Vec<u8>) -> Self {
        self.header("content-length", body.len().to_string())
            .body(Body::from(body))
    }

    /// A JSON body in parts, of which nothing says how many will come.
    pub(crate) fn stream<I>(self, parts: I) -> Self
    where
        I: IntoIterator<Item = Vec<u8>, IntoIter: Send + 'static>,
    {
        let parts = stream::iter(parts.into_iter().map(Ok::<_, Infallible>));
        self.header("content-type", "application/json")
            .body(Body::from_stream(parts))
    }

    pub(crate) fn body(self, body: Body) -> Self {
        Self { body, ..self }
    }

    pub(crate) fn into_request(self) -> Request<Body> {
        self.head.body(self.body).unwrap()
    }
}
