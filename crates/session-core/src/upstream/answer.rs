use chrono::TimeDelta;
use serde_json::{Map, Value};
use zeroize::Zeroize as _;

use super::{ProviderFailure, refused_answer};
use crate::{ProviderToken, parse_strict_json};

/// What a token endpoint gave (RFC 6749 §5.1, OpenID Connect Core §3.1.3.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenAnswer {
    /// The access token.
    pub access_token: ProviderToken,
    /// How it is to be used; `Bearer` where the provider does not say.
    pub token_type: Box<str>,
    /// For how long it is good from the time of the request on, if the provider says.
    pub expires_in: Option<TimeDelta>,
    /// The refresh token from now on; `None` where the one that was used stays.
    pub refresh_token: Option<ProviderToken>,
    /// The ID token.
    pub id_token: Option<ProviderToken>,
    /// What was granted, where that is not what was asked for.
    pub scopes: Option<Vec<Box<str>>>,
}

/// Longest life of an access token that is believed: a year. Whoever says more is taken to have said
/// this: never that there is no end (requirement 47), and the tokens are not thrown away for it, since
/// they may have replaced the old ones.
const LONGEST_LIFE_SECONDS: f64 = 366.0 * 24.0 * 3600.0;
const MAX_SCOPE_BYTES: usize = 128;
const MAX_SCOPES: usize = 64;

/// Sorts a token endpoint's answer: tokens, or what follows from there being none.
///
/// # Errors
/// [`ProviderFailure`].
pub fn token_answer(
    status: u16,
    retry_after: Option<TimeDelta>,
    body: &[u8],
) -> Result<TokenAnswer, ProviderFailure> {
    if !(200..300).contains(&status) {
        return Err(refused_answer(status, retry_after, body));
    }
    // The provider did what was asked for: whatever is wrong with its answer, the token that was sent
    // may be used up.
    let unusable = |problem: &str| ProviderFailure::Ambiguous(problem.to_owned());
    let Ok(Value::Object(mut members)) = parse_strict_json(body) else {
        return Err(unusable("the answer is no JSON object"));
    };
    let answer = read(&members).map_err(unusable);
    wipe(&mut members);
    answer
}

fn read(members: &Map<String, Value>) -> Result<TokenAnswer, &'static str> {
    let access_token = token(members, "access_token")?.ok_or("the answer has no access token")?;
    let token_type = match members.get("token_type") {
        None | Some(Value::Null) => "Bearer".into(),
        Some(Value::String(kind)) if is_word(kind) => kind.as_str().into(),
        Some(_) => return Err("the answer's token type cannot be read"),
    };
    Ok(TokenAnswer {
        access_token,
        token_type,
        expires_in: lifetime(members.get("expires_in"))?,
        refresh_token: token(members, "refresh_token")?,
        // To throw the tokens away for what is beside them would lose them: the one that was sent may
        // be used up.
        id_token: token(members, "id_token").unwrap_or_default(),
        scopes: members.get("scope").and_then(scopes),
    })
}

fn token(
    members: &Map<String, Value>,
    name: &'static str,
) -> Result<Option<ProviderToken>, &'static str> {
    match members.get(name) {
        None | Some(Value::Null) => Ok(None),
        // Some providers say so that there is none.
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(Value::String(text)) => ProviderToken::new(name, text)
            .map(Some)
            .map_err(|_| "a token of the answer cannot be read"),
        Some(_) => Err("a token of the answer is no text"),
    }
}

/// Seconds, as a number or, as some providers have it, as digits in a text.
fn lifetime(value: Option<&Value>) -> Result<Option<TimeDelta>, &'static str> {
    const UNREADABLE: &str = "the answer's lifetime cannot be read";
    let seconds = match value {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Number(number)) => number.as_f64(),
        Some(Value::String(digits)) if digits.bytes().all(|b| b.is_ascii_digit()) => {
            digits.parse().ok()
        }
        Some(_) => None,
    };
    let seconds = seconds
        .filter(|seconds: &f64| *seconds >= 0.0)
        .ok_or(UNREADABLE)?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "from 0 to a year's worth of milliseconds"
    )]
    let millis = (seconds.min(LONGEST_LIFE_SECONDS) * 1000.0) as i64;
    Ok(Some(TimeDelta::milliseconds(millis)))
}

/// Words with spaces between them or, as some providers have it, a list of words; `None` for what cannot
/// be read.
fn scopes(value: &Value) -> Option<Vec<Box<str>>> {
    let words: Vec<&str> = match value {
        Value::String(text) => text.split(' ').filter(|word| !word.is_empty()).collect(),
        Value::Array(words) => words.iter().map(Value::as_str).collect::<Option<_>>()?,
        _ => return None,
    };
    let fits = words.len() <= MAX_SCOPES && words.iter().all(|word| is_word(word));
    fits.then(|| words.into_iter().map(Box::from).collect())
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_SCOPE_BYTES && text.bytes().all(|b| b.is_ascii_graphic())
}

fn wipe(members: &mut Map<String, Value>) {
    for value in members.values_mut() {
        if let Value::String(text) = value {
            text.zeroize();
        }
    }
}
