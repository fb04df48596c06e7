//! Bodies, paths and queries, each with a problem for what cannot be read.

use std::fmt::Display;

use axum::body::{Body, Bytes};
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request};
use axum::response::{IntoResponse, Response};
use http_body::Body as _;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use session_core::{Cursor, parse_strict_json};
use utoipa::IntoParams;

use crate::front::{MAX_BODY_BYTES, REQUEST_TIMEOUT};
use crate::problem::Problem;

/// A JSON body, read strictly, or a JSON answer.
#[derive(Debug)]
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request<Body>, _: &S) -> Result<Self, Problem> {
        if !media_type_is(request.headers(), b"application/json") {
            return Err(Problem::unsupported_media_type());
        }
        let body = read_body(request).await?;
        let value = parse_strict_json(&body).map_err(|error| {
            Problem::malformed(
                "malformed_json",
                format!("The body cannot be read: {error}."),
            )
        })?;
        if !value.is_object() {
            return Err(Problem::malformed(
                "malformed_json",
                "The body must be a JSON object.",
            ));
        }
        // The path is made of our own names; what serde says of the value may quote it.
        serde_path_to_error::deserialize(value)
            .map(Self)
            .map_err(|error| {
                let detail = match error.path().to_string().as_str() {
                    "." => "A required member is missing.".to_owned(),
                    path => format!("`{path}` is not of the type that it must be."),
                };
                Problem::malformed("invalid_request", detail)
            })
    }
}

/// A JSON body that may be left out.
#[derive(Debug)]
pub(crate) struct OptionalJson<T>(pub(crate) T);

impl<T: DeserializeOwned + Default, S: Send + Sync> FromRequest<S> for OptionalJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request<Body>, state: &S) -> Result<Self, Problem> {
        if request.body().is_end_stream() {
            return Ok(Self(T::default()));
        }
        let Json(body) = Json::from_request(request, state).await?;
        Ok(Self(body))
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// Reads a member that must be a JSON object, where serde would take an array for its members in turn.
pub(crate) fn object<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: DeserializeOwned,
    D: Deserializer<'de>,
{
    let members = Option::<Map<String, Value>>::deserialize(deserializer)?;
    let read = members.map(|members| T::deserialize(Value::Object(members)));
    read.transpose().map_err(D::Error::custom)
}

/// The whole body of a request, within its bounds.
pub(crate) async fn read_body(request: Request<Body>) -> Result<Bytes, Problem> {
    let incomplete =
        || Problem::malformed("incomplete_body", "The body ended before it was complete.");
    let body = Limited::new(request.into_body(), MAX_BODY_BYTES).collect();
    // Whoever sends half a body and falls silent must not be waited for, by whatever carries this
    // request out.
    let body = tokio::time::timeout(REQUEST_TIMEOUT, body)
        .await
        .map_err(|_elapsed| incomplete())?;
    let body = body.map_err(|error| {
        if error.is::<LengthLimitError>() {
            Problem::body_too_large()
        } else {
            incomplete()
        }
    })?;
    Ok(body.to_bytes())
}

/// Whether a request says once, and of this media type, what its body is.
pub(crate) fn media_type_is(headers: &HeaderMap, wanted: &[u8]) -> bool {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let (Some(first), None) = (types.next(), types.next()) else {
        return false;
    };
    let media_type = first
        .as_bytes()
        .split(|b| *b == b';')
        .next()
        .unwrap_or_default();
    media_type.trim_ascii().eq_ignore_ascii_case(wanted)
}

/// A part of the path, decoded.
#[derive(Debug)]
pub(crate) struct Path(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Path {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = axum::extract::Path::<String>::from_request_parts(parts, state).await;
        path.map(|axum::extract::Path(text)| Self(text))
            .map_err(|_: PathRejection| {
                Problem::malformed("malformed_path", "The path is not valid UTF-8.")
            })
    }
}

/// Which part of a list is asked for.
#[derive(Deserialize, IntoParams)]
pub(crate) struct Paging {
    /// Entries of a page; 100 unless given, at most 1000.
    pub(crate) limit: Option<usize>,
    /// The cursor that came with the page before.
    pub(crate) cursor: Option<String>,
}

/// Where the next page of a list begins that is answered as an array.
const NEXT_CURSOR: HeaderName = HeaderName::from_static("x-next-cursor");

/// The answer with the cursor of the page after it, if there is one.
pub(crate) fn with_next_cursor<K: Display>(
    mut response: Response,
    next: Option<Cursor<K>>,
) -> Response {
    // The name of a record is visible ASCII.
    if let Some(Cursor(next)) = next
        && let Ok(next) = HeaderValue::try_from(next.to_string())
    {
        response.headers_mut().insert(NEXT_CURSOR, next);
    }
    response
}

/// The query, decoded.
#[derive(Debug)]
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let query = axum::extract::Query::<T>::from_request_parts(parts, state).await;
        query
            .map(|axum::extract::Query(query)| Self(query))
            .map_err(|_: QueryRejection| {
                Problem::malformed("malformed_query", "The query cannot be read.")
            })
    }
}
