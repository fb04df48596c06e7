use session_core::Lifetime;

use super::{PublicUrl, ReturnPaths};

/// What logins with providers go by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProviderLoginPolicy {
    /// Where users reach this server (`SESSION_PUBLIC_URL`); without it nobody can come back from a
    /// provider.
    pub public_url: Option<PublicUrl>,
    /// Where a login may lead to (`SESSION_RETURN_PATHS`).
    pub return_paths: ReturnPaths,
    /// How long a session lives that such a login begins: the library's default.
    pub lifetime: Lifetime,
}
