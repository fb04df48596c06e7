//! The names, defaults and meanings of all settings: what is not here is not read.

use std::fmt::Write as _;

use super::providers::MEMBERS;

/// One setting, as `docs/configuration.md` shows it.
#[derive(Debug)]
pub(crate) struct Setting {
    /// Its environment variable. In the settings file: the same in lower case, without `session_`.
    pub(crate) name: &'static str,
    /// `None` where having none means something of its own.
    pub(crate) default: Option<&'static str>,
    /// What values it takes.
    pub(crate) takes: &'static str,
    /// What it is for.
    pub(crate) about: &'static str,
}

pub(crate) const fn setting(
    name: &'static str,
    default: Option<&'static str>,
    takes: &'static str,
    about: &'static str,
) -> Setting {
    Setting {
        name,
        default,
        takes,
        about,
    }
}

const SECONDS: &str = "a whole number of seconds, at least 1";
const SECONDS_AND_PARTS: &str = "a number of seconds from 0.01 to 60";
const SECONDS_OR_ZERO: &str = "a whole number of seconds";
pub(crate) const SWITCH: &str = "`true` or `false`";
const SCORE: &str = "a number from 0 to 1";
const RATE: &str = "`<requests>/<seconds>`";
/// What the names of all rate limits begin with.
pub(crate) const RATE_LIMIT: &str = "RATE_LIMIT_";
/// Stands for every rate limit that has no line of its own.
pub(crate) const RATE_LIMIT_RULE: &str = "RATE_LIMIT_<RULE>";

pub(crate) const SETTINGS: &[Setting] = &[
    setting(
        "SESSION_LISTEN",
        Some("127.0.0.1:8000"),
        "an IP address and a port",
        "Where to listen; `--listen`. Port 0 takes any that is free.",
    ),
    setting(
        "SESSION_DATA_DIR",
        Some("./data"),
        "a path",
        "The folder for the database and the keys; `--data-dir`. Made if it does not exist.",
    ),
    setting(
        "SESSION_CONFIG",
        None,
        "a path",
        "The settings file; `--config`.",
    ),
    setting(
        "SESSION_STORE",
        None,
        "`sqlite`, `redis` or `memory`",
        "Where sessions are kept; unless given, Redis where REDIS_URL is, and else SQLite.",
    ),
    setting(
        "REDIS_URL",
        None,
        "`redis://[user[:password]@]host[:port][,host[:port]…][/database]`, or `rediss://` for TLS",
        "Where Redis or Valkey is; with Sentinel the addresses of the Sentinels, with a cluster those of some of its nodes.",
    ),
    setting(
        "REDIS_MODE",
        Some("standalone"),
        "`standalone`, `sentinel` or `cluster`",
        "How Redis is run.",
    ),
    setting(
        "REDIS_USERNAME",
        None,
        "a name",
        "The user of Redis (ACL), in place of the one of the URL.",
    ),
    setting(
        "REDIS_PASSWORD",
        None,
        "a password",
        "The password of Redis, in place of the one of the URL.",
    ),
    setting(
        "REDIS_DB",
        None,
        "a whole number",
        "The number of the database, in place of the one of the URL.",
    ),
    setting(
        "REDIS_SENTINEL_SERVICE",
        Some("mymaster"),
        "a name",
        "The name under which Sentinel watches the primary.",
    ),
    setting(
        "REDIS_SENTINEL_USERNAME",
        None,
        "a name",
        "The user of the Sentinels, which have users of their own.",
    ),
    setting(
        "REDIS_SENTINEL_PASSWORD",
        None,
        "a password",
        "The password of the Sentinels.",
    ),
    setting(
        "REDIS_CA_FILE",
        None,
        "a path",
        "Certificates of the authorities to trust, in PEM; those of the system unless given.",
    ),
    setting(
        "REDIS_CERT_FILE",
        None,
        "a path",
        "The certificate to show to Redis, in PEM.",
    ),
    setting(
        "REDIS_KEY_FILE",
        None,
        "a path",
        "The key of that certificate, in PEM.",
    ),
    setting(
        "REDIS_CONNECT_TIMEOUT",
        Some("2"),
        SECONDS_AND_PARTS,
        "How long to wait for a connection to Redis.",
    ),
    setting(
        "REDIS_RESPONSE_TIMEOUT",
        Some("2"),
        SECONDS_AND_PARTS,
        "How long to wait for an answer of Redis.",
    ),
    setting(
        "REDIS_MAX_IN_FLIGHT",
        Some("4096"),
        "a whole number, at least 1",
        "Most requests that wait for an answer of Redis at once; more wait for one of those.",
    ),
    setting(
        "SESSION_KEY_PREFIX",
        Some("sessiond"),
        "1 to 64 of `A`–`Z`, `a`–`z`, `0`–`9`, `_`, `-`, `.`, `:`",
        "What all keys in Redis begin with.",
    ),
    setting(
        "SESSION_DB_PATH",
        None,
        "a path",
        "The database file; `sessions.db` in the data folder unless given.",
    ),
    setting(
        "SESSION_CACHE",
        Some("strict"),
        "`strict` or `cached`",
        "Who answers a validation: the store, or a cache with a bounded lag behind other processes.",
    ),
    setting(
        "SESSION_CACHE_BOUND",
        Some("1"),
        SECONDS,
        "Longest lag of `cached` behind another process' write.",
    ),
    setting(
        "SESSION_CACHE_ENTRIES",
        Some("100000"),
        "a whole number",
        "Most sessions kept in memory, by the cache and by SQLite's exact copy; 0 for none.",
    ),
    setting(
        "SESSION_DEFAULT_TIMEOUT",
        Some("3600"),
        SECONDS,
        "Lifetime of a session whose creator does not say.",
    ),
    setting(
        "SESSION_MIN_TIMEOUT",
        Some("300"),
        SECONDS,
        "Shortest lifetime to ask for.",
    ),
    setting(
        "SESSION_MAX_TIMEOUT",
        Some("86400"),
        SECONDS,
        "Longest lifetime to ask for, and the most that extending reaches.",
    ),
    setting(
        "REMEMBER_ME_EXPIRE_SECONDS",
        Some("2592000"),
        SECONDS,
        "Lifetime of a remember-me session whose creator does not say, and the longest to ask for.",
    ),
    setting(
        "MAX_SESSIONS_PER_USER",
        Some("5"),
        "a whole number, at least 1",
        "Most live sessions of one user.",
    ),
    setting(
        "SESSION_MAX_PER_USER",
        None,
        "a whole number, at least 1",
        "Another name of `MAX_SESSIONS_PER_USER`.",
    ),
    setting(
        "SESSION_LIMIT_POLICY",
        Some("evict_oldest"),
        "`evict_oldest` or `refuse`",
        "What happens when a user at the limit signs in once more.",
    ),
    setting(
        "SESSION_AUTO_UPDATE",
        Some("true"),
        SWITCH,
        "Whether validating a session counts as activity.",
    ),
    setting(
        "SESSION_ACTIVITY_RESOLUTION",
        Some("60"),
        SECONDS_OR_ZERO,
        "How long activity may stay in memory before it is written down; 0 writes every time.",
    ),
    setting(
        "SESSION_CLEANUP_INTERVAL",
        Some("300"),
        SECONDS,
        "Time between two sweeps of expired sessions.",
    ),
    setting(
        "SESSION_RETENTION",
        Some("86400"),
        SECONDS_OR_ZERO,
        "How long the record of an ended session is kept.",
    ),
    setting(
        "SESSION_ROTATION_GRACE",
        Some("10"),
        SECONDS_OR_ZERO,
        "How long a session token is good from the first use of its successor on.",
    ),
    setting(
        "SESSION_ROTATE",
        Some("false"),
        SWITCH,
        "Whether each refresh replaces the session token, asked for or not.",
    ),
    setting(
        "SESSION_EXPIRE_SECONDS",
        Some("3600"),
        SECONDS,
        "Lifetime of a session that a password login begins.",
    ),
    setting(
        "SESSION_IDLE_TIMEOUT",
        Some("1800"),
        SECONDS,
        "How long such a session may go unused, and one that a login with a provider begins (8 hours at most).",
    ),
    setting(
        "SESSION_REGISTRATION",
        Some("false"),
        SWITCH,
        "Whether anyone may register at `/auth/register`.",
    ),
    setting(
        "PASSWORD_MIN_LENGTH",
        Some("15"),
        "a whole number from 8 to 64",
        "Fewest characters of a new password.",
    ),
    setting(
        "ACCESS_TOKEN_EXPIRE_MINUTES",
        Some("15"),
        "a whole number of minutes from 1 to 1440",
        "Lifetime of an access token.",
    ),
    setting(
        "SESSION_ISSUER",
        Some("sessiond"),
        "a text",
        "Who access tokens say issued them (`iss`).",
    ),
    setting(
        "SESSION_AUDIENCE",
        Some("sessiond"),
        "a text",
        "For whom access tokens say they are meant (`aud`).",
    ),
    setting(
        "SESSION_ACCESS_TOKEN_KEYS",
        None,
        "a key ring, as `sessiond keys` writes it",
        "The keys that sign access tokens; made in the data folder unless given.",
    ),
    setting(
        "SECRET_KEY",
        None,
        "at least 32 bytes, random",
        "A secret shared with a backend, which signs access tokens with HS256 instead of keys.",
    ),
    setting(
        "SESSION_ENCRYPTION_KEYS",
        None,
        "a key ring, as `sessiond keys` writes it",
        "The keys that provider tokens are encrypted with; made in the data folder unless given.",
    ),
    setting(
        "SESSION_ENCRYPTION_KEYS_LOST",
        Some("refuse"),
        "`refuse` or `accept`",
        "Whether the server starts with new keys where provider tokens are encrypted and no keys are there.",
    ),
    setting(
        "SESSION_ALLOWED_ORIGINS",
        None,
        "a comma-separated list of origins like `https://app.example.org`",
        "Other sites whose pages may call this server with the user's cookie.",
    ),
    setting(
        "SESSION_PUBLIC_URL",
        None,
        "an address like `https://login.example.org`",
        "Where users reach this server: providers send them back to `<address>/auth/callback`. Needed for logins with a provider, unless the server listens on loopback.",
    ),
    setting(
        "SESSION_RETURN_PATHS",
        None,
        "paths like `/app` or `/app/*`, or whole `https://` addresses, separated by commas",
        "Where a login with a provider may lead to (`return_to`); nowhere unless given.",
    ),
    setting(
        "SESSION_HEADER",
        Some("X-Session-ID"),
        "a header name",
        "The header that carries a session token.",
    ),
    setting(
        "SESSION_SECURE_COOKIES",
        Some("true"),
        SWITCH,
        "Whether cookies are for https only: the session cookie is `__Host-session` then, else `session_id`.",
    ),
    setting(
        "SESSION_TRUSTED_PROXIES",
        None,
        "networks as `10.0.0.0/8` or addresses, separated by commas",
        "Proxies that are believed when they say for whom they ask (`X-Forwarded-For`).",
    ),
    setting(
        "SESSION_REQUIRE_HTTPS",
        Some("false"),
        SWITCH,
        "Whether plain http is refused: a trusted proxy must say `X-Forwarded-Proto: https`.",
    ),
    setting(
        "SESSION_SECURITY",
        Some("enforce"),
        "`enforce`, `shadow` or `off`",
        "Whether rate limits and the detection of stolen sessions act, only record, or do nothing.",
    ),
    setting(
        "SESSION_RISK_IP",
        Some("0.3"),
        SCORE,
        "Weight of an address in another network than the session's; 0 turns it off.",
    ),
    setting(
        "SESSION_RISK_FINGERPRINT",
        Some("0.5"),
        SCORE,
        "Weight of a device fingerprint that does not match the session's.",
    ),
    setting(
        "SESSION_RISK_USER_AGENT",
        Some("0.2"),
        SCORE,
        "Weight of a user agent that differs in more than its version.",
    ),
    setting(
        "SESSION_RISK_AUDIT_FROM",
        Some("0.3"),
        SCORE,
        "From this risk on the use of a session is recorded.",
    ),
    setting(
        "SESSION_RISK_TERMINATE_ABOVE",
        Some("0.7"),
        SCORE,
        "Above this risk the session is terminated; 1 never does.",
    ),
    setting(
        "RATE_LIMIT_TOKEN_REFRESH",
        Some("10/60"),
        RATE,
        "The rule `token_refresh`.",
    ),
    setting(
        "RATE_LIMIT_SESSION_CREATE",
        Some("5/300"),
        RATE,
        "The rule `session_create`.",
    ),
    setting(
        "RATE_LIMIT_LOGIN_ATTEMPT",
        Some("5/300"),
        RATE,
        "The rule `login_attempt`; its backoff is at most 30 minutes.",
    ),
    setting(
        "RATE_LIMIT_LOGIN_ACCOUNT",
        Some("20/300"),
        RATE,
        "The rule `login_account`: tries of one account from wherever.",
    ),
    setting(
        "RATE_LIMIT_LOGIN_ADDRESS",
        Some("50/300"),
        RATE,
        "The rule `login_address`: logins from one address.",
    ),
    setting(
        "RATE_LIMIT_REGISTRATION",
        Some("5/3600"),
        RATE,
        "The rule `registration`: accounts made from one address.",
    ),
    setting(
        RATE_LIMIT_RULE,
        None,
        RATE,
        "A rule of your own, by the name in lower case, for `/security/rate-limits/{rule}`.",
    ),
    setting(
        "SESSION_LIMIT_CREATES",
        Some("false"),
        SWITCH,
        "Whether `/sessions/create` is held to the rule `session_create`, by user.",
    ),
    setting(
        "SESSION_ADMIN_BY_ROLE",
        Some("true"),
        SWITCH,
        "Whether a session whose role is `admin` opens the admin face, as an admin key does.",
    ),
    setting(
        "SESSION_REVOCATION_TTL",
        Some("86400"),
        SECONDS,
        "How long a revocation is known, unless its token lives longer.",
    ),
    setting(
        "SESSION_AUDIT_RETENTION",
        Some("7776000"),
        SECONDS,
        "How long audit records are kept.",
    ),
    setting(
        "SESSION_AUDIT_READS",
        Some("false"),
        SWITCH,
        "Whether validations and lookups are recorded too.",
    ),
    setting(
        "SESSION_AUDIT_QUEUE",
        Some("8192"),
        "a whole number, at least 1",
        "Audit events that may wait to be written.",
    ),
    setting(
        "OPENROUTER_CLIENT_ID",
        None,
        "a text",
        "Another name of `PROVIDER_OPENROUTER_CLIENT_ID`. The provider `openrouter` needs nothing but this and the secret.",
    ),
    setting(
        "OPENROUTER_CLIENT_SECRET",
        None,
        "a text",
        "Another name of `PROVIDER_OPENROUTER_CLIENT_SECRET`.",
    ),
    setting(
        "PROVIDER_REFRESH_AHEAD",
        Some("300"),
        SECONDS_OR_ZERO,
        "How long before its end a provider's access token is renewed; half its life if that is less.",
    ),
    setting(
        "PROVIDER_TOKEN_GRACE",
        Some("300"),
        SECONDS_OR_ZERO,
        "How long the access token before is taken for the user's after it was replaced.",
    ),
    setting(
        "PROVIDER_REFRESH_RATE",
        Some("20"),
        "a whole number, at least 1",
        "Renewals per second that this server asks of one provider at most.",
    ),
    setting(
        "PROVIDER_MAX_TRIES",
        Some("3"),
        "a whole number, at least 1",
        "How often a provider is asked at most for one renewal.",
    ),
    setting(
        "PROVIDER_RETRY_DELAY",
        Some("1"),
        SECONDS,
        "Pause before the second try; doubled for each one after, and up to half of it is left out at random.",
    ),
    setting(
        "PROVIDER_RETRY_MAX_DELAY",
        Some("30"),
        SECONDS,
        "Longest pause between two tries.",
    ),
    setting(
        "PROVIDER_REFRESH_RETENTION",
        Some("2592000"),
        SECONDS,
        "How long the record of a renewal is kept.",
    ),
    setting(
        "SESSION_SERVICE_KEYS",
        None,
        "keys, separated by commas",
        "Keys of backends, each `svc_` and at least 32 random characters. Without any, the server makes one on loopback.",
    ),
    setting(
        "SESSION_ADMIN_KEYS",
        None,
        "keys, separated by commas",
        "Keys of operators, each `adm_` and at least 32 random characters.",
    ),
    setting(
        "SESSION_LOG_LEVEL",
        Some("INFO"),
        "`ERROR`, `WARN`, `INFO`, `DEBUG` or `TRACE`",
        "What goes to the log on standard error; `WARNING` and `CRITICAL` are read too.",
    ),
    setting(
        "SESSION_LOG_REQUESTS",
        Some("false"),
        SWITCH,
        "Whether each request leaves a line in the log.",
    ),
];

/// Names that the systems sessiond replaces know, and that later versions will read: they are
/// accepted, and told to be without effect at start.
pub(crate) const WITHOUT_EFFECT: &[&str] = &[
    "SESSION_PROTECTED_PATHS",
    "SESSION_EXCLUDED_PATHS",
    "DATABASE_URL",
    "REDIS_MAX_CONNECTIONS",
    "KV_REST_API_URL",
    "KV_REST_API_TOKEN",
];

/// The setting of a name; every rate limit has one.
pub(crate) fn find(name: &str) -> Option<&'static Setting> {
    let by = |wanted: &str| SETTINGS.iter().find(|setting| setting.name == wanted);
    let is_rule = |name: &str| name.len() > RATE_LIMIT.len() && name.starts_with(RATE_LIMIT);
    by(name).or_else(|| is_rule(name).then(|| by(RATE_LIMIT_RULE))?)
}

/// All settings for `sessiond --help`.
pub(crate) fn help() -> String {
    let mut text = String::from("Settings, as environment variables:\n");
    describe(&mut text, SETTINGS);
    text.push_str(
        "\nSettings of an outside provider, in a table [providers.NAME] of the settings file, or as \
         PROVIDER_<NAME>_<SETTING>:\n",
    );
    describe(&mut text, MEMBERS);
    text
}

fn describe(text: &mut String, settings: &[Setting]) {
    for Setting {
        name,
        default,
        takes,
        about,
    } in settings
    {
        let default = default.map_or(String::new(), |default| format!(" [default: {default}]"));
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {name}{default}\n      {about} Takes {takes}.");
    }
}

/// A setting's name in the settings file.
pub(crate) fn file_name(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    name.strip_prefix("session_")
        .map_or(name.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_in_the_file_are_unique() {
        let names: HashSet<_> = SETTINGS
            .iter()
            .map(|setting| file_name(setting.name))
            .collect();
        assert_eq!(names.len(), SETTINGS.len());
    }

    /// The page that people read says what the program does.
    #[test]
    fn the_documentation_shows_every_setting() {
        for settings in [SETTINGS, MEMBERS] {
            let mut table =
                String::from("| setting | default | takes | meaning |\n|---|---|---|---|\n");
            for Setting {
                name,
                default,
                takes,
                about,
            } in settings
            {
                let default = default.map_or("–".to_owned(), |default| format!("`{default}`"));
                writeln!(table, "| `{name}` | {default} | {takes} | {about} |").unwrap();
            }
            let page = include_str!("../../../../docs/configuration.md");
            assert!(
                page.contains(&table),
                "docs/configuration.md must hold this table:\n\n{table}"
            );
        }
    }
}
