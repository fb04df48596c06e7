//! Answers that say no: problem details (RFC 9457).

use std::error::Error as _;

use app::{AccountError, ErrorKind, ProviderLoginError, SessionError, TokenError};
use axum::body::Body;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use session_core::Refusal;
use session_core::ports::{HashError, OpenError};
use utoipa::ToSchema;

/// Seconds after which to try again when the store is away.
const RETRY_AFTER_SECONDS: u64 = 1;
/// The same where an operator has to mend something first.
const UNTIL_MENDED_SECONDS: u64 = 60;

/// What went wrong, for the client, and why, for the log.
///
/// As a response it is empty until [`Problem::render`] writes it with the request's id.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
    cause: Option<String>,
    /// Seconds after which to try again.
    retry_after: Option<u64>,
}

/// The body of every answer that is not a success (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody<'a> {
    /// Always `about:blank`: `code` tells problems apart.
    #[schema(example = "about:blank")]
    r#type: &'static str,
    /// The status in words.
    #[schema(example = "Not Found")]
    title: &'a str,
    #[schema(example = 404)]
    status: u16,
    /// One plain sentence for people.
    detail: &'a str,
    /// A stable word for programs.
    #[schema(example = "not_found")]
    code: &'a str,
    /// Names this request in the log.
    request_id: &'a str,
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            code,
            detail: detail.into(),
            cause: None,
            retry_after: None,
        }
    }

    pub(crate) fn malformed(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    pub(crate) fn unauthorized(code: &'static str, detail: &'static str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, code, detail)
    }

    pub(crate) fn forbidden(code: &'static str, detail: &'static str) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, detail)
    }

    fn rate_limited(retry_after: u64, detail: String) -> Self {
        Self {
            retry_after: Some(retry_after),
            ..Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", detail)
        }
    }

    /// An unknown session, a wrong secret, someone else's: these answers must not differ.
    pub(crate) fn no_such_session() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not_found",
            "There is no such session.",
        )
    }

    /// The answer to a session token that lets nobody in.
    pub(crate) fn refused(refusal: Refusal) -> Self {
        let (code, detail) = match refusal {
            Refusal::Unknown => ("session_unknown", "The session token is not valid."),
            Refusal::Expired => ("session_expired", "The session has expired."),
            Refusal::Revoked => ("session_revoked", "The session has been revoked."),
            Refusal::Terminated => ("session_terminated", "The session has been terminated."),
            Refusal::Suspended => ("session_suspended", "The session is suspended."),
        };
        Self::unauthorized(code, detail)
    }

    pub(crate) fn no_such_account() -> Self {
        let detail = "There is no such account.";
        Self::new(StatusCode::NOT_FOUND, "account_not_found", detail)
    }

    pub(crate) fn no_such_provider() -> Self {
        let detail = "Nobody can sign in with a provider of this name here.";
        Self::new(StatusCode::NOT_FOUND, "provider_not_found", detail)
    }

    /// A provider that cannot be asked now about who its users are.
    pub(crate) fn provider_away(retry_after: u64, cause: String) -> Self {
        let detail = "The provider cannot be asked now; try again shortly.";
        Self {
            cause: Some(cause),
            retry_after: Some(retry_after),
            ..Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "provider_unavailable",
                detail,
            )
        }
    }

    pub(crate) fn no_such_route() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "no_such_route",
            "There is nothing at this path.",
        )
    }

    pub(crate) fn method_not_allowed() -> Self {
        let detail = "This path does not take this method.";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
    }

    pub(crate) fn body_too_large() -> Self {
        let detail = "The body is larger than 64 KiB.";
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail)
    }

    pub(crate) fn uri_too_long() -> Self {
        let detail = "The path and query are longer than 8 KiB.";
        Self::new(StatusCode::URI_TOO_LONG, "uri_too_long", detail)
    }

    pub(crate) fn headers_too_large() -> Self {
        let detail = "The headers are larger than 16 KiB.";
        Self::new(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "headers_too_large",
            detail,
        )
    }

    pub(crate) fn unsupported_media_type() -> Self {
        let detail = "The body is not of the media type that this route takes.";
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            detail,
        )
    }

    pub(crate) fn unavailable(cause: impl Into<String>) -> Self {
        let detail = "The request could not be carried out now; try again shortly.";
        Self {
            cause: Some(cause.into()),
            retry_after: Some(RETRY_AFTER_SECONDS),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail)
        }
    }

    /// Tokens of a provider that are not to be had now.
    fn no_token_now(
        code: &'static str,
        detail: &str,
        retry_after: u64,
        error: &TokenError,
    ) -> Self {
        Self {
            cause: Some(error.to_string()),
            retry_after: Some(retry_after),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail)
        }
    }

    pub(crate) fn internal(cause: impl Into<String>) -> Self {
        let detail = "Something went wrong on the server.";
        Self {
            cause: Some(cause.into()),
            ..Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
        }
    }

    /// Writes the problem that `response` carries, if it carries one, and logs its cause.
    pub(crate) fn render(mut response: Response, request_id: &HeaderValue) -> Response {
        let Some(problem) = response.extensions_mut().remove::<Self>() else {
            return response;
        };
        if let Some(cause) = &problem.cause {
            tracing::error!(?request_id, code = problem.code, cause, "request failed");
        }
        let body = ProblemBody {
            r#type: "about:blank",
            title: problem.status.canonical_reason().unwrap_or("Error"),
            status: problem.status.as_u16(),
            detail: &problem.detail,
            code: problem.code,
            request_id: request_id.to_str().unwrap_or_default(),
        };
        // Strings and numbers only: this cannot fail.
        let body = serde_json::to_vec(&body).unwrap_or_default();
        // What was announced on the way goes along: which methods a path takes, which sites may read.
        *response.body_mut() = Body::from(body);
        *response.status_mut() = problem.status;
        let headers = response.headers_mut();
        headers.remove(CONTENT_LENGTH);
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some(seconds) = problem.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if problem.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Problem> for Response {
    fn from(problem: Problem) -> Self {
        problem.into_response()
    }
}

/// The one table from the kinds of errors to answers.
impl From<&SessionError> for Problem {
    fn from(error: &SessionError) -> Self {
        match error.kind() {
            ErrorKind::NotFound => Self::no_such_session(),
            ErrorKind::Invalid => Self::malformed("invalid_request", sentence(error)),
            ErrorKind::LimitReached => {
                Self::new(StatusCode::CONFLICT, "session_limit", sentence(error))
            }
            ErrorKind::Contended => Self::new(StatusCode::CONFLICT, "conflict", sentence(error)),
            ErrorKind::RateLimited { retry_after } => {
                Self::rate_limited(retry_after, sentence(error))
            }
            ErrorKind::Unavailable => Self::unavailable(with_source(error)),
            ErrorKind::Internal => Self::internal(with_source(error)),
        }
    }
}

impl From<SessionError> for Problem {
    fn from(error: SessionError) -> Self {
        Self::from(&error)
    }
}

impl From<AccountError> for Problem {
    fn from(error: AccountError) -> Self {
        match error {
            // One answer for every reason: see `LoginService::login`.
            AccountError::Refused => {
                let detail = "The e-mail address or the password is wrong.";
                Self::unauthorized("invalid_credentials", detail)
            }
            AccountError::NotLive(refusal) => Self::refused(refusal),
            AccountError::EmailTaken => {
                let detail = "The e-mail address has an account already.";
                Self::new(StatusCode::CONFLICT, "email_taken", detail)
            }
            AccountError::NoSuchAccount => Self::no_such_account(),
            AccountError::Hash(HashError::Busy) => Self::unavailable(error.to_string()),
            AccountError::Hash(_) | AccountError::Sign(_) => Self::internal(error.to_string()),
            AccountError::Session(error) => error.into(),
        }
    }
}

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        match &error {
            TokenError::Session(error) => Self::from(&**error),
            TokenError::NoTokens => {
                let detail = "The session holds no tokens of a provider.";
                Self::new(StatusCode::NOT_FOUND, "no_provider_tokens", detail)
            }
            TokenError::ReauthRequired => {
                let detail = "The provider renews the tokens no more: the user must sign in there \
                              again.";
                Self::new(StatusCode::CONFLICT, "reauth_required", detail)
            }
            TokenError::Unavailable { retry_after, .. } => {
                let detail = "The provider gives no live token now; the session is as it was.";
                Self::no_token_now("provider_unavailable", detail, *retry_after, &error)
            }
            TokenError::UnknownProvider(_) => {
                let detail = "The settings of this server do not have the session's provider.";
                let code = "provider_not_configured";
                Self::no_token_now(code, detail, UNTIL_MENDED_SECONDS, &error)
            }
            TokenError::Unreadable(OpenError::UnknownKey(_)) => {
                let detail = "This server lacks the key that the tokens are encrypted with.";
                let code = "encryption_key_missing";
                Self::no_token_now(code, detail, UNTIL_MENDED_SECONDS, &error)
            }
            TokenError::Unreadable(OpenError::Altered) => {
                let detail = "What is stored of the provider's tokens was altered.";
                Self {
                    cause: Some(error.to_string()),
                    ..Self::new(
                        StatusCode::INTERNAL_SERVER_ERROR,
                        "provider_tokens_altered",
                        detail,
                    )
                }
            }
        }
    }
}

impl From<session_core::InvalidInput> for Problem {
    fn from(error: session_core::InvalidInput) -> Self {
        Self::from(SessionError::from(error))
    }
}

impl From<ProviderLoginError> for Problem {
    fn from(error: ProviderLoginError) -> Self {
        match error {
            ProviderLoginError::UnknownProvider => Self::no_such_provider(),
            ProviderLoginError::ReturnRefused => {
                let detail = "`return_to` is not one of the places that a login may lead to.";
                Self::malformed("return_to_refused", detail)
            }
            ProviderLoginError::Denied => {
                let detail = "The provider did not let the user in.";
                Self::forbidden("access_denied", detail)
            }
            // One answer for every check: whoever is at the other end may be trying what works.
            ProviderLoginError::Failed(_) => {
                Self::malformed("login_failed", "The login failed: begin it anew.")
            }
            ProviderLoginError::ProviderAway { retry_after, .. } => {
                Self::provider_away(retry_after, error.to_string())
            }
            ProviderLoginError::NoPublicUrl => Self::unavailable(error.to_string()),
            ProviderLoginError::Tokens(error) => error.into(),
            ProviderLoginError::Account(error) => error.into(),
        }
    }
}

/// An error's lower-case fragment as a sentence.
fn sentence(error: &SessionError) -> String {
    let text = error.to_string();
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => format!("{}{}.", first.to_uppercase(), chars.as_str()),
        None => text,
    }
}

fn with_source(error: &SessionError) -> String {
    let source = match error {
        SessionError::Store(error) => error.source(),
        _ => None,
    };
    source.map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}
