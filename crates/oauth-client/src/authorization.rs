use reqwest::Url;
use session_core::AuthorizationRequest;

use crate::checked::Checked;

/// The parameters of the authorization URL that nobody else sets: those of every login, and those
/// that would replace them all (RFC 9101) or change the way back.
pub(crate) const OURS: &[&str] = &[
    "response_type",
    "client_id",
    "client_secret",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "response_mode",
    "request",
    "request_uri",
];

/// Where to send a user (RFC 6749 §4.1.1, RFC 7636 §4.3, OpenID Connect Core §3.1.2.1). What the
/// endpoint's URL has in its query stays there.
pub(crate) fn authorization_url(
    settings: &Checked,
    endpoint: &Url,
    request: &AuthorizationRequest,
) -> String {
    let mut url = endpoint.clone();
    {
        let mut query = url.query_pairs_mut();
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", &settings.client_id)
            .append_pair("redirect_uri", &request.redirect_uri);
        if !settings.scope.is_empty() {
            query.append_pair("scope", &settings.scope);
        }
        query
            .append_pair("state", &request.state)
            .append_pair("nonce", &request.nonce)
            .append_pair("code_challenge", request.challenge.as_str())
            .append_pair("code_challenge_method", "S256")
            .extend_pairs(&settings.parameters);
    }
    url.into()
}
