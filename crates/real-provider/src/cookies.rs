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
