use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::DateTime;
use form_urlencoded::{Serializer, byte_serialize};
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{RequestBuilder, Url};
use serde_json::{Map, Value};
use session_core::ports::Introspection;
use session_core::{ProviderFailure, TokenKind, parse_strict_json, refused_answer};
use zeroize::Zeroizing;

use crate::ClientAuthentication;
use crate::checked::Checked;
use crate::http::{Answer, Http};

/// Longest answer about tokens, in bytes.
pub(crate) const MAX_BYTES: usize = 64 * 1024;
const MAX_TEXT_BYTES: usize = 1024;

/// A form that is posted as the client that we are (RFC 6749 §2.3).
pub(crate) fn form_request(
    http: &Http,
    settings: &Checked,
    url: Url,
    members: &[(&str, &str)],
) -> RequestBuilder {
    let mut form = Serializer::new(String::new());
    form.extend_pairs(members);
    let secret = settings.client_secret.as_ref();
    match (settings.client_authentication, secret) {
        (ClientAuthentication::Basic, Some(secret)) => {
            let request = http.post(url, form.finish());
            request.header(AUTHORIZATION, basic(&settings.client_id, secret.expose()))
        }
        (_, secret) => {
            form.append_pair("client_id", &settings.client_id);
            if let Some(secret) = secret {
                form.append_pair("client_secret", secret.expose());
            }
            http.post(url, form.finish())
        }
    }
}

/// Each part form-encoded, since either may hold a colon (RFC 6749 §2.3.1).
fn basic(id: &str, secret: &str) -> HeaderValue {
    let mut pair = Zeroizing::new(String::new());
    pair.extend(byte_serialize(id.as_bytes()));
    pair.push(':');
    pair.extend(byte_serialize(secret.as_bytes()));
    let text = Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())));
    // Base64 is what a header can hold; and without it the provider refuses, which is told.
    let mut value =
        HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static("Basic"));
    value.set_sensitive(true);
    value
}

/// What a token is called to endpoints that are asked about it (RFC 7009 §2.1); `None` for one that
/// they know nothing of.
pub(crate) fn hint(kind: TokenKind) -> Option<&'static str> {
    match kind {
        TokenKind::Access => Some("access_token"),
        TokenKind::Refresh => Some("refresh_token"),
        TokenKind::Session | TokenKind::Id => None,
    }
}

/// Why something that is no grant is refused; `None` where the provider does not do such a thing.
pub(crate) fn refusal(answer: &Answer) -> Option<ProviderFailure> {
    if answer.status == 400 && error_code(&answer.body) == Some("unsupported_token_type".into()) {
        return None;
    }
    let failure = refused_answer(answer.status, answer.retry_after, &answer.body);
    Some(match failure {
        // A code of the token endpoint's; no other endpoint can say that of a grant.
        ProviderFailure::ReauthRequired => {
            let problem = format!("status {}, invalid_grant", answer.status);
            ProviderFailure::RequestRefused(problem)
        }
        other => other,
    })
}

fn error_code(body: &[u8]) -> Option<String> {
    let body = parse_strict_json(body).ok()?;
    Some(body.get("error")?.as_str()?.to_owned())
}

/// RFC 7662 §2.2.
pub(crate) fn introspection(body: &[u8]) -> Result<Introspection, ProviderFailure> {
    const UNREADABLE: &str = "what it says of a token cannot be read";
    let unreadable = || ProviderFailure::Unavailable(UNREADABLE.to_owned());
    let Ok(Value::Object(members)) = parse_strict_json(body) else {
        return Err(unreadable());
    };
    match members.get("active") {
        Some(Value::Bool(true)) => active(&members).ok_or_else(unreadable),
        Some(Value::Bool(false)) => Ok(Introspection::default()),
        _ => Err(unreadable()),
    }
}

fn active(members: &Map<String, Value>) -> Option<Introspection> {
    let text = |name| match members.get(name) {
        None | Some(Value::Null) => Some(None),
        Some(Value::String(text)) if text.len() <= MAX_TEXT_BYTES => Some(Some(text.as_str())),
        Some(_) => None,
    };
    let scope = text("scope")?.unwrap_or_default();
    let expires_at = match members.get("exp") {
        None | Some(Value::Null) => None,
        Some(end) => Some(DateTime::from_timestamp_millis(crate::claims::millis(
            end,
        )?)?),
    };
    Some(Introspection {
        is_active: true,
        scopes: scope.split_ascii_whitespace().map(Box::from).collect(),
        client_id: text("client_id")?.map(Box::from),
        subject: text("sub")?.map(Box::from),
        expires_at,
    })
}
