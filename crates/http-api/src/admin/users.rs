//! Accounts: who may sign in with an e-mail address and a password.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use session_core::{Account, AccountId, Email, Metadata, PageRequest, Password};
use utoipa::{IntoParams, ToSchema};

use super::guard::Admin;
use super::terminate::Done;
use crate::api::AppState;
use crate::json::{Json, Path, Query};
use crate::problem::{Problem, ProblemBody};

/// An account as operators see it: without anything that its password could be guessed from.
#[derive(Serialize, ToSchema)]
pub(crate) struct UserJson {
    user_id: String,
    #[schema(example = "ada@example.org")]
    email: String,
    role: String,
    permissions: Vec<String>,
    /// Whether nobody may sign in with it.
    disabled: bool,
    created_at: DateTime<Utc>,
    password_set_at: DateTime<Utc>,
}

impl UserJson {
    pub(super) fn of(account: &Account) -> Self {
        let permissions = account.metadata.permissions().iter();
        Self {
            user_id: account.id.to_string(),
            email: account.email.as_str().to_owned(),
            role: account.metadata.role().to_owned(),
            permissions: permissions.map(|one| one.as_ref().to_owned()).collect(),
            disabled: account.is_disabled,
            created_at: account.created_at,
            password_set_at: account.password_set_at,
        }
    }
}

#[derive(Deserialize, IntoParams)]
pub(crate) struct UserQuery {
    /// The account of this address alone.
    email: Option<String>,
    /// Accounts of a page; 100 unless given, at most 1000.
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct UserPage {
    /// Newest first.
    users: Vec<UserJson>,
    /// Where the next page begins; not on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// All accounts, newest first, or the one of an address: none where it has no account.
#[utoipa::path(get, path = "/admin/users", tag = "admin",
    params(UserQuery),
    security(("admin_key" = []), ("admin_session" = [])),
    responses(
        (status = 200, body = UserPage),
        (status = 400, description = "Malformed or out of bounds", body = ProblemBody<'_>),
        (status = 401, description = "No credential, or an unknown one", body = ProblemBody<'_>),
        (status = 403, description = "Not an operator's", body = ProblemBody<'_>),
        (status = 503, description = "The store is away", body = ProblemBody<'_>),
    ))]
pub(crate) async fn users(
    _: Admin,
    State(state): State<AppState>,
    Query(query): Query<UserQuery>,
) -> Result<Json<UserPage>, Problem> {
    let cursor = query.cursor.as_deref().map(str::parse).transpose()?;
    let page = PageRequest::new(query.limit, cursor)?;
    let accounts = &state.services.accounts;
    let (items, next) = match query.email {
        Some(email) => {
            let email: Email = email.parse()?;
            let found = match accounts.find_by_email(&email).await {
                Ok(account) => vec![account],
                Err(app::AccountError::NoSuchAccount) => Vec::new(),
                Err(error) => return Err(error.into()),
            };
            (found, None)
        }
        None => {
            let page = accounts.list(page).await?;
            (page.items, page.next)
        }
    };
    Ok(Json(UserPage {
        users: items.iter().map(|account| UserJson::of(account)).collect(),
        next_cursor: next.map(|cursor| cursor.0.to_string()),
    }))
}

#[derive(Deserialize, ToSchema)]
pub(crate) struct NewUser {
    #[schema(example = "ada@example.org")]
    email: String,
    /// At least 15 characters, unless the deployment says otherwise, and none that is tried first.
    password: String,
    /// `user` unless given.
    role: Option<String>,
    permissions: Option<Vec<String>>,
}

/// Makes an account, whether or not registration is open.
#[utoipa::path(post, path = "/admin/users", tag = "admin", request_body = NewUser,
    security(("admin_key" = []), ("admin_session" = [])),
    responses(
        (status = 201, body = UserJson),
        (status = 400, description = "Malformed, or the password is too short or too common", body = ProblemBody<'_>),
        (status = 401, description = "No credential, or an unknown one", body = ProblemBody<'_>),
        (status = 403, description = "Not an operator's", body = ProblemBody<'_>),
        (status = 409, description = "The address has an account already", body = ProblemBody<'_>),
        (status = 503, description = "Too many at once, or the store is away", body = ProblemBody<'_>),
    ))]
pub(crate) async fn create(
    admin: Admin,
    State(state): State<AppState>,
    Json(body): Json<NewUser>,
) -> Result<Response, Problem> {
    let (email, password) = (body.email.parse()?, Password::new(&body.password)?);
    let mut members = Map::new();
    if let Some(role) = body.role {
        members.insert("role".to_owned(), role.into());
    }
    if let Some(permissions) = body.permissions {
        members.insert("permissions".to_owned(), permissions.into());
    }
    let metadata = Metadata::new(&members)?;
    let accounts = &state.services.accounts;
    let account = accounts
        .add(email, &password, metadata, &admin.origin())
        .await?;
    Ok((StatusCode::CREATED, Json(UserJson::of(&account))).into_response())
}

/// An account.
#[utoipa::path(get, path = "/admin/users/{user_id}", tag = "admin",
    params(("user_id" = String, Path)),
    security(("admin_key" = []), ("admin_session" = [])),
    responses(
        (status = 200, body = UserJson),
        (status = 401, description = "No credential, or an unknown one", body = ProblemBody<'_>),
        (status = 403, description = "Not an operator's", body = ProblemBody<'_>),
        (status = 404, description = "No such account", body = ProblemBody<'_>),
        (status = 503, description = "The store is away", body = ProblemBody<'_>),
    ))]
pub(crate) async fn user(
    _: Admin,
    State(state): State<AppState>,
    Path(id): Path,
) -> Result<Json<UserJson>, Problem> {
    let account = state.services.accounts.find(account_id(&id)?).await?;
    Ok(Json(UserJson::of(&account)))
}

#[derive(Deserialize, ToSchema)]
pub(crate) struct ChangeUser {
    /// Another password.
    password: Option<String>,
    /// Another role; `null` makes it `user` again.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    role: Option<Value>,
    /// All permissions from now on; `null` removes them.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<Vec<String>>)]
    permissions: Option<Value>,
    /// Whether nobody may sign in with it.
    disabled: Option<bool>,
}

/// Tells a member that is `null` from one that is not there.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl ChangeUser {
    /// What to change about the metadata; nothing is not the same as an empty change, which ends sessions.
    fn rights(role: Option<Value>, permissions: Option<Value>) -> Option<Map<String, Value>> {
        let named = [("role", role), ("permissions", permissions)];
        let named = named.into_iter();
        let members: Map<_, _> = named
            .filter_map(|(name, value)| Some((name.to_owned(), value?)))
            .collect();
        Some(members).filter(|members| !members.is_empty())
    }
}

/// Changes an account. A password, a role, permissions, or that it is disabled end all of its sessions.
#[utoipa::path(patch, path = "/admin/users/{user_id}", tag = "admin",
    params(("user_id" = String, Path)),
    request_body = ChangeUser,
    security(("admin_key" = []), ("admin_session" = [])),
    responses(
        (status = 200, body = UserJson),
        (status = 400, description = "Malformed, or the password is too short or too common", body = ProblemBody<'_>),
        (status = 401, description = "No credential, or an unknown one", body = ProblemBody<'_>),
        (status = 403, description = "Not an operator's", body = ProblemBody<'_>),
        (status = 404, description = "No such account", body = ProblemBody<'_>),
        (status = 409, description = "Too many others change the same account", body = ProblemBody<'_>),
        (status = 503, description = "Too many at once, or the store is away", body = ProblemBody<'_>),
    ))]
pub(crate) async fn change(
    admin: Admin,
    State(state): State<AppState>,
    Path(id): Path,
    Json(body): Json<ChangeUser>,
) -> Result<Json<UserJson>, Problem> {
    let id = account_id(&id)?;
    let password = body.password.as_deref().map(Password::new).transpose()?;
    let edit = app::AccountEdit {
        password,
        metadata: ChangeUser::rights(body.role, body.permissions),
        is_disabled: body.disabled,
    };
    let accounts = &state.services.accounts;
    let account = accounts.edit(id, edit, &admin.origin()).await?;
    Ok(Json(UserJson::of(&account)))
}

/// Forgets an account and ends all of its sessions. Its address is free again.
#[utoipa::path(delete, path = "/admin/users/{user_id}", tag = "admin",
    params(("user_id" = String, Path)),
    security(("admin_key" = []), ("admin_session" = [])),
    responses(
        (status = 200, body = Done),
        (status = 401, description = "No credential, or an unknown one", body = ProblemBody<'_>),
        (status = 403, description = "Not an operator's", body = ProblemBody<'_>),
        (status = 404, description = "No such account", body = ProblemBody<'_>),
        (status = 503, description = "The store is away", body = ProblemBody<'_>),
    ))]
pub(crate) async fn delete(
    admin: Admin,
    State(state): State<AppState>,
    Path(id): Path,
) -> Result<Json<Done>, Problem> {
    let accounts = &state.services.accounts;
    accounts.remove(account_id(&id)?, &admin.origin()).await?;
    Ok(Json(Done { status: "deleted" }))
}

/// Users of other systems have no account, whatever their ids look like.
fn account_id(text: &str) -> Result<AccountId, Problem> {
    text.parse().map_err(|_| Problem::no_such_account())
}
