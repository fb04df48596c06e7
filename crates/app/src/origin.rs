use std::fmt;
use std::net::IpAddr;

/// Where a call comes from, for the audit log. Borrows everything: to make one costs nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Origin<'a> {
    /// Who calls.
    pub actor: Actor<'a>,
    /// From which address.
    pub ip_address: Option<IpAddr>,
    /// With which `User-Agent`.
    pub user_agent: Option<&'a str>,
    /// In which request.
    pub request_id: Option<&'a str>,
    /// By which route: its template, never the path as sent.
    pub endpoint: Option<&'a str>,
    /// By which HTTP method.
    pub method: Option<&'a str>,
}

impl Origin<'_> {
    /// Nobody's call: what the system does by itself.
    #[must_use]
    pub fn system() -> Self {
        Self::default()
    }
}

/// Who calls.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Actor<'a> {
    /// The system by itself.
    #[default]
    System,
    /// Whoever holds a session token that is yet to be judged.
    Bearer,
    /// A backend with a service key.
    Service,
    /// An operator with an admin key.
    Admin,
    /// A user with a session whose role is `admin`.
    AdminUser(&'a str),
    /// A user.
    User(&'a str),
    /// An outside provider, by its own word.
    Provider(&'a str),
}

impl fmt::Display for Actor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System => f.write_str("system"),
            Self::Bearer => f.write_str("bearer"),
            Self::Service => f.write_str("service"),
            Self::Admin => f.write_str("admin"),
            Self::AdminUser(user) => write!(f, "admin:{user}"),
            Self::User(user) => write!(f, "user:{user}"),
            Self::Provider(name) => write!(f, "provider:{name}"),
        }
    }
}
