//! The names, defaults and meanings of a provider's settings: what is not here is not read.

use crate::settings::table::{SWITCH, Setting, setting};

const URL: &str = "an `https` URL; `http` on this machine alone";

/// What stands in a table `[providers.NAME]` of the settings file, by the names there. In the
/// environment: `PROVIDER_<NAME>_<MEMBER>`.
pub(crate) const MEMBERS: &[Setting] = &[
    setting(
        "client_id",
        None,
        "a text",
        "How the provider knows this server. Must be given.",
    ),
    setting(
        "client_secret",
        None,
        "a text",
        "What proves it. Better kept out of the settings file: in the environment, or in a file of its own.",
    ),
    setting(
        "client_secret_file",
        None,
        "a path",
        "The file that holds the secret, and nothing else.",
    ),
    setting(
        "client_authentication",
        Some("basic"),
        "`basic`, `post` or `none`",
        "Where the secret goes: into a header (`client_secret_basic`), into the body (`client_secret_post`), or nowhere, for a client without one.",
    ),
    setting(
        "issuer",
        None,
        URL,
        "The provider's issuer identifier. What it says of itself there (OpenID Connect Discovery, RFC 8414) are the endpoints that are not given here. Must be given for signing in with it.",
    ),
    setting(
        "token_endpoint",
        None,
        URL,
        "Where tokens are renewed. Must be given without an `issuer`.",
    ),
    setting(
        "authorization_endpoint",
        None,
        URL,
        "Where users are sent to sign in.",
    ),
    setting(
        "introspection_endpoint",
        None,
        URL,
        "Where it can be asked whether a token is good (RFC 7662).",
    ),
    setting(
        "revocation_endpoint",
        None,
        URL,
        "Where it is told that tokens are not wanted any more (RFC 7009).",
    ),
    setting(
        "jwks_uri",
        None,
        URL,
        "Where the keys are that its ID tokens are signed with.",
    ),
    setting(
        "scopes",
        Some("openid"),
        "an array, or a text with spaces between them",
        "What users are asked to grant when they sign in with it.",
    ),
    setting(
        "prompt",
        None,
        "a text",
        "The parameter `prompt` of a login: `consent`, where the provider gives no refresh token without.",
    ),
    setting(
        "parameters",
        None,
        "a table of texts; in the environment `name=value&name=value`, encoded as in a URL",
        "More parameters of a login.",
    ),
    setting(
        "names_itself",
        Some("false"),
        SWITCH,
        "Whether it says who it is when it sends a user back (RFC 9207), if what it says of itself does not tell.",
    ),
    setting(
        "timeout",
        Some("20"),
        "a whole number of seconds from 1 to 120",
        "How long one call of the provider may take.",
    ),
    setting(
        "ca_file",
        None,
        "the path of a PEM file",
        "A certification authority that is believed for this provider, besides the usual ones.",
    ),
];

/// The member of a name.
pub(crate) fn find(name: &str) -> Option<&'static Setting> {
    MEMBERS.iter().find(|member| member.name == name)
}

/// What all of a provider's environment variables begin with.
pub(crate) fn prefix(provider: &str) -> String {
    let name = provider.to_ascii_uppercase().replace('-', "_");
    format!("PROVIDER_{name}_")
}

/// The provider, in capitals, and the member that an environment variable names.
pub(crate) fn split(variable: &str) -> Option<(&str, &'static str)> {
    let rest = variable.strip_prefix("PROVIDER_")?;
    MEMBERS.iter().find_map(|member| {
        let suffix = format!("_{}", member.name.to_ascii_uppercase());
        let provider = rest.strip_suffix(&suffix)?;
        (!provider.is_empty()).then_some((provider, member.name))
    })
}
