//! The API over a memory store, with a clock that tests move.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use app::{SessionManager, SessionPolicy, SystemEntropy};
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request};
use chrono::{DateTime, TimeDelta, Utc};
use http_api::{Api, ApiConfig, KeyRole, ServiceKeys};
use http_body_util::BodyExt as _;
use serde_json::Value;
use session_core::ports::{Clock, SessionStore};
use store_memory::MemoryStore;

pub(crate) const SERVICE_KEY: &str = "svc_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG";
pub(crate) const ADMIN_KEY: &str = "adm_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG";

pub(crate) struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0.load(Ordering::SeqCst)).expect("a time")
    }
}

pub(crate) struct TestApi {
    pub(crate) api: Api,
    pub(crate) clock: Arc<TestClock>,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("ASCII"))
    }

    pub(crate) fn text(&self, member: &str) -> &str {
        self.body[member]
            .as_str()
            .unwrap_or_else(|| panic!("{member} in {}", self.body))
    }
}

impl TestApi {
    pub(crate) fn new() -> Self {
        Self::over(Arc::new(MemoryStore::new()), ApiConfig::default())
    }

    pub(crate) fn over(store: Arc<dyn SessionStore>, config: ApiConfig) -> Self {
        let clock = Arc::new(TestClock(AtomicI64::new(1_750_000_000_000)));
        let policy = SessionPolicy::default();
        let manager = SessionManager::new(
            store,
            Arc::clone(&clock) as _,
            Arc::new(SystemEntropy),
            policy,
        );
        let mut keys = ServiceKeys::default();
        keys.add(KeyRole::Service, SERVICE_KEY).expect("a fit key");
        keys.add(KeyRole::Admin, ADMIN_KEY).expect("a fit key");
        Self {
            api: Api::new(Arc::new(manager), keys, config),
            clock,
        }
    }

    pub(crate) fn pass(&self, span: TimeDelta) {
        self.clock
            .0
            .fetch_add(span.num_milliseconds(), Ordering::SeqCst);
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.api.respond(request).await;
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("a whole body").to_bytes();
        let body = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body,
        }
    }

    /// With the service key and, where there is one, a JSON body.
    pub(crate) async fn call(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        self.call_as(SERVICE_KEY, method, path, body).await
    }

    pub(crate) async fn call_as(
        &self,
        key: &str,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> Answer {
        let request = Request::builder()
            .method(method.parse::<Method>().expect("a method"))
            .uri(path)
            .header("authorization", format!("Bearer {key}"))
            .header("content-type", "application/json")
            .body(body.map_or_else(Body::empty, |body| Body::from(body.to_string())));
        self.send(request.expect("a request")).await
    }

    /// A session's token.
    pub(crate) async fn create(&self, body: Value) -> String {
        let answer = self.call("POST", "/sessions/create", Some(body)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.text("session_id").to_owned()
    }

    pub(crate) async fn validate(&self, token: &str) -> Answer {
        let request = Request::get("/sessions/validate").header("x-session-id", token);
        self.send(request.body(Body::empty()).expect("a request"))
            .await
    }
}

pub(crate) fn handle(token: &str) -> &str {
    token.split_once('.').expect("a token").0
}
