//! Settings: from flags, then the environment, then a TOML file, then defaults.

mod parse;
mod providers;
mod redis;
mod source;
mod table;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use app::wiring::{ProviderSettings, RedisOptions};
use app::{
    AuditPolicy, Freshness, LoginPolicy, Policies, ProviderLoginPolicy, RevocationPolicy,
    SecurityPolicy, SessionPolicy,
};
use axum::http::HeaderName;
use chrono::TimeDelta;
use http_api::TrustedProxies;
use session_core::ports::{LimitPolicy, SessionLimit};
use session_core::{Lifetime, RiskPolicy, RiskWeights, TimeoutPolicy};
use zeroize::Zeroizing;

use crate::command_line::Options;
use parse::Reader;
use providers::GivenProviders;
use source::Sources;
pub(crate) use table::help;

/// Everything that can be set.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) listen: SocketAddr,
    pub(crate) data_dir: PathBuf,
    pub(crate) store: Store,
    pub(crate) db_path: PathBuf,
    pub(crate) cache_entries: usize,
    pub(crate) policies: Policies,
    pub(crate) cleanup_interval: Duration,
    pub(crate) session_header: HeaderName,
    pub(crate) secure_cookies: bool,
    pub(crate) trusted_proxies: TrustedProxies,
    pub(crate) require_https: bool,
    pub(crate) limit_creates: bool,
    pub(crate) admin_by_role: bool,
    pub(crate) log_level: String,
    pub(crate) log_requests: bool,
    pub(crate) service_keys: Vec<String>,
    pub(crate) admin_keys: Vec<String>,
    pub(crate) tokens: TokenSettings,
    pub(crate) providers: Vec<ProviderSettings>,
    pub(crate) encryption: EncryptionSettings,
    pub(crate) registration: bool,
    pub(crate) allowed_origins: Vec<String>,
    /// Names that were given but mean nothing to this version.
    pub(crate) without_effect: Vec<String>,
}

/// How access tokens are signed.
pub(crate) struct TokenSettings {
    pub(crate) issuer: String,
    pub(crate) audience: String,
    /// A key ring as text.
    pub(crate) keys: Option<Zeroizing<String>>,
    /// A secret that a backend has too.
    pub(crate) secret: Option<Zeroizing<String>>,
}

/// Shows no key.
impl fmt::Debug for TokenSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenSettings")
            .field("issuer", &self.issuer)
            .field("audience", &self.audience)
            .finish_non_exhaustive()
    }
}

/// How provider tokens are encrypted.
pub(crate) struct EncryptionSettings {
    /// A key ring as text.
    pub(crate) keys: Option<Zeroizing<String>>,
    pub(crate) lost: LostKeys,
}

/// Shows no key.
impl fmt::Debug for EncryptionSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EncryptionSettings")
            .field("lost", &self.lost)
            .finish_non_exhaustive()
    }
}

/// What to do where something is encrypted and no keys are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LostKeys {
    /// Do not start: the keys may only be in another place.
    Refuse,
    /// Start with new keys, and leave what the others encrypted as it is.
    Accept,
}

/// The names of the stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StoreKind {
    Sqlite,
    Memory,
    Redis,
}

/// Where sessions are kept.
#[derive(Debug, Clone)]
pub(crate) enum Store {
    Sqlite,
    Memory,
    /// With the options of the way there.
    Redis(Box<RedisOptions>),
}

impl Store {
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Memory => "memory",
            Self::Redis(_) => "redis",
        }
    }

    /// Whether nothing is kept for a command to work on.
    pub(crate) const fn is_lost_with_its_process(&self) -> bool {
        matches!(self, Self::Memory)
    }

    /// Whether other processes have the same sessions: then they must have the same keys.
    pub(crate) const fn is_shared(&self) -> bool {
        matches!(self, Self::Redis(_))
    }
}

/// All that is wrong with the settings, a line each.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("\nsessiond: "))]
pub(crate) struct BadSettings(Vec<String>);

impl Settings {
    /// Reads all settings, or tells everything that is wrong with them at once.
    pub(crate) fn read(options: &Options) -> Result<Self, BadSettings> {
        Self::of(Sources::collect(options)?)
    }

    fn of(mut sources: Sources) -> Result<Self, BadSettings> {
        let providers = std::mem::take(&mut sources.providers);
        let mut reader = Reader::of(&sources);
        let settings = Self::from(&mut reader, providers);
        reader.finish()?;
        // With no errors there is a value for everything.
        settings.ok_or_else(|| BadSettings(vec!["the settings cannot be read".to_owned()]))
    }

    fn from(reader: &mut Reader<'_>, providers: GivenProviders) -> Option<Self> {
        let listen = reader.read("SESSION_LISTEN", parse::address);
        let data_dir = reader.read("SESSION_DATA_DIR", parse::path);
        let store = read_store(reader);
        let db_path = reader.read_optional("SESSION_DB_PATH", parse::path);
        let cache_entries = reader.read("SESSION_CACHE_ENTRIES", parse::count);
        let timeouts = read_timeouts(reader);
        let limit = read_limit(reader);
        let freshness = read_freshness(reader, cache_entries);
        let activity_resolution = reader.read("SESSION_ACTIVITY_RESOLUTION", parse::span);
        let validation_is_activity = reader.read("SESSION_AUTO_UPDATE", parse::switch);
        let retention = reader.read("SESSION_RETENTION", parse::span);
        let rotation_grace = reader.read("SESSION_ROTATION_GRACE", parse::span);
        let cleanup = reader.read("SESSION_CLEANUP_INTERVAL", parse::positive_span);
        let session_header = reader.read("SESSION_HEADER", parse::header);
        let secure_cookies = reader.read("SESSION_SECURE_COOKIES", parse::switch);
        let log_level = reader.read("SESSION_LOG_LEVEL", parse::log_level);
        let log_requests = reader.read("SESSION_LOG_REQUESTS", parse::switch);
        let service_keys = reader.read_optional("SESSION_SERVICE_KEYS", parse::list);
        let admin_keys = reader.read_optional("SESSION_ADMIN_KEYS", parse::list);
        let proxies = reader.read_optional("SESSION_TRUSTED_PROXIES", parse::networks);
        let require_https = reader.read("SESSION_REQUIRE_HTTPS", parse::switch);
        if require_https == Some(true) && !reader.is_given("SESSION_TRUSTED_PROXIES") {
            let problem = "needs SESSION_TRUSTED_PROXIES: https is what a trusted proxy says it is";
            reader.complain("SESSION_REQUIRE_HTTPS", problem);
        }
        let limit_creates = reader.read("SESSION_LIMIT_CREATES", parse::switch);
        let admin_by_role = reader.read("SESSION_ADMIN_BY_ROLE", parse::switch);
        let security = read_security(reader);
        let revocation_ttl = reader.read("SESSION_REVOCATION_TTL", parse::positive_span);
        let audit = read_audit(reader);
        let idle = reader.read("SESSION_IDLE_TIMEOUT", parse::positive_span);
        let login = read_login(reader, idle);
        let provider_logins = read_provider_logins(reader, idle);
        let tokens = read_tokens(reader);
        let provider_tokens = providers::read_policy(reader);
        let providers = providers::read(reader, providers);
        let encryption = read_encryption(reader);
        let registration = reader.read("SESSION_REGISTRATION", parse::switch);
        let allowed_origins = reader.read_optional("SESSION_ALLOWED_ORIGINS", parse::origins);
        let data_dir: PathBuf = data_dir?;
        Some(Self {
            listen: listen?,
            store: store?,
            db_path: db_path.unwrap_or_else(|| data_dir.join("sessions.db")),
            data_dir,
            cache_entries: cache_entries?,
            policies: Policies {
                session: SessionPolicy {
                    timeouts: timeouts?,
                    limit: limit?,
                    activity_resolution: activity_resolution?,
                    validation_is_activity: validation_is_activity?,
                    retention: retention?,
                    rotation_grace: rotation_grace?,
                    freshness: freshness?,
                },
                security: security?,
                revocation: RevocationPolicy {
                    ttl: revocation_ttl?,
                    ..RevocationPolicy::default()
                },
                audit: audit?,
                login: login?,
                tokens: provider_tokens?,
                provider_logins: provider_logins?,
            },
            tokens: tokens?,
            providers,
            encryption: encryption?,
            registration: registration?,
            allowed_origins: allowed_origins.unwrap_or_default(),
            trusted_proxies: proxies.unwrap_or_default(),
            require_https: require_https?,
            limit_creates: limit_creates?,
            admin_by_role: admin_by_role?,
            cleanup_interval: cleanup?.to_std().ok()?,
            session_header: session_header?,
            secure_cookies: secure_cookies?,
            log_level: log_level?,
            log_requests: log_requests?,
            service_keys: service_keys.unwrap_or_default(),
            admin_keys: admin_keys.unwrap_or_default(),
            without_effect: reader.without_effect(),
        })
    }
}

/// The store that is named or, where none is, the one that something is configured for.
fn read_store(reader: &mut Reader<'_>) -> Option<Store> {
    let named = if reader.is_given("SESSION_STORE") {
        reader.read_optional("SESSION_STORE", parse::store)?
    } else if reader.is_given("KV_REST_API_URL") {
        // To keep sessions elsewhere than asked for would be worse than not to start.
        let problem = "asks for the upstash store, which this version does not have yet: set \
                       SESSION_STORE to keep sessions elsewhere all the same";
        reader.complain("KV_REST_API_URL", problem);
        return None;
    } else if reader.is_given("REDIS_URL") {
        StoreKind::Redis
    } else {
        StoreKind::Sqlite
    };
    match named {
        StoreKind::Sqlite => Some(Store::Sqlite),
        StoreKind::Memory => Some(Store::Memory),
        StoreKind::Redis => Some(Store::Redis(Box::new(redis::read(reader)?))),
    }
}

fn read_timeouts(reader: &mut Reader<'_>) -> Option<TimeoutPolicy> {
    let default = reader.read("SESSION_DEFAULT_TIMEOUT", parse::positive_span);
    let min = reader.read("SESSION_MIN_TIMEOUT", parse::positive_span);
    let max = reader.read("SESSION_MAX_TIMEOUT", parse::positive_span);
    let remember_me = reader.read("REMEMBER_ME_EXPIRE_SECONDS", parse::positive_span);
    let policy = TimeoutPolicy {
        default: default?,
        min: min?,
        max: max?,
        remember_me: remember_me?,
    };
    if policy.min > policy.max {
        reader.complain(
            "SESSION_MIN_TIMEOUT",
            "must not be over SESSION_MAX_TIMEOUT",
        );
    } else if !(policy.min..=policy.max).contains(&policy.default) {
        let problem = "must be from SESSION_MIN_TIMEOUT to SESSION_MAX_TIMEOUT";
        reader.complain("SESSION_DEFAULT_TIMEOUT", problem);
    }
    if policy.remember_me < policy.min {
        reader.complain(
            "REMEMBER_ME_EXPIRE_SECONDS",
            "must not be under SESSION_MIN_TIMEOUT",
        );
    }
    Some(policy)
}

fn read_login(reader: &mut Reader<'_>, idle: Option<TimeDelta>) -> Option<LoginPolicy> {
    let absolute = reader.read("SESSION_EXPIRE_SECONDS", parse::positive_span);
    let access = reader.read("ACCESS_TOKEN_EXPIRE_MINUTES", parse::minutes_of_a_day);
    let passwords = reader.read("PASSWORD_MIN_LENGTH", parse::password_policy);
    let rotate = reader.read("SESSION_ROTATE", parse::switch);
    let absolute = absolute?;
    Some(LoginPolicy {
        lifetime: lifetime(absolute, idle?),
        access_token_lifetime: access?,
        passwords: passwords?,
        rotate: rotate?,
    })
}

fn read_provider_logins(
    reader: &mut Reader<'_>,
    idle: Option<TimeDelta>,
) -> Option<ProviderLoginPolicy> {
    let public_url = reader.read_optional("SESSION_PUBLIC_URL", parse::public_url);
    let return_paths = reader.read_optional("SESSION_RETURN_PATHS", parse::return_paths);
    Some(ProviderLoginPolicy {
        public_url,
        return_paths: return_paths.unwrap_or_default(),
        lifetime: lifetime(Lifetime::default().absolute, idle?),
    })
}

fn lifetime(absolute: TimeDelta, idle: TimeDelta) -> Lifetime {
    Lifetime {
        absolute,
        // Longer than the session lives is no limit.
        idle: Some(idle).filter(|idle| *idle < absolute),
    }
}

fn read_tokens(reader: &mut Reader<'_>) -> Option<TokenSettings> {
    let issuer = reader.read("SESSION_ISSUER", parse::name);
    let audience = reader.read("SESSION_AUDIENCE", parse::name);
    let keys = reader.read_optional("SESSION_ACCESS_TOKEN_KEYS", parse::secret);
    let secret = reader.read_optional("SECRET_KEY", parse::shared_secret);
    if keys.is_some() && reader.is_given("SECRET_KEY") {
        let problem = "contradicts SESSION_ACCESS_TOKEN_KEYS: give one of the two";
        reader.complain("SECRET_KEY", problem);
    }
    Some(TokenSettings {
        issuer: issuer?,
        audience: audience?,
        keys,
        secret,
    })
}

fn read_encryption(reader: &mut Reader<'_>) -> Option<EncryptionSettings> {
    let keys = reader.read_optional("SESSION_ENCRYPTION_KEYS", parse::secret);
    let lost = reader.read("SESSION_ENCRYPTION_KEYS_LOST", parse::lost_keys);
    Some(EncryptionSettings { keys, lost: lost? })
}

fn read_limit(reader: &mut Reader<'_>) -> Option<SessionLimit> {
    let policy = reader.read("SESSION_LIMIT_POLICY", parse::limit_policy);
    // Two of the seeds' names for one thing: they must not contradict each other.
    let other = reader.read_optional("SESSION_MAX_PER_USER", parse::limit);
    let is_given = reader.is_given("MAX_SESSIONS_PER_USER");
    let max = reader.read("MAX_SESSIONS_PER_USER", parse::limit)?;
    if let Some(other) = other
        && is_given
        && other != max
    {
        let problem = "contradicts MAX_SESSIONS_PER_USER: give one of the two";
        reader.complain("SESSION_MAX_PER_USER", problem);
    }
    let max = if is_given { max } else { other.unwrap_or(max) };
    Some(SessionLimit {
        max,
        policy: policy.unwrap_or(LimitPolicy::EvictOldest),
    })
}

fn read_security(reader: &mut Reader<'_>) -> Option<SecurityPolicy> {
    let enforcement = reader.read("SESSION_SECURITY", parse::enforcement);
    let ip_address = reader.read("SESSION_RISK_IP", parse::score);
    let fingerprint = reader.read("SESSION_RISK_FINGERPRINT", parse::score);
    let user_agent = reader.read("SESSION_RISK_USER_AGENT", parse::score);
    let audit_from = reader.read("SESSION_RISK_AUDIT_FROM", parse::score);
    let terminate_above = reader.read("SESSION_RISK_TERMINATE_ABOVE", parse::score);
    let rules = reader.read_rules();
    let risk = RiskPolicy {
        weights: RiskWeights {
            ip_address: ip_address?,
            fingerprint: fingerprint?,
            user_agent: user_agent?,
        },
        audit_from: audit_from?,
        terminate_above: terminate_above?,
    };
    Some(SecurityPolicy {
        enforcement: enforcement?,
        risk,
        rules,
    })
}

fn read_audit(reader: &mut Reader<'_>) -> Option<AuditPolicy> {
    let queue = reader.read("SESSION_AUDIT_QUEUE", parse::limit);
    let high_volume = reader.read("SESSION_AUDIT_READS", parse::switch);
    let retention = reader.read("SESSION_AUDIT_RETENTION", parse::positive_span);
    Some(AuditPolicy {
        queue: usize::try_from(queue?).ok()?,
        high_volume: high_volume?,
        retention: retention?,
    })
}

fn read_freshness(reader: &mut Reader<'_>, entries: Option<usize>) -> Option<Freshness> {
    let bound = reader.read("SESSION_CACHE_BOUND", parse::positive_span);
    let is_cached = reader.read("SESSION_CACHE", parse::cached)?;
    let (entries, bound): (usize, TimeDelta) = (entries?, bound?);
    Some(if is_cached {
        Freshness::Cached { entries, bound }
    } else {
        Freshness::Strict
    })
}
