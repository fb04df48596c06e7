//! Accounts straight on the store, by the same rules as the server's.

use app::{AccountEdit, AccountError, Actor, Origin, Services};
use session_core::{Account, Email, Metadata, PageRequest};

use super::{Change, Task, User, UsersError, rights};
use crate::data_dir::Holder;
use crate::services::{self, Started};
use crate::settings::Settings;

pub(super) struct Accounts {
    services: Services,
}

impl Accounts {
    pub(super) async fn open(settings: &Settings) -> Result<Self, UsersError> {
        let Started { services, .. } = services::start(settings, Holder::command()).await?;
        Ok(Self { services })
    }

    pub(super) async fn carry_out(&self, task: &Task) -> Result<Vec<User>, UsersError> {
        match task {
            Task::List => self.list().await,
            Task::Add {
                email,
                role,
                permissions,
                password,
            } => {
                let metadata = Metadata::new(&rights(role.clone(), permissions.clone()))?;
                let origin = origin("users add");
                let accounts = &self.services.accounts;
                let added = accounts
                    .add(email.clone(), password, metadata, &origin)
                    .await;
                let added = added.map_err(told(email))?;
                Ok(vec![User::of(&added)])
            }
            Task::Change(email, change) => {
                let changed = self.change(email, change).await;
                Ok(vec![changed.map_err(told(email))?])
            }
        }
    }

    /// Writes the audit log to its end.
    pub(super) async fn close(self) -> Result<(), UsersError> {
        self.services.close().await.map_err(UsersError::Close)
    }

    async fn list(&self) -> Result<Vec<User>, UsersError> {
        let (mut users, mut page) = (Vec::new(), PageRequest::default());
        loop {
            let found = self.services.accounts.list(page).await;
            let found = found.map_err(UsersError::Store)?;
            users.extend(found.items.iter().map(|account| User::of(account)));
            match found.next {
                Some(next) => page = page.following(next),
                None => return Ok(users),
            }
        }
    }

    async fn change(&self, email: &Email, change: &Change) -> Result<User, AccountError> {
        let accounts = &self.services.accounts;
        let account = accounts.find_by_email(email).await?;
        let origin = origin(change.command());
        let edit = match change {
            Change::Disable => AccountEdit {
                is_disabled: Some(true),
                ..AccountEdit::default()
            },
            Change::Enable => AccountEdit {
                is_disabled: Some(false),
                ..AccountEdit::default()
            },
            Change::Password(password) => AccountEdit {
                // In the form that it has already: this cannot fail.
                password: Some(session_core::Password::new(password.expose())?),
                ..AccountEdit::default()
            },
            Change::Delete => {
                accounts.remove(account.id, &origin).await?;
                return Ok(User::of(&account));
            }
        };
        let account = accounts.edit(account.id, edit, &origin).await?;
        Ok(User::of(&account))
    }
}

/// Whoever can open the store is an operator.
fn origin(command: &'static str) -> Origin<'static> {
    Origin {
        actor: Actor::Admin,
        endpoint: Some(command),
        ..Origin::system()
    }
}

/// The same words as for an answer of the server.
fn told(email: &Email) -> impl Fn(AccountError) -> UsersError {
    move |error| match error {
        AccountError::EmailTaken => UsersError::Taken(email.clone()),
        AccountError::NoSuchAccount => UsersError::NoSuchAccount(email.clone()),
        error => UsersError::Store(error),
    }
}

impl User {
    fn of(account: &Account) -> Self {
        Self {
            user_id: account.id.to_string(),
            email: account.email.as_str().to_owned(),
            role: account.metadata.role().to_owned(),
            is_disabled: account.is_disabled,
        }
    }
}
