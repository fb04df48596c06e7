use scripted_provider::{Endpoint, ScriptedProvider};
use serde_json::Value;

/// A status and a body, or `None` where no answer came.
pub(crate) type Answered = Option<(u16, Value)>;

/// Posts a form as the client that the provider knows.
pub(crate) fn post(
    provider: &ScriptedProvider,
    endpoint: Endpoint,
    form: &[(&str, &str)],
) -> Answered {
    let id = provider.client_id();
    let secret = provider.client_secret();
    let mut members = vec![("client_id", id.as_str())];
    members.extend(secret.as_deref().map(|secret| ("client_secret", secret)));
    members.extend(form);
    post_as(&provider.url(endpoint), &members)
}

pub(crate) fn post_as(url: &str, form: &[(&str, &str)]) -> Answered {
    let response = agent().post(url).send_form(form.iter().copied());
    answered(response)
}

pub(crate) fn get(url: &str) -> Answered {
    answered(agent().get(url).call())
}

fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false);
    config.build().into()
}

fn answered(response: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Answered {
    let mut response = response.ok()?;
    let body = response.body_mut().read_to_string().ok()?;
    let body = serde_json::from_str(&body).unwrap_or_default();
    Some((response.status().as_u16(), body))
}

pub(crate) fn refresh(provider: &ScriptedProvider, token: &str) -> Answered {
    let form = [("grant_type", "refresh_token"), ("refresh_token", token)];
    post(provider, Endpoint::Token, &form)
}

/// A member of an answer that came with 200.
pub(crate) fn member(answered: &Answered, name: &str) -> String {
    let (status, body) = answered.as_ref().expect("an answer");
    assert_eq!(*status, 200, "{body}");
    body[name].as_str().expect(name).to_owned()
}
