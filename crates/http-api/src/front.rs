//! What every request and every answer goes through.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::MatchedPath;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, Request, Uri};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::{Router, extract};
use futures_util::FutureExt as _;
use tower::Service as _;

use crate::Api;
use crate::api::{ApiConfig, AppState};
use crate::auth;
use crate::client::PeerAddress;
use crate::problem::Problem;

/// Largest body of a request.
pub const MAX_BODY_BYTES: usize = 64 * 1024;
/// Most bytes of all header names and values of a request.
pub const MAX_HEADER_BYTES: usize = 16 * 1024;
/// Longest request target.
pub const MAX_URI_BYTES: usize = 8 * 1024;
/// How long a request may take, its body included.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// How long browsers remember to use https alone (RFC 6797 §6.1.1).
const ONE_YEAR: HeaderValue = HeaderValue::from_static("max-age=31536000");

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

impl Api {
    /// Answers a request, whatever it is.
    pub async fn respond(&self, mut request: Request<Body>) -> Response {
        let request_id = self.shared.request_ids.of(&request);
        let method = self
            .shared
            .config
            .log_requests
            .then(|| request.method().clone());
        let config = &self.shared.config;
        let response = match check_limits(&request).and_then(|()| check_https(&request, config)) {
            Ok(()) => {
                request.headers_mut().insert(REQUEST_ID, request_id.clone());
                trim_trailing_slash(request.uri_mut());
                self.route(request).await
            }
            Err(problem) => problem.into(),
        };
        let mut response = Problem::render(response, &request_id);
        add_headers(&mut response, request_id.clone());
        if self.shared.config.require_https {
            response
                .headers_mut()
                .insert(STRICT_TRANSPORT_SECURITY, ONE_YEAR);
        }
        if let Some(method) = method {
            // The template, never the path as sent: that may hold a token.
            let route = response
                .extensions()
                .get::<MatchedPath>()
                .map_or("-", MatchedPath::as_str);
            let status = response.status().as_u16();
            tracing::info!(%method, route, status, ?request_id, "request");
        }
        response
    }

    async fn route(&self, request: Request<Body>) -> Response {
        let place = if self.must_finish(&request) {
            match Arc::clone(&self.shared.detached).try_acquire_owned() {
                Ok(place) => Some(place),
                Err(_full) => return Problem::unavailable("too many requests hang").into(),
            }
        } else {
            None
        };
        let answer = self.router.clone().call(request);
        let answer = async {
            if let Some(place) = place {
                let answer = async move {
                    let _place = place;
                    answer.await
                };
                tokio::spawn(answer).await.map_err(drop)
            } else {
                // A panic is a fault of ours; it must not take other requests of the connection
                // with it.
                AssertUnwindSafe(answer).catch_unwind().await.map_err(drop)
            }
        };
        match tokio::time::timeout(REQUEST_TIMEOUT, answer).await {
            Ok(Ok(Ok(response))) => response,
            Ok(Err(())) => Problem::internal("a handler panicked").into(),
            Err(_elapsed) => Problem::unavailable("the request took too long").into(),
        }
    }

    /// Whether a request is carried out to its end though nobody waits for the answer any more.
    ///
    /// When a client hangs up, the connection drops what it was working on, at whatever point that
    /// is: after the end of a session and before its record, for one. So what changes something is a
    /// task of its own; and so is what a proxy asks for a client, since that may end a session. The
    /// answer of a provider comes as a GET and begins one.
    fn must_finish(&self, request: &Request<Body>) -> bool {
        let proxies = &self.shared.config.trusted_proxies;
        let peer = request.extensions().get().map(|PeerAddress(peer)| *peer);
        !request.method().is_safe()
            || request.uri().path() == auth::CALLBACK
            || peer.is_some_and(|peer| proxies.trusts(peer))
    }
}

fn check_limits(request: &Request<Body>) -> Result<(), Problem> {
    if request.uri().path().len() + request.uri().query().map_or(0, str::len) > MAX_URI_BYTES {
        return Err(Problem::uri_too_long());
    }
    let headers = request.headers();
    let size: usize = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.as_bytes().len())
        .sum();
    if size > MAX_HEADER_BYTES {
        return Err(Problem::headers_too_large());
    }
    // Bodies without a length are cut off while they are read.
    let announced = headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: u64| length > MAX_BODY_BYTES as u64) {
        return Err(Problem::body_too_large());
    }
    Ok(())
}

/// Where only https is wanted, a trusted proxy must say that the client spoke it. Refused, not
/// redirected: a credential that came in the clear is not helped by being sent once more.
fn check_https(request: &Request<Body>, config: &ApiConfig) -> Result<(), Problem> {
    // What probes ask, and ask of this process directly.
    const FOR_PROBES: [&str; 2] = ["/health", "/ready"];
    if !config.require_https || FOR_PROBES.contains(&request.uri().path()) {
        return Ok(());
    }
    let peer = request.extensions().get().map(|PeerAddress(peer)| *peer);
    if config.trusted_proxies.is_https(peer, request.headers()) {
        return Ok(());
    }
    let detail = "Only https is served here, through a proxy that this server trusts.";
    Err(Problem::forbidden("https_required", detail))
}

/// A trailing slash makes no difference.
fn trim_trailing_slash(uri: &mut Uri) {
    let path = uri.path();
    if path.len() < 2 || !path.ends_with('/') {
        return;
    }
    let path = match path.trim_end_matches('/') {
        "" => "/",
        trimmed => trimmed,
    };
    let target = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    if let Ok(trimmed) = target.parse() {
        *uri = trimmed;
    }
}

/// Headers of every answer; a route's own value wins.
fn add_headers(response: &mut Response, request_id: HeaderValue) {
    const DEFAULTS: [(HeaderName, HeaderValue); 4] = [
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (
            CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
        ),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    let headers = response.headers_mut();
    headers.reserve(DEFAULTS.len() + 1);
    for (name, value) in DEFAULTS {
        headers.entry(name).or_insert(value);
    }
    headers.insert(REQUEST_ID, request_id);
}

/// Makes the route's template known to the log.
pub(crate) fn with_route_names(router: Router<AppState>) -> Router<AppState> {
    router.route_layer(from_fn(async |request: extract::Request, next: Next| {
        let route = request.extensions().get::<MatchedPath>().cloned();
        let mut response = next.run(request).await;
        if let Some(route) = route {
            response.extensions_mut().insert(route);
        }
        response
    }))
}

pub(crate) async fn not_found() -> Problem {
    Problem::no_such_route()
}

pub(crate) async fn method_not_allowed() -> Problem {
    Problem::method_not_allowed()
}
