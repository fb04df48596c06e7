//! Accounts through the admin face of the server that has the data folder.

use serde_json::{Value, json};
use session_core::{Email, MAX_PAGE};

use super::{Change, Task, User, UsersError, rights};
use crate::admin_face::{AdminFace, Answer};

pub(super) fn carry_out(face: &AdminFace, task: &Task) -> Result<Vec<User>, UsersError> {
    match task {
        Task::List => list(face),
        Task::Add {
            email,
            role,
            permissions,
            password,
        } => {
            let mut body = rights(role.clone(), permissions.clone());
            body.insert("email".to_owned(), email.as_str().into());
            body.insert("password".to_owned(), password.expose().into());
            let added = read(face, email, face.post("/admin/users", body.into())?)?;
            Ok(vec![user(face, &added)?])
        }
        Task::Change(email, to) => Ok(vec![change(face, email, to)?]),
    }
}

fn list(face: &AdminFace) -> Result<Vec<User>, UsersError> {
    let (mut users, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let limit = MAX_PAGE.to_string();
        let mut query = vec![("limit", limit.as_str())];
        query.extend(cursor.as_deref().map(|cursor| ("cursor", cursor)));
        let page = page(face, &query)?;
        for shown in users_of(face, &page)? {
            users.push(user(face, shown)?);
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = Some(next.to_owned()),
            None => return Ok(users),
        }
    }
}

fn change(face: &AdminFace, email: &Email, change: &Change) -> Result<User, UsersError> {
    let page = page(face, &[("email", email.as_str())])?;
    let found = users_of(face, &page)?.first();
    let found = found.ok_or_else(|| UsersError::NoSuchAccount(email.clone()))?;
    let found = user(face, found)?;
    // An id is a UUID: it needs no escaping, and is not taken for anything else.
    let id: session_core::AccountId = found.user_id.parse().map_err(|_| face.not_ours())?;
    let path = format!("/admin/users/{id}");
    let body = match change {
        Change::Disable => json!({"disabled": true}),
        Change::Enable => json!({"disabled": false}),
        Change::Password(password) => json!({"password": password.expose()}),
        Change::Delete => {
            read(face, email, face.delete(&path)?)?;
            return Ok(found);
        }
    };
    let changed = read(face, email, face.patch(&path, body)?)?;
    user(face, &changed)
}

fn page(face: &AdminFace, query: &[(&str, &str)]) -> Result<Value, UsersError> {
    let answer = face.get("/admin/users", query)?;
    Ok(answer.map_err(|problem| face.refused(&problem))?)
}

/// The body of a success about the account of an address.
fn read(face: &AdminFace, email: &Email, answer: Answer) -> Result<Value, UsersError> {
    answer.map_err(|problem| match problem["code"].as_str() {
        Some("email_taken") => UsersError::Taken(email.clone()),
        Some("account_not_found") => UsersError::NoSuchAccount(email.clone()),
        _ => face.refused(&problem).into(),
    })
}

fn users_of<'a>(face: &AdminFace, page: &'a Value) -> Result<&'a Vec<Value>, UsersError> {
    Ok(page["users"].as_array().ok_or_else(|| face.not_ours())?)
}

fn user(face: &AdminFace, shown: &Value) -> Result<User, UsersError> {
    let member = |name: &str| {
        let text = shown[name].as_str().map(str::to_owned);
        text.ok_or_else(|| face.not_ours())
    };
    Ok(User {
        user_id: member("user_id")?,
        email: member("email")?,
        role: member("role")?,
        is_disabled: shown["disabled"].as_bool().ok_or_else(|| face.not_ours())?,
    })
}
