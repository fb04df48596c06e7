use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use serde_json::{Map, Value};
use session_core::{ProviderFailure, parse_strict_json, refused_answer};

use crate::checked::{Endpoints, Issuer, Loopback, holds_ours, is_loopback, url};
use crate::http::{Answer, Http};

/// Longest description, and longest list of keys, in bytes.
pub(crate) const MAX_BYTES: usize = 256 * 1024;

/// What a provider says of itself (RFC 8414 §2, OpenID Connect Discovery 1.0 §3).
#[derive(Debug)]
pub(crate) struct Description {
    pub(crate) endpoints: Endpoints,
    pub(crate) names_itself: bool,
}

/// Fetches an issuer's description, at the one address or at the other.
pub(crate) async fn fetch(
    http: Http,
    issuer: Issuer,
    timeout: Duration,
) -> Result<Description, ProviderFailure> {
    let openid = read(&http, openid_configuration(&issuer.url), timeout).await?;
    let answer = match openid {
        // It has none there. RFC 8414 has it elsewhere.
        Answer { status, .. } if (400..500).contains(&status) && status != 429 => {
            read(&http, oauth_configuration(&issuer.url), timeout).await?
        }
        answer => answer,
    };
    let members = document(&answer)?;
    understood(&members, &issuer)
}

/// OpenID Connect Discovery 1.0 §4.1: behind the path.
fn openid_configuration(issuer: &Url) -> Url {
    let mut url = issuer.clone();
    let path = issuer.path().trim_end_matches('/');
    url.set_path(&format!("{path}/.well-known/openid-configuration"));
    url
}

/// RFC 8414 §3.1: before the path.
fn oauth_configuration(issuer: &Url) -> Url {
    let mut url = issuer.clone();
    let path = issuer.path().trim_end_matches('/');
    url.set_path(&format!("/.well-known/oauth-authorization-server{path}"));
    url
}

/// Reads at a URL. A read has no effect, so that none can be in doubt.
pub(crate) async fn read(
    http: &Http,
    url: Url,
    timeout: Duration,
) -> Result<Answer, ProviderFailure> {
    let answer = http.send(http.get(url), MAX_BYTES, timeout).await;
    answer.map_err(without_effect)
}

/// The JSON object of an answer to a read.
pub(crate) fn document(answer: &Answer) -> Result<Map<String, Value>, ProviderFailure> {
    if answer.status != 200 {
        let failure = refused_answer(answer.status, answer.retry_after, &answer.body);
        return Err(without_effect(failure));
    }
    match parse_strict_json(&answer.body) {
        Ok(Value::Object(members)) => Ok(members),
        _ => Err(unavailable("what it says of itself is no JSON object")),
    }
}

/// What a failure means where nothing was asked for that could be done or refused.
pub(crate) fn without_effect(failure: ProviderFailure) -> ProviderFailure {
    match failure {
        ProviderFailure::Ambiguous(problem) => ProviderFailure::Unavailable(problem),
        ProviderFailure::ReauthRequired => {
            ProviderFailure::RequestRefused("a grant was not asked for".to_owned())
        }
        ProviderFailure::ClientRefused(problem) => ProviderFailure::RequestRefused(problem),
        other => other,
    }
}

fn understood(
    members: &Map<String, Value>,
    issuer: &Issuer,
) -> Result<Description, ProviderFailure> {
    // RFC 8414 §3.3: or anyone could describe anyone.
    if members.get("issuer").and_then(Value::as_str) != Some(&issuer.text) {
        let problem = "its description is another issuer's";
        return Err(ProviderFailure::RequestRefused(problem.to_owned()));
    }
    // What is on this machine is nobody's business but of who is there too.
    let loopback = if is_loopback(&issuer.url) {
        Loopback::Allowed
    } else {
        Loopback::Refused
    };
    let endpoint = |name: &str| match members.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => url(text, loopback)
            .map(Some)
            .map_err(|problem| refused(name, problem)),
        Some(_) => Err(refused(name, "is no text")),
    };
    let authorization = endpoint("authorization_endpoint")?;
    if authorization.as_ref().is_some_and(holds_ours) {
        return Err(refused(
            "authorization_endpoint",
            crate::checked::HOLDS_OURS,
        ));
    }
    Ok(Description {
        endpoints: Endpoints {
            authorization,
            token: endpoint("token_endpoint")?,
            introspection: endpoint("introspection_endpoint")?,
            revocation: endpoint("revocation_endpoint")?,
            jwks: endpoint("jwks_uri")?,
        },
        names_itself: members.get("authorization_response_iss_parameter_supported")
            == Some(&Value::Bool(true)),
    })
}

fn refused(name: &str, problem: &str) -> ProviderFailure {
    ProviderFailure::RequestRefused(format!("its description's `{name}` {problem}"))
}

fn unavailable(problem: &str) -> ProviderFailure {
    ProviderFailure::Unavailable(problem.to_owned())
}

/// The description of a provider that has none to fetch.
pub(crate) fn none() -> Arc<Description> {
    Arc::new(Description {
        endpoints: Endpoints::default(),
        names_itself: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Or a provider could have us send our secret to whatever listens on this machine.
    #[test]
    fn a_provider_elsewhere_has_no_endpoint_on_this_machine() {
        for (issuer, endpoint, is_taken) in [
            ("https://id.example", "https://login.example/token", true),
            ("https://id.example", "https://127.0.0.1/token", false),
            ("https://id.example", "http://localhost:80/token", false),
            (
                "https://id.example",
                "http://[::ffff:127.0.0.1]/token",
                false,
            ),
            ("https://localhost", "https://127.0.0.1/token", true),
            ("http://127.0.0.1:1", "http://127.0.0.1:2/token", true),
        ] {
            let members = serde_json::json!({ "issuer": issuer, "token_endpoint": endpoint });
            let issuer = Issuer {
                text: issuer.to_owned(),
                url: Url::parse(issuer).unwrap(),
            };
            let read = understood(members.as_object().unwrap(), &issuer);
            assert_eq!(read.is_ok(), is_taken, "{} {endpoint}", issuer.text);
        }
    }

    #[test]
    fn the_two_addresses_are_on_either_side_of_the_path() {
        for (issuer, openid, oauth) in [
            ("https://a.example", "", ""),
            ("https://a.example/", "", ""),
            ("https://a.example/t/1", "/t/1", "/t/1"),
            ("https://a.example/t/1/", "/t/1", "/t/1"),
        ] {
            let url = Url::parse(issuer).unwrap();
            assert_eq!(
                openid_configuration(&url).as_str(),
                format!("https://a.example{openid}/.well-known/openid-configuration")
            );
            assert_eq!(
                oauth_configuration(&url).as_str(),
                format!("https://a.example/.well-known/oauth-authorization-server{oauth}")
            );
        }
    }
}
