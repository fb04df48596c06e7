//! What the provider does when nothing goes wrong.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use serde_json::{Value, json};
use session_core::CodeChallenge;

use crate::grants::{Code, Issued};
use crate::state::State;
use crate::{Answer, Call, Endpoint};

/// What is asked at this path.
pub(crate) fn endpoint(path: &str) -> Option<Endpoint> {
    Some(match path {
        "/.well-known/openid-configuration" | "/.well-known/oauth-authorization-server" => {
            Endpoint::Discovery
        }
        "/jwks" => Endpoint::Keys,
        "/authorize" => Endpoint::Authorization,
        "/token" => Endpoint::Token,
        "/introspect" => Endpoint::Introspection,
        "/revoke" => Endpoint::Revocation,
        _ => return None,
    })
}

pub(crate) fn path(endpoint: Endpoint) -> &'static str {
    match endpoint {
        Endpoint::Discovery => "/.well-known/openid-configuration",
        Endpoint::Keys => "/jwks",
        Endpoint::Authorization => "/authorize",
        Endpoint::Token => "/token",
        Endpoint::Introspection => "/introspect",
        Endpoint::Revocation => "/revoke",
    }
}

/// Does what a call asks for.
pub(crate) fn work(state: &mut State, call: &Call) -> Answer {
    let expected = match call.endpoint {
        Endpoint::Discovery | Endpoint::Keys | Endpoint::Authorization => "GET",
        Endpoint::Token | Endpoint::Introspection | Endpoint::Revocation => "POST",
    };
    if call.method != expected {
        return Answer::status(405).with_header("allow", expected);
    }
    match call.endpoint {
        Endpoint::Discovery => discovery(state, call),
        Endpoint::Keys => keys(state),
        Endpoint::Authorization => authorize(state, call),
        Endpoint::Token => guarded(state, call, token),
        Endpoint::Introspection if state.settings.introspects => guarded(state, call, introspect),
        Endpoint::Revocation if state.settings.revokes => guarded(state, call, revoke),
        Endpoint::Introspection | Endpoint::Revocation => Answer::status(404),
    }
}

fn discovery(state: &State, call: &Call) -> Answer {
    let is_there = if call.target.contains("openid-configuration") {
        state.settings.has_openid_configuration
    } else {
        state.settings.has_oauth_configuration
    };
    if !is_there {
        return Answer::status(404);
    }
    Answer::json(description(state).to_string())
}

/// OpenID Connect Discovery 1.0 §3, RFC 8414 §2.
pub(crate) fn description(state: &State) -> Value {
    let url = |endpoint| format!("{}{}", state.issuer, path(endpoint));
    let mut document = json!({
        "issuer": state.issuer,
        "authorization_endpoint": url(Endpoint::Authorization),
        "token_endpoint": url(Endpoint::Token),
        "jwks_uri": url(Endpoint::Keys),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [state.settings.algorithm.as_str()],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported":
            ["client_secret_basic", "client_secret_post", "none"],
    });
    if state.settings.introspects {
        document["introspection_endpoint"] = url(Endpoint::Introspection).into();
    }
    if state.settings.revokes {
        document["revocation_endpoint"] = url(Endpoint::Revocation).into();
    }
    if state.settings.names_itself {
        document["authorization_response_iss_parameter_supported"] = true.into();
    }
    document
}

fn keys(state: &State) -> Answer {
    let keys: Vec<Value> = state.keys.iter().map(crate::Key::public).collect();
    Answer::json(json!({ "keys": keys }).to_string())
}

fn authorize(state: &mut State, call: &Call) -> Answer {
    let wrong = |what: &str| Answer::error(400, "invalid_request").with_header("x-wrong", what);
    let Some(redirect_uri) = call.get("redirect_uri") else {
        return wrong("redirect_uri");
    };
    if call.get("client_id") != Some(&state.settings.client_id) {
        return wrong("client_id");
    }
    if call.get("response_type") != Some("code") {
        return wrong("response_type");
    }
    if call.get("code_challenge").is_some() && call.get("code_challenge_method") != Some("S256") {
        return wrong("code_challenge_method");
    }
    let mut members: Vec<(&str, String)> = Vec::new();
    match state.signs_in.clone() {
        Ok(subject) => {
            let scope = call.get("scope").unwrap_or_default();
            let grant = state.open_grant(&subject, scope);
            let text = state.secret("code");
            let code = Code {
                grant,
                redirect_uri: redirect_uri.to_owned(),
                challenge: call.get("code_challenge").map(str::to_owned),
                nonce: call.get("nonce").map(str::to_owned),
                is_used: false,
            };
            state.grants.add_code(text.clone(), code);
            members.push(("code", text));
        }
        Err(error) => members.push(("error", error)),
    }
    if let Some(value) = call.get("state") {
        members.push(("state", value.to_owned()));
    }
    if state.settings.names_itself {
        members.push(("iss", state.issuer.clone()));
    }
    let query = serde_urlencoded::to_string(&members).expect("plain pairs");
    let separator = if redirect_uri.contains('?') { '&' } else { '?' };
    let location = format!("{redirect_uri}{separator}{query}");
    Answer::status(303).with_header("location", &location)
}

/// The client must be who it says (RFC 6749 §2.3).
fn guarded(state: &mut State, call: &Call, work: fn(&mut State, &Call) -> Answer) -> Answer {
    for name in [
        "refresh_token",
        "token",
        "code",
        "code_verifier",
        "client_secret",
    ] {
        if let Some(secret) = call.get(name) {
            state.remember(secret);
        }
    }
    let basic = call.header("authorization").map(basic);
    let shown = match (basic, call.get("client_secret")) {
        (Some(_), Some(_)) => return Answer::error(400, "invalid_request"),
        (Some(Some((id, secret))), None) => {
            state.remember(&secret);
            (Some(id), Some(secret))
        }
        (Some(None), None) => (None, None),
        (None, secret) => (
            call.get("client_id").map(str::to_owned),
            secret.map(str::to_owned),
        ),
    };
    let known = (
        Some(state.settings.client_id.clone()),
        state.settings.client_secret.clone(),
    );
    if shown != known {
        return Answer::error(401, "invalid_client")
            .with_header("www-authenticate", "Basic realm=\"provider\"");
    }
    work(state, call).with_header("cache-control", "no-store")
}

/// Id and secret, each form-encoded (RFC 6749 §2.3.1).
fn basic(header: &str) -> Option<(String, String)> {
    let text = STANDARD.decode(header.strip_prefix("Basic ")?).ok()?;
    let text = String::from_utf8(text).ok()?;
    let (id, secret) = text.split_once(':')?;
    let plain = |part: &str| {
        let form = format!("part={part}");
        let members: Vec<(String, String)> = serde_urlencoded::from_str(&form).ok()?;
        <[(String, String); 1]>::try_from(members)
            .ok()
            .map(|[(_, value)]| value)
    };
    Some((plain(id)?, plain(secret)?))
}

fn token(state: &mut State, call: &Call) -> Answer {
    match call.get("grant_type") {
        Some("refresh_token") => refresh(state, call),
        Some("authorization_code") => exchange(state, call),
        _ => Answer::error(400, "unsupported_grant_type"),
    }
}

/// RFC 6749 §6.
fn refresh(state: &mut State, call: &Call) -> Answer {
    let Some(token) = call.refresh_token() else {
        return Answer::error(400, "invalid_request");
    };
    let rotates = state.settings.rotates;
    match state.grants.use_refresh(token, rotates) {
        Some(grant) => answer(&state.issue(grant, None, rotates)),
        None => Answer::error(400, "invalid_grant"),
    }
}

/// RFC 6749 §4.1.3, RFC 7636 §4.6.
fn exchange(state: &mut State, call: &Call) -> Answer {
    let refused = || Answer::error(400, "invalid_grant");
    let Some(code) = call
        .get("code")
        .and_then(|code| state.grants.use_code(code))
    else {
        return refused();
    };
    let challenge = call.get("code_verifier").map(CodeChallenge::of);
    if call.get("redirect_uri") != Some(&code.redirect_uri)
        || challenge.as_ref().map(CodeChallenge::as_str) != code.challenge.as_deref()
    {
        return refused();
    }
    let refresh = state.settings.issues_refresh_tokens;
    answer(&state.issue(code.grant, code.nonce.as_deref(), refresh))
}

fn answer(issued: &Issued) -> Answer {
    let mut body = json!({
        "access_token": issued.access_token,
        "token_type": "Bearer",
        "scope": issued.scope,
    });
    if let Some(expires_in) = issued.expires_in {
        body["expires_in"] = TimeDelta::num_seconds(&expires_in).into();
    }
    if let Some(token) = &issued.refresh_token {
        body["refresh_token"] = token.as_str().into();
    }
    if let Some(token) = &issued.id_token {
        body["id_token"] = token.as_str().into();
    }
    Answer::json(body.to_string())
}

/// RFC 7662 §2.2.
fn introspect(state: &mut State, call: &Call) -> Answer {
    let now = state.settings.now();
    let token = call.get("token").unwrap_or_default();
    let client = state.settings.client_id.clone();
    let access = state.grants.good_access(token, now);
    let of = |grant| {
        let grant = state.grants.grant(grant);
        json!({
            "active": true,
            "scope": grant.scope,
            "client_id": client,
            "sub": grant.subject,
        })
    };
    let body = if let Some(access) = access {
        let mut body = of(access.grant);
        body["token_type"] = "Bearer".into();
        body["iat"] = access.issued_at.timestamp().into();
        if let Some(end) = access.expires_at {
            body["exp"] = end.timestamp().into();
        }
        body
    } else if let Some(grant) = state.grants.good_refresh(token) {
        of(grant)
    } else {
        json!({ "active": false })
    };
    Answer::json(body.to_string())
}

/// RFC 7009 §2: whatever the token was, it is 200. Any token of a grant ends all of it.
fn revoke(state: &mut State, call: &Call) -> Answer {
    let Some(token) = call.get("token") else {
        return Answer::error(400, "invalid_request");
    };
    if let Some(grant) = state.grants.grant_of(token) {
        state.grants.end(grant);
    }
    Answer::status(200)
}
