use serde::Deserialize;
use utoipa::ToSchema;

/// A token that is asked about (RFC 7662 §2.1) or taken back (RFC 7009 §2.1).
#[derive(Deserialize, ToSchema)]
pub(crate) struct TokenForm {
    /// A session token or an access token.
    pub(crate) token: String,
    /// Not needed: a token says by its form what it is.
    #[schema(example = "access_token")]
    #[expect(dead_code, reason = "clients send it, and it changes nothing")]
    token_type_hint: Option<String>,
}
