//! The tokens of an outside provider that a backend gives with a new session.

use app::{NewTokens, OpenTokens, Provider, Providers};
use chrono::{DateTime, TimeDelta, Utc};
use session_core::{InvalidInput, ProviderName, ProviderToken};

use crate::problem::Problem;

/// Longest life of an access token in seconds: a year, as for those that the provider gives itself.
const MAX_EXPIRES_IN: i64 = 366 * 24 * 3600;

/// The members of a request that only a session with tokens has.
pub(super) struct GivenTokens {
    pub(super) access_token: Option<String>,
    pub(super) refresh_token: Option<String>,
    pub(super) id_token: Option<String>,
    pub(super) expires_in: Option<i64>,
}

impl GivenTokens {
    /// The tokens to keep; `None` where the request has none of the members.
    ///
    /// Nothing is checked that only the provider could tell: whether the tokens are its own, and whose
    /// they are, is the word of the backend, which has a service key.
    pub(super) fn checked(
        self,
        provider: Option<&str>,
        scopes: Vec<Box<str>>,
        providers: &Providers,
        now: DateTime<Utc>,
    ) -> Result<Option<NewTokens>, Problem> {
        let Self {
            access_token,
            refresh_token,
            id_token,
            expires_in,
        } = self;
        let Some(access) = token("access_token", access_token)? else {
            if refresh_token.is_none() && id_token.is_none() && expires_in.is_none() {
                return Ok(None);
            }
            let problem = "must be given with `refresh_token`, `id_token` and `expires_in`";
            return Err(InvalidInput::new("access_token", problem).into());
        };
        let tokens = OpenTokens {
            access,
            refresh: token("refresh_token", refresh_token)?,
            id: token("id_token", id_token)?,
        };
        let access_expires_at = expires_in
            .map(lifetime)
            .transpose()?
            .map(|lifetime| now + lifetime);
        Ok(Some(NewTokens {
            provider: named(provider, providers)?.name.clone(),
            tokens,
            token_type: "Bearer".into(),
            access_expires_at,
            scopes,
            provider_session: None,
        }))
    }
}

fn token(field: &'static str, text: Option<String>) -> Result<Option<ProviderToken>, InvalidInput> {
    text.map(|text| ProviderToken::new(field, &text))
        .transpose()
}

fn lifetime(seconds: i64) -> Result<TimeDelta, InvalidInput> {
    if !(0..=MAX_EXPIRES_IN).contains(&seconds) {
        let problem = format_args!("must be from 0 to {MAX_EXPIRES_IN} seconds");
        return Err(InvalidInput::new("expires_in", problem));
    }
    Ok(TimeDelta::seconds(seconds))
}

/// The provider of a name; the only one there is where there is no name.
fn named<'a>(name: Option<&str>, providers: &'a Providers) -> Result<&'a Provider, Problem> {
    let found = match name {
        Some(name) => ProviderName::new(name)
            .ok()
            .and_then(|name| providers.get(&name)),
        None => providers.only(),
    };
    let found = found.map(|provider| &**provider);
    found.ok_or_else(|| Problem::malformed("unknown_provider", which(name.is_some(), providers)))
}

/// What to do about a provider that was not found. Repeats nothing that was sent.
fn which(is_named: bool, providers: &Providers) -> String {
    let names: Vec<_> = providers.iter().map(|one| one.name.as_str()).collect();
    let names = names.join("`, `");
    match (names.is_empty(), is_named) {
        (true, _) => {
            "The settings of this server name no provider, so it keeps no tokens of one.".to_owned()
        }
        (false, true) => format!("`provider` must be one of those in the settings: `{names}`."),
        (false, false) => format!("`provider` must say which of `{names}` issued the tokens."),
    }
}
