//! Bodies of forms, as OAuth has them (RFC 6749 appendix B).

use axum::body::Body;
use axum::extract::FromRequest;
use axum::http::Request;
use serde::de::DeserializeOwned;

use crate::json::{media_type_is, read_body};
use crate::problem::Problem;

/// An `application/x-www-form-urlencoded` body.
#[derive(Debug)]
pub(crate) struct Form<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Form<T> {
    type Rejection = Problem;

    async fn from_request(request: Request<Body>, _: &S) -> Result<Self, Problem> {
        if !media_type_is(request.headers(), b"application/x-www-form-urlencoded") {
            return Err(Problem::unsupported_media_type());
        }
        let body = read_body(request).await?;
        // A parameter given twice is an error of serde's, as RFC 6749 §3.2 wants it.
        serde_urlencoded::from_bytes(&body).map(Self).map_err(|_| {
            let detail = "The form lacks a parameter, or has one twice.";
            Problem::malformed("invalid_request", detail)
        })
    }
}
