use std::str::FromStr;

use session_core::InvalidInput;

use super::public_url::{host_of, is_this_machine};

/// Where a login may lead to: a list, since a page that sends its visitors wherever they are told is
/// what tricksters look for (RFC 9700 §4.11).
///
/// An entry is a path of this host (`/app`), one that ends in `*` for all that begins so (`/app/*`), or
/// a whole `https://` address. Without entries a login leads nowhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReturnPaths(Vec<Entry>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Entry {
    /// This, and nothing else.
    Exactly(Box<str>),
    /// Every path of this host that begins so.
    Below(Box<str>),
}

/// Where a login leads to: it is in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnTo(Box<str>);

impl ReturnPaths {
    /// Takes what a client asked for, if it is in the list.
    #[must_use]
    pub fn admit(&self, wanted: &str) -> Option<ReturnTo> {
        let is_listed = |entry: &Entry| match entry {
            Entry::Exactly(known) => wanted == &**known,
            Entry::Below(beginning) => wanted.starts_with(&**beginning) && is_local_path(wanted),
        };
        self.0
            .iter()
            .any(is_listed)
            .then(|| ReturnTo(wanted.into()))
    }
}

impl ReturnTo {
    /// Longest in bytes: it travels in a cookie.
    pub const MAX_BYTES: usize = 1024;

    /// What was admitted before, and was kept where nobody could change it.
    pub(super) fn admitted(text: &str) -> Self {
        Self(text.into())
    }

    /// A path of this host or a whole address: fit for `Location`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Entries with commas between them.
impl FromStr for ReturnPaths {
    type Err = InvalidInput;

    fn from_str(text: &str) -> Result<Self, InvalidInput> {
        let problem = "must be paths like `/app` or `/app/*`, or whole `https://` addresses";
        let entry = |text: &str| {
            let (known, is_beginning) = match text.strip_suffix('*') {
                Some(beginning) => (beginning, true),
                None => (text, false),
            };
            let is_fit = !known.contains('*')
                && (is_local_path(known) || (!is_beginning && is_whole_address(known)));
            let entry = if is_beginning {
                Entry::Below(known.into())
            } else {
                Entry::Exactly(known.into())
            };
            is_fit.then_some(entry)
        };
        let entries: Option<Vec<_>> = text.split(',').map(|text| entry(text.trim())).collect();
        entries
            .map(Self)
            .ok_or_else(|| InvalidInput::new("return_paths", problem))
    }
}

/// Whether a text is a path of this host for every browser: none takes it for another host's address,
/// and none makes another path of it.
pub(super) fn is_local_path(text: &str) -> bool {
    if !is_plain(text) || !text.starts_with('/') {
        return false;
    }
    let path = &text[..text.find(['?', '#']).unwrap_or(text.len())];
    // `//host` is another host's, and a server in front may merge slashes or take dots away.
    let is_straight = path[1..]
        .split('/')
        .rev()
        .enumerate()
        .all(|(from_end, part)| !matches!(part, "." | "..") && (from_end == 0 || !part.is_empty()));
    is_straight && has_plain_escapes(path)
}

/// Whether nothing in a path is written as `%` that means something there when it is not: slashes,
/// dots, control characters, and `%` itself, which would be unwritten twice.
fn has_plain_escapes(path: &str) -> bool {
    path.split('%').skip(1).all(|rest| {
        let digits = rest.get(..2).unwrap_or_default();
        let byte = u8::from_str_radix(digits, 16);
        let is_hex = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_hexdigit());
        is_hex && byte.is_ok_and(|b| !b.is_ascii_control() && !b"/\\.%?#".contains(&b))
    })
}

fn is_whole_address(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else {
        return false;
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let is_safe = |host| scheme == "https" || (scheme == "http" && is_this_machine(host));
    is_plain(text)
        && host_of(authority).is_some_and(is_safe)
        && (path.is_empty() || is_local_path(path))
}

/// Visible ASCII without the signs that no address has, and that browsers read in their own ways.
fn is_plain(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_graphic() && !b"\\\"<>^`{|}".contains(&b);
    !text.is_empty() && text.len() <= ReturnTo::MAX_BYTES && text.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> ReturnPaths {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_in_the_list_is_admitted() {
        let list = list("/app, /inbox/*, https://app.example.org/start, http://localhost:5173/");
        for wanted in [
            "/app",
            "/inbox/",
            "/inbox/42",
            "/inbox/a/b/?q=1&next=//x#top",
            "/inbox/%C3%A9%20x",
            "https://app.example.org/start",
            "http://localhost:5173/",
        ] {
            assert_eq!(list.admit(wanted).unwrap().as_str(), wanted);
        }
        for wanted in [
            "/",
            "/app/",
            "/app?x",
            "/APP",
            "/application",
            "/inbox",
            "/inbox/*/../x",
            "https://app.example.org",
            "https://app.example.org/start?x",
            "https://app.example.org/start/",
            "http://app.example.org/start",
            "https://evil.example/start",
            "http://localhost:5173/x",
        ] {
            assert!(list.admit(wanted).is_none(), "{wanted}");
        }
        assert!(ReturnPaths::default().admit("/").is_none());
    }

    /// Requirement 25: with the widest list there is, nothing leads to another host.
    #[test]
    fn no_list_of_paths_leads_to_another_host() {
        let list = list("/*");
        assert!(list.admit("/").is_some() && list.admit("/a").is_some());
        for wanted in [
            "",
            "app",
            "*",
            "//evil.example",
            "///evil.example",
            "//evil.example/a",
            "/\\evil.example",
            "\\\\evil.example",
            "/a\\..\\b",
            "/\t/evil.example",
            "/\n/evil.example",
            "/\r\nSet-Cookie: a=b",
            "/a\u{0}",
            "/ /evil.example",
            " /a",
            "/a ",
            "/a//evil.example",
            "/./evil",
            "/.//evil.example",
            "/../evil",
            "/a/..",
            "/a/../..//evil.example",
            "/%2f/evil.example",
            "/%2F%2Fevil.example",
            "/%5cevil.example",
            "/%5Cevil.example",
            "/%2e%2e/evil",
            "/a/%2E%2e//evil.example",
            "/%252f/evil.example",
            "/%09/evil.example",
            "/%0d%0aSet-Cookie:a=b",
            "/%00",
            "/%7f",
            "/%",
            "/%2",
            "/%zz",
            "/%+1",
            "/a%3f",
            "/a%23",
            "/\u{2f0}evil",
            "/\u{ff0f}evil.example",
            "/é",
            "https://evil.example",
            "https:/evil.example",
            "https:evil.example",
            "http://evil.example/",
            "//evil.example%2f@host/",
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            "data:text/html,x",
            "/\"onload=x",
            "/<script>",
            "/a`b",
            "/a{b}",
            "/a|b",
            "/a^b",
            "?next=x",
            "#x",
            "@evil.example",
            ".evil.example",
        ] {
            assert!(list.admit(wanted).is_none(), "{wanted:?}");
        }
        let long = |bytes: usize| format!("/{}", "a".repeat(bytes - 1));
        assert!(list.admit(&long(ReturnTo::MAX_BYTES)).is_some());
        assert!(list.admit(&long(ReturnTo::MAX_BYTES + 1)).is_none());
    }

    #[test]
    fn what_is_no_list_of_places_to_return_to_is_refused() {
        for text in [
            "",
            "app",
            "/a,",
            "*",
            "/a*b",
            "/**",
            "//*",
            "//evil.example",
            "/a/../b",
            "http://app.example.org/",
            "https://app.example.org/*",
            "https://*.example.org/",
            "https://user@app.example.org/",
            "https://app.example.org//a",
            "https://app.example.org\\a",
            "https://",
            "ftp://app.example.org/",
        ] {
            assert!(text.parse::<ReturnPaths>().is_err(), "{text}");
        }
    }
}
