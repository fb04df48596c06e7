//! Whatever comes in: a problem with the right status, no panic, and no secret in answer or log.

use std::io;
use std::sync::{Arc, Mutex};

use crate::harness::{Answer, SERVICE_KEY, TestApi, handle};
use axum::body::Body;
use axum::http::Request;
use futures_util::stream;
use serde_json::json;

/// Stands in bad input where a secret might be; must come back nowhere.
const MARKER: &str = "hunter2-marker";

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .expect("not poisoned")
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn request(method: &str, path: &str) -> axum::http::request::Builder {
    Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", format!("Bearer {SERVICE_KEY}"))
        .header("content-type", "application/json")
}

fn post(path: &str, body: impl Into<Body>) -> Request<Body> {
    request("POST", path).body(body.into()).expect("a request")
}

fn create(body: &str) -> Request<Body> {
    post("/sessions/create", body.to_owned())
}

fn assert_problem(answer: &Answer, status: u16, what: &str) {
    assert_eq!(answer.status, status, "{what}: {}", answer.body);
    assert_eq!(
        answer.header("content-type"),
        "application/problem+json",
        "{what}"
    );
    assert_eq!(answer.body["status"], status, "{what}");
    for member in ["type", "title", "detail", "code", "request_id"] {
        assert!(!answer.text(member).is_empty(), "{what}: {member}");
    }
    assert_eq!(
        answer.text("request_id"),
        answer.header("x-request-id"),
        "{what}"
    );
}

#[tokio::test]
async fn bad_input_gets_the_status_that_the_documentation_names() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let config = http_api::ApiConfig {
        log_requests: true,
        ..http_api::ApiConfig::default()
    };
    let api = TestApi::over(Arc::new(store_memory::MemoryStore::new()), config);
    let token = api.create(json!({"user_id": "ada"})).await;
    let extend = format!("/sessions/{token}/extend");
    let patch = |body: String| {
        request("PATCH", &format!("/sessions/{token}"))
            .body(Body::from(body))
            .expect("a request")
    };
    let large = format!(
        r#"{{"user_id":"a","metadata":{{"{MARKER}":"{}"}}}}"#,
        "x".repeat(4096)
    );
    let deep = format!(
        r#"{{"user_id":"a","metadata":{}{}}}"#,
        r#"{"a":"#.repeat(10_000),
        "}".repeat(10_000)
    );
    let long_id = "x".repeat(10_000);
    let unsized_body = stream::iter((0..100).map(|_| Ok::<_, io::Error>(vec![b' '; 16 * 1024])));
    let forged = format!("{}.{}", handle(&token), "A".repeat(43));

    let mut cases: Vec<(Request<Body>, u16)> = Vec::new();
    for body in [
        "",
        "{",
        "{\"user_id\": \"a\"",
        "[]",
        "null",
        "\"a\"",
        "{}",
        r#"{"user_id": null}"#,
        r#"{"user_id": ""}"#,
        r#"{"user_id": "  "}"#,
        r#"{"user_id": "a\u0000b"}"#,
        r#"{"user_id": "a\r\nb"}"#,
        r#"{"user_id": 1}"#,
        r#"{"user_id":"a","timeout":0}"#,
        r#"{"user_id":"a","timeout":-1}"#,
        r#"{"user_id":"a","timeout":299}"#,
        r#"{"user_id":"a","timeout":86401}"#,
        r#"{"user_id":"a","timeout":9223372036854775808}"#,
        r#"{"user_id":"a","timeout":1e400}"#,
        r#"{"user_id":"a","timeout":NaN}"#,
        r#"{"user_id":"a","timeout":600.5}"#,
        r#"{"user_id":"a","timeout":"hunter2-marker"}"#,
        r#"{"user_id":"a","idle_timeout":0}"#,
        r#"{"user_id":"a","timeout":600,"idle_timeout":601}"#,
        r#"{"user_id":"a","metadata":[]}"#,
        r#"{"user_id":"a","metadata":"hunter2-marker"}"#,
        r#"{"user_id":"a","metadata":{"role":1}}"#,
        r#"{"user_id":"a","metadata":{"permissions":"x"}}"#,
        r#"{"user_id":"a","metadata":{"permissions":[1]}}"#,
        r#"{"user_id":"a","user_id":"b"}"#,
        r#"{"user_id":"a","metadata":{"x":{"y":1,"y":2}}}"#,
        r#"{"user_id":"a","unknown":1,"unknown":2}"#,
        "\u{feff}{\"user_id\":\"a\"}",
        r#"{"user_id":"\ud800"}"#,
        r#"{"user_id":"a","ip_address":"hunter2-marker"}"#,
        r#"{"user_id":"a","device_fingerprint":"hunter2-marker"}"#,
        r#"{"user_id":"a","access_token":"hunter2-marker"}"#,
        r#"{"user_id":"a","refresh_token":"hunter2-marker"}"#,
        &large,
        &deep,
        &format!(r#"{{"user_id":"{}"}}"#, "x".repeat(256)),
    ] {
        cases.push((create(body), 400));
    }
    cases.extend([
        (
            post("/sessions/create", b"{\"user_id\":\"\xff\"}".to_vec()),
            400,
        ),
        (post("/sessions/create", vec![b' '; 1 << 20]), 413),
        (
            post("/sessions/create", Body::from_stream(unsized_body)),
            413,
        ),
        (
            request("POST", "/sessions/create")
                .header("content-length", "1048576")
                .body(Body::empty())
                .expect("a request"),
            413,
        ),
        (
            Request::post("/sessions/create")
                .header("x-api-key", SERVICE_KEY)
                .header("content-type", "text/plain")
                .body(Body::from("{}"))
                .expect("a request"),
            415,
        ),
        (
            Request::post("/sessions/create")
                .header("x-api-key", SERVICE_KEY)
                .body(Body::from("{}"))
                .expect("a request"),
            415,
        ),
        (
            request("PUT", "/sessions/create")
                .body(Body::empty())
                .expect("a request"),
            405,
        ),
        (
            request("GET", "/no/such/route")
                .body(Body::empty())
                .expect("a request"),
            404,
        ),
        (
            request("GET", &format!("/{}", "x".repeat(9000)))
                .body(Body::empty())
                .expect("a request"),
            414,
        ),
        (
            request("GET", "/sessions/stats")
                .header("x-large", "x".repeat(17_000))
                .body(Body::empty())
                .expect("a request"),
            431,
        ),
        (
            request("GET", "/sessions/user/a/sessions?limit=0")
                .body(Body::empty())
                .expect("a request"),
            400,
        ),
        (
            request("GET", "/sessions/user/a/sessions?limit=1001")
                .body(Body::empty())
                .expect("a request"),
            400,
        ),
        (
            request("GET", "/sessions/user/a/sessions?limit=-1")
                .body(Body::empty())
                .expect("a request"),
            400,
        ),
        (
            request("GET", "/sessions/user/a/sessions?cursor=hunter2-marker")
                .body(Body::empty())
                .expect("a request"),
            400,
        ),
        (
            request("GET", "/sessions/user/%00/sessions")
                .body(Body::empty())
                .expect("a request"),
            400,
        ),
        (
            request("GET", "/sessions/user/%ff/sessions")
                .body(Body::empty())
                .expect("a request"),
            400,
        ),
        (patch(r#"{"metadata":[]}"#.to_owned()), 400),
        (
            patch(format!(r#"{{"metadata":{{"a":"{}"}}}}"#, "x".repeat(4090))),
            400,
        ),
    ]);
    for seconds in [
        "0",
        "-1",
        "9223372036854775808",
        "1e400",
        "\"1\"",
        "null",
        "99999999999",
    ] {
        cases.push((
            post(&extend, format!(r#"{{"additional_seconds":{seconds}}}"#)),
            400,
        ));
    }
    for id in [
        "'",
        "*",
        "%00",
        "%0d%0a",
        long_id.get(..8000).expect("long"),
        handle(&token),
        &forged,
        "01976d3c-9c00-7000-8000-000000000000",
        "01976D3C-9C00-7000-8000-000000000000.x",
    ] {
        cases.push((
            request("GET", &format!("/sessions/{id}"))
                .body(Body::empty())
                .expect("a request"),
            404,
        ));
    }
    for (place, (request, status)) in cases.into_iter().enumerate() {
        let what = format!("case {place}: {} {:.60}", request.method(), request.uri());
        let answer = api.send(request).await;
        assert_problem(&answer, status, &what);
        assert!(
            !answer.body.to_string().contains(MARKER),
            "{what}: {}",
            answer.body
        );
    }
    // Fine at the very edge.
    let exactly = format!(
        r#"{{"user_id":"a","metadata":{{"a":"{}"}}}}"#,
        "x".repeat(4096 - 8)
    );
    assert_eq!(api.send(create(&exactly)).await.status, 200);
    assert_eq!(
        api.validate(&token).await.status,
        200,
        "nothing of it did any harm"
    );

    let log = String::from_utf8(log.0.lock().expect("not poisoned").clone()).expect("text");
    assert!(log.lines().count() > 50, "the log was on");
    let secret = token.split_once('.').expect("a token").1;
    for secret in [secret, SERVICE_KEY, MARKER] {
        assert!(!log.contains(secret), "a secret stands in the log");
    }
}

#[tokio::test]
async fn every_answer_carries_the_headers_that_protect_it() {
    let api = TestApi::new();
    for path in [
        "/health",
        "/nope",
        "/sessions/validate",
        "/openapi.json",
        "/docs/index.html",
    ] {
        let answer = api
            .send(Request::get(path).body(Body::empty()).expect("a request"))
            .await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        assert!(
            answer
                .header("content-security-policy")
                .contains("frame-ancestors 'none'"),
            "{path}"
        );
        let is_docs = path.starts_with("/docs");
        assert_eq!(
            answer.header("cache-control") == "no-store",
            !is_docs,
            "{path}"
        );
    }
    let named = async |id: &str| {
        let request = Request::get("/health").header("x-request-id", id);
        api.send(request.body(Body::empty()).expect("a request"))
            .await
    };
    assert_eq!(named("abc-1.2_3").await.header("x-request-id"), "abc-1.2_3");
    for strange in ["", "a b", "a\"b", &"x".repeat(65)] {
        assert_ne!(named(strange).await.header("x-request-id"), strange);
    }
    let put = Request::put("/sessions/stats")
        .body(Body::empty())
        .expect("a request");
    assert_eq!(api.send(put).await.header("allow"), "GET,HEAD");
}

/// Requirement 50: 503 and nothing else, while the store is away.
#[tokio::test]
async fn while_the_store_is_away_nobody_gets_in_and_nobody_is_signed_out() {
    use session_core::ports::SessionStore as _;
    let store = Arc::new(store_memory::MemoryStore::new());
    let api = TestApi::over(Arc::clone(&store) as _, http_api::ApiConfig::default());
    let token = api.create(json!({"user_id": "ada"})).await;
    store.close().await;
    let body = || Some(json!({"user_id": "ada", "additional_seconds": 60}));
    for (method, path) in [
        ("POST", "/sessions/create".to_owned()),
        ("GET", "/sessions/stats".to_owned()),
        ("GET", format!("/sessions/{token}")),
        ("PATCH", format!("/sessions/{token}")),
        ("DELETE", format!("/sessions/{token}")),
        ("POST", format!("/sessions/{token}/activity")),
        ("POST", format!("/sessions/{token}/extend")),
        ("POST", format!("/sessions/validate/{token}")),
        ("DELETE", "/sessions/user/ada".to_owned()),
        ("GET", "/sessions/user/ada/sessions".to_owned()),
        ("GET", "/ready".to_owned()),
    ] {
        let answer = api.call(method, &path, body()).await;
        assert_problem(&answer, 503, method);
        assert_eq!(answer.header("retry-after"), "1", "{method} {path}");
    }
    let answer = api.validate(&token).await;
    assert_problem(&answer, 503, "validate");
    assert_eq!(answer.headers.get("set-cookie"), None);
    assert_eq!(api.call("GET", "/health", None).await.status, 200);
    assert_eq!(
        api.call("GET", "/health/sessions", None)
            .await
            .text("store_connection"),
        "unhealthy"
    );
}
