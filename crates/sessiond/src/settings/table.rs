//! The names, defaults and meanings of all settings: what is not here is not read.

use std::fmt::Write as _;

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

const fn setting(
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
const SECONDS_OR_ZERO: &str = "a whole number of seconds";
const SWITCH: &str = "`true` or `false`";

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
        "`sqlite` or `memory`",
        "Where sessions are kept; SQLite unless given.",
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
        "SESSION_REQUIRE_HTTPS",
        Some("false"),
        "`false`",
        "Not supported yet: `true` stops the start.",
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
    "SESSION_IDLE_TIMEOUT",
    "SESSION_EXPIRE_SECONDS",
    "SESSION_PROTECTED_PATHS",
    "SESSION_EXCLUDED_PATHS",
    "SESSION_REGISTRATION",
    "SESSION_TRUSTED_PROXIES",
    "SECRET_KEY",
    "ACCESS_TOKEN_EXPIRE_MINUTES",
    "DATABASE_URL",
    "OPENROUTER_CLIENT_ID",
    "OPENROUTER_CLIENT_SECRET",
    "PASSWORD_MIN_LENGTH",
    "REDIS_URL",
    "REDIS_DB",
    "REDIS_PASSWORD",
    "REDIS_MAX_CONNECTIONS",
    "KV_REST_API_URL",
    "KV_REST_API_TOKEN",
];

/// All settings for `sessiond --help`.
pub(crate) fn help() -> String {
    let mut text = String::from("Settings, as environment variables:\n");
    for Setting {
        name,
        default,
        takes,
        about,
    } in SETTINGS
    {
        let default = default.map_or(String::new(), |default| format!(" [default: {default}]"));
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {name}{default}\n      {about} Takes {takes}.");
    }
    text
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
        let mut table =
            String::from("| setting | default | takes | meaning |\n|---|---|---|---|\n");
        for Setting {
            name,
            default,
            takes,
            about,
        } in SETTINGS
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
