//! The cookies of one provider. It has one origin, so that a cookie's path alone decides.

use std::collections::BTreeMap;
use std::fmt;

/// By name and path: one login's cookies are for paths of its own.
#[derive(Default)]
pub(crate) struct Jar(BTreeMap<(String, String), String>);

impl Jar {
    /// Takes what a `Set-Cookie` header says. An empty value takes the cookie away: that is how this
    /// provider does it.
    pub(crate) fn take(&mut self, header: &str) {
        let mut parts = header.split(';').map(str::trim);
        let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else {
            return;
        };
        let path = parts.find_map(|part| {
            let (key, path) = part.split_once('=')?;
            key.eq_ignore_ascii_case("path").then_some(path)
        });
        let key = (name.to_owned(), path.unwrap_or("/").to_owned());
        if value.is_empty() {
            self.0.remove(&key);
        } else {
            self.0.insert(key, value.to_owned());
        }
    }

    /// The value of the `Cookie` header for a path, with or without a query.
    pub(crate) fn header(&self, path: &str) -> String {
        let path = path.split('?').next().unwrap_or_default();
        let fits = |of: &str| {
            path.strip_prefix(of)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || of.ends_with('/'))
        };
        let pairs = self.0.iter().filter(|((_, of), _)| fits(of));
        let pairs: Vec<String> = pairs
            .map(|((name, _), value)| format!("{name}={value}"))
            .collect();
        pairs.join("; ")
    }
}

impl fmt::Debug for Jar {
    /// The names alone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set()
            .entries(self.0.keys().map(|(name, _)| name))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_goes_to_its_path_and_below_alone() {
        let mut jar = Jar::default();
        jar.take("session=1; path=/; httponly");
        jar.take("step=2; Path=/interaction/a; samesite=lax");
        assert_eq!(jar.header("/auth?x=/interaction/a"), "session=1");
        for below in [
            "/interaction/a",
            "/interaction/a?x=y",
            "/interaction/a/login",
        ] {
            assert_eq!(jar.header(below), "session=1; step=2", "{below}");
        }
        assert_eq!(jar.header("/interaction/ab"), "session=1");
    }

    #[test]
    fn a_cookie_is_replaced_and_taken_away_at_its_own_path() {
        let mut jar = Jar::default();
        jar.take("step=1; path=/a");
        jar.take("step=2; path=/b");
        jar.take("step=3; path=/a");
        assert_eq!(
            (jar.header("/a"), jar.header("/b")),
            ("step=3".into(), "step=2".into())
        );
        jar.take("step=; path=/a; expires=Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(
            (jar.header("/a"), jar.header("/b")),
            (String::new(), "step=2".into())
        );
    }
}
