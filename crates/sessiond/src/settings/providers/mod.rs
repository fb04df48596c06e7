//! Outside providers: who they are, and how their tokens are renewed.

mod given;
mod members;
mod one;

use app::TokenPolicy;
use app::wiring::ProviderSettings;
use chrono::TimeDelta;
use session_core::{ProviderName, RefreshConfig, RetryConfig};
use zeroize::Zeroizing;

pub(crate) use given::GivenProviders;
use given::{Given, Member};
pub(crate) use members::MEMBERS;

use super::parse::{self, Reader};

/// The provider that has settings of its own: those of the systems that sessiond replaces.
const OPENROUTER: &str = "openrouter";
const OPENROUTER_SETTINGS: [(&str, &str); 2] = [
    ("client_id", "OPENROUTER_CLIENT_ID"),
    ("client_secret", "OPENROUTER_CLIENT_SECRET"),
];
/// Where it is, unless its settings say otherwise.
const OPENROUTER_ENDPOINTS: [(&str, &str); 2] = [
    ("token_endpoint", "https://openrouter.ai/api/v1/auth/token"),
    (
        "introspection_endpoint",
        "https://openrouter.ai/api/v1/auth/introspect",
    ),
];

/// The providers that the settings name.
pub(super) fn read(reader: &mut Reader<'_>, mut given: GivenProviders) -> Vec<ProviderSettings> {
    add_openrouter(reader, &mut given);
    let mut providers = Vec::new();
    for (name, given) in given.iter() {
        match ProviderName::new(name) {
            Ok(name) => providers.extend(one::read(reader, name, given)),
            Err(_) => {
                let problem = format!(
                    "is no name for a provider: it takes 1 to {} of `a`-`z`, `0`-`9`, `-` and `_`",
                    ProviderName::MAX_BYTES
                );
                reader.complain(&format!("providers.{name}"), &problem);
            }
        }
    }
    providers
}

fn add_openrouter(reader: &mut Reader<'_>, given: &mut GivenProviders) {
    let mut own = Vec::new();
    for (member, setting) in OPENROUTER_SETTINGS {
        let text = reader.read_optional(setting, parse::secret);
        own.extend(text.map(|text| {
            let place = setting.to_owned();
            (member, Member { text, place })
        }));
    }
    let is_there = given.iter().any(|(name, _)| name == OPENROUTER);
    if own.is_empty() && !is_there {
        return;
    }
    for member in given.add(OPENROUTER, own) {
        let problem = "contradicts the settings of the provider `openrouter`: give one of the two";
        reader.complain(&member.place, problem);
    }
    let is_elsewhere = given.iter().any(|(name, given)| {
        name == OPENROUTER && (given.contains_key("issuer") || given.contains_key("token_endpoint"))
    });
    if !is_elsewhere {
        let endpoints = OPENROUTER_ENDPOINTS.map(|(member, url)| {
            let (text, place) = (Zeroizing::new(url.to_owned()), member.to_owned());
            (member, Member { text, place })
        });
        // What is given wins.
        given.add(OPENROUTER, endpoints);
    }
}

/// When tokens are renewed, and how often providers are asked.
pub(super) fn read_policy(reader: &mut Reader<'_>) -> Option<TokenPolicy> {
    let proactive = reader.read("PROVIDER_REFRESH_AHEAD", parse::span);
    let grace = reader.read("PROVIDER_TOKEN_GRACE", parse::span);
    let rate = reader.read("PROVIDER_REFRESH_RATE", parse::limit);
    let max_tries = reader.read("PROVIDER_MAX_TRIES", parse::limit);
    let initial_delay = reader.read("PROVIDER_RETRY_DELAY", parse::positive_span);
    let max_delay = reader.read("PROVIDER_RETRY_MAX_DELAY", parse::positive_span);
    let retention = reader.read("PROVIDER_REFRESH_RETENTION", parse::positive_span);
    let (initial_delay, max_delay): (TimeDelta, TimeDelta) = (initial_delay?, max_delay?);
    if initial_delay > max_delay {
        let problem = "must not be over PROVIDER_RETRY_MAX_DELAY";
        reader.complain("PROVIDER_RETRY_DELAY", problem);
    }
    Some(TokenPolicy {
        refresh: RefreshConfig {
            proactive: proactive?,
            grace: grace?,
        },
        retry: RetryConfig {
            max_tries: max_tries?,
            initial_delay,
            max_delay,
        },
        rate: rate?,
        retention: retention?,
        ..TokenPolicy::default()
    })
}

#[cfg(test)]
mod tests;
