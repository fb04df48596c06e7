use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use reqwest::{Client, RequestBuilder, Response, Url, redirect, retry};
use session_core::ports::Clock;
use session_core::{InvalidInput, ProviderFailure};
use zeroize::Zeroizing;

use crate::retry_after::retry_after;
use crate::{ProviderSettings, tls};

/// The one way out of this crate.
#[derive(Clone)]
pub(crate) struct Http {
    client: Client,
    clock: Arc<dyn Clock>,
}

/// What came back, whatever its status.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<TimeDelta>,
    /// Empty where only the status came and the status is enough.
    pub(crate) body: Zeroizing<Vec<u8>>,
}

impl Http {
    pub(crate) fn new(
        settings: &ProviderSettings,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, InvalidInput> {
        let client = Client::builder()
            .tls_backend_preconfigured(tls::config(settings.ca_file.as_deref())?)
            .connect_timeout(settings.connect_timeout)
            .redirect(redirect::Policy::none())
            .referer(false)
            .no_proxy()
            // A refresh token that is sent twice ends its grant (RFC 9700 §4.14). A connection that
            // was used before may be closed by the server just as a request is written to it; hyper
            // then sends the request again on another one. So no connection is used twice, and no
            // request is sent again for any other reason.
            .pool_max_idle_per_host(0)
            .retry(retry::never())
            .user_agent(concat!("sessiond/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|_| InvalidInput::new("ca_file", "makes no client for TLS"))?;
        Ok(Self { client, clock })
    }

    pub(crate) fn get(&self, url: Url) -> RequestBuilder {
        self.client.get(url)
    }

    /// A form (RFC 6749 appendix B).
    pub(crate) fn post(&self, url: Url, form: String) -> RequestBuilder {
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
        self.client.post(url).header(CONTENT_TYPE, kind).body(form)
    }

    /// Sends a request, once.
    ///
    /// # Errors
    /// `Unavailable` when nothing was sent; `Ambiguous` when something was, and no answer came, or
    /// none that is whole.
    pub(crate) async fn send(
        &self,
        request: RequestBuilder,
        max_bytes: usize,
        timeout: Duration,
    ) -> Result<Answer, ProviderFailure> {
        let json = HeaderValue::from_static("application/json");
        let request = request.header(ACCEPT, json).timeout(timeout);
        let response = request.send().await.map_err(|error| unsent(&error))?;
        let status = response.status().as_u16();
        let told = response.headers().get(RETRY_AFTER);
        let retry_after = told
            .and_then(|value| value.to_str().ok())
            .and_then(|value| retry_after(value, self.clock.now()));
        let body = match body(response, max_bytes).await {
            Ok(body) => body,
            // Of these nothing but the status is looked at.
            Err(_) if status == 429 || status >= 500 => Zeroizing::default(),
            Err(problem) => return Err(ProviderFailure::Ambiguous(problem.to_owned())),
        };
        Ok(Answer {
            status,
            retry_after,
            body,
        })
    }
}

async fn body(
    mut response: Response,
    max_bytes: usize,
) -> Result<Zeroizing<Vec<u8>>, &'static str> {
    let mut body = Zeroizing::new(Vec::new());
    loop {
        match response.chunk().await {
            Ok(Some(part)) if body.len() + part.len() > max_bytes => return Err("it is too long"),
            Ok(Some(part)) => body.extend_from_slice(&part),
            Ok(None) => return Ok(body),
            Err(error) if error.is_timeout() => return Err("it did not end in time"),
            Err(_) => return Err("it broke off"),
        }
    }
}

/// What it means that no status came. The texts hold nothing of the request.
fn unsent(error: &reqwest::Error) -> ProviderFailure {
    if error.is_connect() {
        return ProviderFailure::Unavailable(format!("cannot connect: {}", cause(error)));
    }
    if error.is_builder() {
        return ProviderFailure::Unavailable("the request cannot be made".to_owned());
    }
    let problem = if error.is_timeout() {
        "none came in time"
    } else {
        "the connection broke"
    };
    ProviderFailure::Ambiguous(problem.to_owned())
}

/// What is at the bottom of a failure to connect: the system's word, or that of TLS.
fn cause(error: &reqwest::Error) -> String {
    const MAX_CHARS: usize = 200;
    let mut cause: Option<&(dyn std::error::Error + 'static)> = error.source();
    while let Some(deeper) = cause.and_then(std::error::Error::source) {
        cause = Some(deeper);
    }
    let text = cause.map_or_else(|| "for no reason told".to_owned(), ToString::to_string);
    let text = text.chars().filter(|letter| !letter.is_control());
    text.take(MAX_CHARS).collect()
}
