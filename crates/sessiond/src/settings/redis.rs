//! Where Redis is, and how it is spoken to.

use std::path::{Path, PathBuf};

use app::wiring::{RedisOptions, RedisTls, RedisTopology};
use zeroize::Zeroizing;

use super::parse::{self, Reader};

/// The options of the Redis store. What is wrong is noted.
pub(super) fn read(reader: &mut Reader<'_>) -> Option<RedisOptions> {
    let mode = reader.read("REDIS_MODE", mode);
    let service = reader.read("REDIS_SENTINEL_SERVICE", parse::name);
    let connect = reader.read("REDIS_CONNECT_TIMEOUT", parse::seconds);
    let response = reader.read("REDIS_RESPONSE_TIMEOUT", parse::seconds);
    let in_flight = reader.read("REDIS_MAX_IN_FLIGHT", parse::limit);
    let prefix = reader.read("SESSION_KEY_PREFIX", prefix);
    let database = reader.read_optional("REDIS_DB", database);
    let username = reader.read_optional("REDIS_USERNAME", parse::name);
    let password = reader.read_optional("REDIS_PASSWORD", parse::secret);
    let sentinel_username = reader.read_optional("REDIS_SENTINEL_USERNAME", parse::name);
    let sentinel_password = reader.read_optional("REDIS_SENTINEL_PASSWORD", parse::secret);
    let tls = read_tls(reader);
    let options = read_url(reader)?;

    let mode = mode?;
    if mode != Mode::Sentinel {
        let names = [
            "REDIS_SENTINEL_SERVICE",
            "REDIS_SENTINEL_USERNAME",
            "REDIS_SENTINEL_PASSWORD",
        ];
        for name in names {
            if reader.is_given(name) {
                reader.complain(name, "needs REDIS_MODE=sentinel");
            }
        }
    }
    if mode == Mode::Standalone && options.address_count() > 1 {
        let problem = "names several hosts, which needs REDIS_MODE=sentinel or REDIS_MODE=cluster";
        reader.complain("REDIS_URL", problem);
    }
    let number = match (options.database(), database) {
        (0, given) => given.unwrap_or(0),
        (named, None) => named,
        (named, Some(given)) => {
            if named != given {
                let problem = "contradicts the database of REDIS_URL: give one of the two";
                reader.complain("REDIS_DB", problem);
            }
            named
        }
    };
    if mode == Mode::Cluster && number != 0 {
        reader.complain(
            "REDIS_URL",
            "names a database, and a cluster has only the first",
        );
    }
    let is_encrypted = options.uses_tls();
    for name in ["REDIS_CA_FILE", "REDIS_CERT_FILE", "REDIS_KEY_FILE"] {
        if reader.is_given(name) && !is_encrypted {
            reader.complain(name, "needs a REDIS_URL that begins with `rediss://`");
        }
    }

    let mut options = options
        .topology(match mode {
            Mode::Standalone => RedisTopology::Standalone,
            Mode::Cluster => RedisTopology::Cluster,
            Mode::Sentinel => RedisTopology::Sentinel { service: service? },
        })
        .on_database(number)
        .tls(tls?)
        .prefix(prefix?)
        .timeouts(connect?, response?)
        .max_in_flight(usize::try_from(in_flight?).ok()?)
        .sentinel_login(sentinel_username, sentinel_password);
    if let Some(username) = username {
        options = options.username(username);
    }
    if let Some(password) = password {
        options = options.password(password);
    }
    Some(options)
}

/// The URL itself may hold a password: what is wrong with it is said without it.
fn read_url(reader: &mut Reader<'_>) -> Option<RedisOptions> {
    let url = reader.read_optional("REDIS_URL", parse::secret);
    let Some(url) = url else {
        if !reader.is_given("REDIS_URL") {
            reader.complain("SESSION_STORE", "says `redis`, which needs REDIS_URL");
        }
        return None;
    };
    match RedisOptions::from_url(&url) {
        Ok(options) => Some(options),
        Err(problem) => {
            reader.complain("REDIS_URL", &problem.to_string());
            None
        }
    }
}

fn read_tls(reader: &mut Reader<'_>) -> Option<RedisTls> {
    let mut file = |name: &str| -> Option<Option<Vec<u8>>> {
        let Some(path): Option<PathBuf> = reader.read_optional(name, parse::path) else {
            return Some(None);
        };
        match read_pem(&path) {
            Ok(pem) => Some(Some(pem)),
            Err(problem) => {
                reader.complain(name, &problem);
                None
            }
        }
    };
    let authorities = file("REDIS_CA_FILE");
    let certificate = file("REDIS_CERT_FILE");
    let key = file("REDIS_KEY_FILE");
    let identity = match (certificate?, key?.map(Zeroizing::new)) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        (Some(_), None) => {
            reader.complain("REDIS_CERT_FILE", "needs REDIS_KEY_FILE");
            return None;
        }
        (None, Some(_)) => {
            reader.complain("REDIS_KEY_FILE", "needs REDIS_CERT_FILE");
            return None;
        }
    };
    Some(RedisTls {
        authorities: authorities?,
        identity,
    })
}

fn read_pem(path: &Path) -> Result<Vec<u8>, String> {
    let text = std::fs::read(path);
    let text = text.map_err(|error| format!("cannot be read: {}: {error}", path.display()))?;
    let begin = b"-----BEGIN ";
    if text.windows(begin.len()).any(|part| part == begin) {
        Ok(text)
    } else {
        Err(format!("is not in PEM: {}", path.display()))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Standalone,
    Sentinel,
    Cluster,
}

fn mode(text: &str) -> Option<Mode> {
    match text {
        "standalone" => Some(Mode::Standalone),
        "sentinel" => Some(Mode::Sentinel),
        "cluster" => Some(Mode::Cluster),
        _ => None,
    }
}

fn prefix(text: &str) -> Option<String> {
    RedisOptions::is_good_prefix(text).then(|| text.to_owned())
}

fn database(text: &str) -> Option<i64> {
    text.parse::<u16>().ok().map(i64::from)
}
