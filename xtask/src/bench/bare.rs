//! The limit that everything is measured against: axum routes that answer constant bytes.

use std::fs;
use std::path::Path;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::routing::{MethodFilter, get, on};
use serde_json::{Value, json};

use super::client::Answer;
use crate::process::{Failure, Outcome};

/// Notes real answers for the bare server to repeat, each with its method and route.
pub(super) fn note(file: &Path, samples: &[(&str, &str, Answer)]) -> Outcome {
    let noted: Vec<Value> = samples
        .iter()
        .map(|(method, route, answer)| {
            json!({
                "method": method, "route": route,
                "headers": answer.headers, "body": answer.body,
            })
        })
        .collect();
    Ok(fs::write(file, json!(noted).to_string())?)
}

/// `xtask bench-bare <address> <file>`: serves what [`note`] noted.
pub(crate) fn run(args: &[String]) -> Outcome {
    let [address, file] = args else {
        return Err(Failure::new("bench-bare takes an address and a file"));
    };
    let noted: Value = serde_json::from_slice(&fs::read(file)?)
        .map_err(|error| Failure::new(format!("{file} is no JSON: {error}")))?;
    let mut router = Router::new().route("/ready", get(async || "ready"));
    for sample in noted.as_array().into_iter().flatten() {
        router = add(router, sample).ok_or_else(|| Failure::new("a sample cannot be served"))?;
    }
    // Everything as axum's first page shows it: this is what anyone would write.
    tokio::runtime::Runtime::new()?.block_on(async {
        let listener = tokio::net::TcpListener::bind(address).await?;
        Ok(axum::serve(listener, router).await?)
    })
}

fn add(router: Router, sample: &Value) -> Option<Router> {
    let method = axum::http::Method::from_bytes(sample["method"].as_str()?.as_bytes()).ok()?;
    let headers = headers(&sample["headers"])?;
    let body = Bytes::from(sample["body"].as_str()?.to_owned());
    let answer = async move || (headers.clone(), body.clone());
    let filter = MethodFilter::try_from(method).ok()?;
    Some(router.route(sample["route"].as_str()?, on(filter, answer)))
}

/// Without those that hyper writes itself.
fn headers(pairs: &Value) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    for pair in pairs.as_array()? {
        let (name, value) = (pair[0].as_str()?, pair[1].as_str()?);
        if !["date", "content-length", "connection", "transfer-encoding"].contains(&name) {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            headers.append(name, HeaderValue::from_str(value).ok()?);
        }
    }
    Some(headers)
}
