//! The browser of a person at the provider.

use std::fmt;

use ureq::http::header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use ureq::http::{Request, Response};

use crate::cookies::Jar;
use crate::http::ask;

/// The account (`login_hint`) that signs in and then does not agree: the callback says `access_denied`.
pub const REFUSES: &str = "refuses";

/// A login takes six hops.
const MOST_HOPS: usize = 20;

/// The browser of one person, with the cookies of one provider.
#[derive(Debug)]
pub struct Browser {
    issuer: String,
    jar: Jar,
}

impl Browser {
    pub(crate) fn of(issuer: &str) -> Self {
        Self {
            issuer: issuer.to_owned(),
            jar: Jar::default(),
        }
    }

    /// Follows an authorization URL until the provider sends the browser back to the client; that
    /// address is not asked.
    ///
    /// # Panics
    ///
    /// Where the provider shows an error of its own instead, such as for an unknown client.
    pub async fn log_in(&mut self, authorization_url: &str) -> Callback {
        let mut url = authorization_url.to_owned();
        for _ in 0..MOST_HOPS {
            let Some(path) = self.path(&url).map(str::to_owned) else {
                return Callback { url };
            };
            let answer = self.get(&path).await;
            let (status, body) = (answer.status(), answer.body());
            let Some(next) = answer.headers().get(LOCATION) else {
                panic!("the provider ended the login with {status}: {body}");
            };
            let next = next.to_str().expect("an address is text");
            url = if next.starts_with('/') {
                format!("{}{next}", self.issuer)
            } else {
                next.to_owned()
            };
        }
        panic!("a login of more than {MOST_HOPS} hops");
    }

    /// Ends the person's session at the provider, at every client. Once this returns, the provider has
    /// sent its logout tokens and heard the answers.
    ///
    /// # Panics
    ///
    /// Where nobody is signed in.
    pub async fn log_out(&mut self) {
        let asked = self.get("/session/end").await;
        let form = asked.body();
        let (_, xsrf) = form
            .split_once("name=\"xsrf\" value=\"")
            .expect("a form to sign out with");
        let (xsrf, _) = xsrf.split_once('"').expect("a value is closed");
        let form = [("xsrf", xsrf), ("logout", "yes")];
        let form = serde_urlencoded::to_string(form).expect("a form");
        let request = Request::post(format!("{}/session/end/confirm", self.issuer))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let done = self.send("/session/end/confirm", request, form).await;
        assert_eq!(done.status(), 303, "signing out: {}", done.body());
    }

    /// The path of a URL of the provider's.
    fn path<'a>(&self, url: &'a str) -> Option<&'a str> {
        let path = url.strip_prefix(&self.issuer)?;
        path.starts_with('/').then_some(path)
    }

    async fn get(&mut self, path: &str) -> Response<String> {
        let request = Request::get(format!("{}{path}", self.issuer));
        self.send(path, request, String::new()).await
    }

    async fn send(
        &mut self,
        path: &str,
        request: ureq::http::request::Builder,
        body: String,
    ) -> Response<String> {
        let request = request.header(COOKIE, self.jar.header(path)).body(body);
        let answer = ask(request.expect("an address")).await;
        for cookie in answer.headers().get_all(SET_COOKIE) {
            self.jar.take(cookie.to_str().expect("a cookie is text"));
        }
        answer
    }
}

/// Where the provider sent the browser: the client's redirect URI with what the provider says.
#[derive(Clone, PartialEq, Eq)]
pub struct Callback {
    url: String,
}

impl Callback {
    /// The whole address.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The authorization code.
    #[must_use]
    pub fn code(&self) -> Option<String> {
        self.parameter("code")
    }

    /// What the client sent along.
    #[must_use]
    pub fn state(&self) -> Option<String> {
        self.parameter("state")
    }

    /// Who sends the browser back (RFC 9207).
    #[must_use]
    pub fn iss(&self) -> Option<String> {
        self.parameter("iss")
    }

    /// Why there is no code.
    #[must_use]
    pub fn error(&self) -> Option<String> {
        self.parameter("error")
    }

    fn parameter(&self, name: &str) -> Option<String> {
        let (_, query) = self.url.split_once('?')?;
        let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).ok()?;
        let pair = pairs.into_iter().find(|(key, _)| key == name)?;
        Some(pair.1)
    }
}

impl fmt::Debug for Callback {
    /// The address without the query, which holds the code.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.url.split('?').next();
        f.debug_tuple("Callback").field(&address).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_whose_port_begins_as_the_issuers_is_not_the_issuer() {
        let browser = Browser::of("http://127.0.0.1:400");
        assert_eq!(
            browser.path("http://127.0.0.1:400/auth?a=b"),
            Some("/auth?a=b")
        );
        assert_eq!(browser.path("http://127.0.0.1:4000/callback"), None);
    }
}
