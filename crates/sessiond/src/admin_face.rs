//! The admin face of the server that has the data folder, for commands.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use ureq::Agent;
use ureq::http::Response;
use zeroize::Zeroizing;

use crate::data_dir::DataDirError;
use crate::keys;
use crate::printable::printable;
use crate::settings::Settings;

/// How long one answer may take: longer than the server lets a request take.
const ANSWERS_WITHIN: Duration = Duration::from_secs(60);
/// Largest answer that is read, in bytes: a page of the longest addresses, roles and permissions.
const LARGEST_ANSWER: u64 = 16 * 1024 * 1024;

/// Why the server that has the data folder did not do what a command is for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AdminFaceError {
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    #[error(
        "a server runs on the data folder, and there is no key to ask it with: set SESSION_ADMIN_KEYS \
         to one of its admin keys"
    )]
    NoAdminKey,
    #[error(
        "the server at {0} takes no plain http (SESSION_REQUIRE_HTTPS), which this command speaks: ask \
         its admin face through the proxy, or stop the server first"
    )]
    HttpsRequired(SocketAddr),
    #[error("the server at {address} cannot be asked: {source}")]
    Unreachable {
        address: SocketAddr,
        source: Box<ureq::Error>,
    },
    #[error("the server at {0} gives an answer that is none of sessiond's")]
    NotOurs(SocketAddr),
    #[error("the server at {address} says: {detail}")]
    Refused { address: SocketAddr, detail: String },
}

/// The body of a success, or else of a problem.
pub(crate) type Answer = Result<Value, Value>;

pub(crate) struct AdminFace {
    agent: Agent,
    address: SocketAddr,
    bearer: Zeroizing<String>,
}

impl AdminFace {
    /// The one of the server at this address.
    pub(crate) fn of(address: SocketAddr, settings: &Settings) -> Result<Self, AdminFaceError> {
        let key = keys::admin_key(settings)?.ok_or(AdminFaceError::NoAdminKey)?;
        let config = Agent::config_builder()
            // Neither a proxy of the environment nor a redirect may come to see the key.
            .proxy(None)
            .max_redirects(0)
            .http_status_as_error(false)
            .timeout_global(Some(ANSWERS_WITHIN))
            .user_agent(concat!("sessiond/", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Self {
            agent: config.into(),
            address,
            bearer: Zeroizing::new(format!("Bearer {}", key.as_str())),
        })
    }

    pub(crate) fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Answer, AdminFaceError> {
        let request = self.agent.get(self.url(path));
        let request = request.query_pairs(query.iter().copied());
        self.read(request.header("authorization", self.bearer.as_str()).call())
    }

    pub(crate) fn delete(&self, path: &str) -> Result<Answer, AdminFaceError> {
        let request = self.agent.delete(self.url(path));
        self.read(request.header("authorization", self.bearer.as_str()).call())
    }

    pub(crate) fn post(&self, path: &str, body: Value) -> Result<Answer, AdminFaceError> {
        let request = self.agent.post(self.url(path));
        let request = request.header("authorization", self.bearer.as_str());
        let request = request.content_type("application/json");
        self.read(request.send(text_of(body).as_str()))
    }

    pub(crate) fn patch(&self, path: &str, body: Value) -> Result<Answer, AdminFaceError> {
        let request = self.agent.patch(self.url(path));
        let request = request.header("authorization", self.bearer.as_str());
        let request = request.content_type("application/json");
        self.read(request.send(text_of(body).as_str()))
    }

    /// What a problem means that is none of the command's own.
    pub(crate) fn refused(&self, problem: &Value) -> AdminFaceError {
        if problem["code"] == "https_required" {
            return AdminFaceError::HttpsRequired(self.address);
        }
        match problem["detail"].as_str() {
            Some(detail) => AdminFaceError::Refused {
                address: self.address,
                detail: printable(detail),
            },
            None => self.not_ours(),
        }
    }

    pub(crate) fn not_ours(&self) -> AdminFaceError {
        AdminFaceError::NotOurs(self.address)
    }

    fn read(
        &self,
        answer: Result<Response<ureq::Body>, ureq::Error>,
    ) -> Result<Answer, AdminFaceError> {
        let unreachable = |source| AdminFaceError::Unreachable {
            address: self.address,
            source: Box::new(source),
        };
        let mut answer = answer.map_err(unreachable)?;
        let status = answer.status();
        let body = answer.body_mut().with_config().limit(LARGEST_ANSWER);
        let body = body.read_to_vec().map_err(unreachable)?;
        let body: Value = serde_json::from_slice(&body).map_err(|_| self.not_ours())?;
        Ok(if status.is_success() {
            Ok(body)
        } else {
            Err(body)
        })
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

/// A body that may hold a password, wiped on drop.
fn text_of(body: Value) -> Zeroizing<String> {
    Zeroizing::new(body.to_string())
}
