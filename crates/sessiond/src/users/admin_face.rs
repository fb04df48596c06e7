//! Accounts through the admin face of the server that has the data folder.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use session_core::{Email, MAX_PAGE};
use ureq::Agent;
use ureq::http::Response;
use zeroize::Zeroizing;

use super::{Change, Task, User, UsersError, printable, rights};
use crate::keys;
use crate::settings::Settings;

/// How long one answer may take: longer than the server lets a request take.
const ANSWERS_WITHIN: Duration = Duration::from_secs(60);
/// Largest answer that is read, in bytes: a page of the longest addresses, roles and permissions.
const LARGEST_ANSWER: u64 = 16 * 1024 * 1024;

pub(super) struct AdminFace {
    agent: Agent,
    address: SocketAddr,
    bearer: Zeroizing<String>,
}

impl AdminFace {
    pub(super) fn of(address: SocketAddr, settings: &Settings) -> Result<Self, UsersError> {
        let key = keys::admin_key(settings)?.ok_or(UsersError::NoAdminKey)?;
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

    pub(super) fn carry_out(&self, task: &Task) -> Result<Vec<User>, UsersError> {
        match task {
            Task::List => self.list(),
            Task::Add {
                email,
                role,
                permissions,
                password,
            } => {
                let mut body = rights(role.clone(), permissions.clone());
                body.insert("email".to_owned(), email.as_str().into());
                body.insert("password".to_owned(), password.expose().into());
                let added = self.post(email, body.into())?;
                Ok(vec![self.user(&added)?])
            }
            Task::Change(email, change) => Ok(vec![self.change(email, change)?]),
        }
    }

    fn list(&self) -> Result<Vec<User>, UsersError> {
        let (mut users, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let limit = MAX_PAGE.to_string();
            let mut query = vec![("limit", limit.as_str())];
            query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
            let page = self.page(&query)?;
            for user in self.users_of(&page)? {
                users.push(self.user(user)?);
            }
            match page["next_cursor"].as_str() {
                Some(next) => cursor = Some(next.to_owned()),
                None => return Ok(users),
            }
        }
    }

    fn change(&self, email: &Email, change: &Change) -> Result<User, UsersError> {
        let page = self.page(&[("email", email.as_str())])?;
        let found = self.users_of(&page)?.first();
        let found = found.ok_or_else(|| UsersError::NoSuchAccount(email.clone()))?;
        let user = self.user(found)?;
        // An id is a UUID: it needs no escaping, and is not taken for anything else.
        let id: session_core::AccountId = user.user_id.parse().map_err(|_| self.not_ours())?;
        let path = format!("/admin/users/{id}");
        let body = match change {
            Change::Disable => json!({"disabled": true}),
            Change::Enable => json!({"disabled": false}),
            Change::Password(password) => json!({"password": password.expose()}),
            Change::Delete => {
                let request = self.agent.delete(self.url(&path));
                let answer = request.header("authorization", self.bearer.as_str()).call();
                self.read(email, answer)?;
                return Ok(user);
            }
        };
        let request = self.agent.patch(self.url(&path));
        let request = request.header("authorization", self.bearer.as_str());
        let request = request.content_type("application/json");
        let changed = self.read(email, request.send(text_of(body).as_str()))?;
        self.user(&changed)
    }

    fn post(&self, email: &Email, body: Value) -> Result<Value, UsersError> {
        let request = self.agent.post(self.url("/admin/users"));
        let request = request.header("authorization", self.bearer.as_str());
        let request = request.content_type("application/json");
        self.read(email, request.send(text_of(body).as_str()))
    }

    fn page(&self, query: &[(&str, &str)]) -> Result<Value, UsersError> {
        let request = self.agent.get(self.url("/admin/users"));
        let request = request.query_pairs(query.iter().copied());
        let answer = request.header("authorization", self.bearer.as_str()).call();
        self.read_any(answer)?
            .map_err(|problem| self.refused(&problem))
    }

    /// The body of a success about the account of an address.
    fn read(
        &self,
        email: &Email,
        answer: Result<Response<ureq::Body>, ureq::Error>,
    ) -> Result<Value, UsersError> {
        let answer = self.read_any(answer)?;
        answer.map_err(|problem| match problem["code"].as_str() {
            Some("email_taken") => UsersError::Taken(email.clone()),
            Some("account_not_found") => UsersError::NoSuchAccount(email.clone()),
            _ => self.refused(&problem),
        })
    }

    /// The body of a success, or else of a problem.
    fn read_any(
        &self,
        answer: Result<Response<ureq::Body>, ureq::Error>,
    ) -> Result<Result<Value, Value>, UsersError> {
        let unreachable = |source| UsersError::Unreachable {
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

    fn refused(&self, problem: &Value) -> UsersError {
        if problem["code"] == "https_required" {
            return UsersError::HttpsRequired(self.address);
        }
        match problem["detail"].as_str() {
            Some(detail) => UsersError::Refused {
                address: self.address,
                detail: printable(detail),
            },
            None => self.not_ours(),
        }
    }

    fn users_of<'a>(&self, page: &'a Value) -> Result<&'a Vec<Value>, UsersError> {
        page["users"].as_array().ok_or_else(|| self.not_ours())
    }

    fn user(&self, shown: &Value) -> Result<User, UsersError> {
        let member = |name: &str| {
            let text = shown[name].as_str().map(str::to_owned);
            text.ok_or_else(|| self.not_ours())
        };
        Ok(User {
            user_id: member("user_id")?,
            email: member("email")?,
            role: member("role")?,
            is_disabled: shown["disabled"].as_bool().ok_or_else(|| self.not_ours())?,
        })
    }

    fn not_ours(&self) -> UsersError {
        UsersError::NotOurs(self.address)
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

/// A body that may hold a password, wiped on drop.
fn text_of(body: Value) -> Zeroizing<String> {
    Zeroizing::new(body.to_string())
}
