use std::future::poll_fn;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use serde_json::json;
use session_core::ports::{AccountChange, HashError, PasswordHasher, PasswordMatch, UserDirectory};
use session_core::{
    Account, AccountId, AuditAction, AuditEvent, ClientDetails, Email, EndReason, Lifetime,
    Password, PasswordHash, Refusal, Session, SessionToken, UserId, rate_subject,
};

use crate::audit_trail::AuditTrail;
use crate::terms::{CreatedSession, NewSession, SessionRef, Verdict};
use crate::{
    AccessTokens, AccountError, IssuedAccess, LoginPolicy, Origin, RevocationService,
    SecurityService, SessionError, SessionManager,
};

/// The rate limit of one account from one address.
const LOGIN_ATTEMPT: &str = "login_attempt";
/// The rate limit of one account from wherever: looser, since anyone can use it up for its owner.
const LOGIN_ACCOUNT: &str = "login_account";
/// The rate limit of all logins from one address.
const LOGIN_ADDRESS: &str = "login_address";

/// Lets people in who have an e-mail address and a password, and keeps them in.
pub struct LoginService {
    pub(crate) sessions: Arc<SessionManager>,
    pub(crate) revocations: Arc<RevocationService>,
    pub(crate) security: Arc<SecurityService>,
    pub(crate) accounts: Arc<dyn UserDirectory>,
    pub(crate) hasher: Arc<dyn PasswordHasher>,
    pub(crate) access_tokens: Arc<AccessTokens>,
    pub(crate) audit: Arc<AuditTrail>,
    pub(crate) policy: LoginPolicy,
}

/// What somebody signs in with.
#[derive(Debug)]
pub struct Credentials {
    /// The address.
    pub email: Email,
    /// The password.
    pub password: Password,
    /// Whether to be remembered.
    pub remember_me: bool,
    /// Where from.
    pub client: ClientDetails,
    /// What the client has been using, which the new session takes the place of.
    pub held: Vec<SessionToken>,
}

/// Somebody who was let in.
#[derive(Debug)]
pub struct SignedIn {
    /// The session that was begun, with its token.
    pub created: CreatedSession,
    /// Its first access token.
    pub access: IssuedAccess,
}

/// A session that goes on.
#[derive(Debug)]
pub struct Refreshed {
    /// The session.
    pub session: Arc<Session>,
    /// A new access token.
    pub access: IssuedAccess,
    /// The session token from now on, where it was replaced.
    pub token: Option<SessionToken>,
}

impl LoginService {
    /// Begins a session for whoever has the password of an account.
    ///
    /// An unknown address, a wrong password, an account that is disabled and one that was tried too
    /// often are told alike, and cost the same work: so nobody learns who has an account. Only too
    /// many logins from one address are told as such, since that says nothing about accounts.
    ///
    /// # Errors
    /// [`AccountError::Refused`]; [`SessionError::RateLimited`] for the address;
    /// [`HashError::Busy`](session_core::ports::HashError::Busy); `Store`.
    pub async fn login(
        &self,
        credentials: Credentials,
        origin: &Origin<'_>,
    ) -> Result<SignedIn, AccountError> {
        let Credentials {
            email,
            password,
            remember_me,
            client,
            held,
        } = credentials;
        let subjects = Subjects::of_login(&email, origin.ip_address);
        self.admit_address(origin).await?;
        let account = self.accounts.find_account_by_email(&email).await?;
        let user_id = account.as_ref().map(|account| account.id.user_id());
        let hash = account.as_ref().map(|account| &account.password_hash);
        let counting = self.is_throttled(&subjects, user_id.as_ref(), origin);
        let (throttled, matched) = self.check(&password, hash, counting).await?;
        let account = match account {
            _ if throttled => Err("throttled"),
            None => Err("unknown_account"),
            Some(_) if matched == PasswordMatch::No => Err("wrong_password"),
            Some(account) if account.is_disabled => Err("disabled"),
            Some(account) => Ok(account),
        };
        let account = match account {
            Ok(account) => account,
            Err(why) => {
                self.record_failure(user_id, why, origin).await;
                return Err(AccountError::Refused);
            }
        };
        self.security.reset_rate_limits(&subjects.counted()).await?;
        if matched == PasswordMatch::YesButWeak {
            self.strengthen(&account, &password).await;
        }
        // Before the new one: it makes room for it at the limit.
        for held in held {
            self.end_held(held, origin).await;
        }
        let new = NewSession {
            lifetime: self.lifetime(remember_me),
            remember_me,
            metadata: account.metadata.clone(),
            client,
            ..NewSession::of(account.id.user_id())
        };
        self.begin(&account, new, origin).await
    }

    /// A session for an account whose owner proved to be there.
    ///
    /// What was true when the password was checked may not be by the time there is a session: whoever
    /// disables an account ends its sessions afterwards, and must not miss this one. So the account is
    /// looked at once more when it can no longer be missed.
    pub(crate) async fn begin(
        &self,
        account: &Account,
        new: NewSession,
        origin: &Origin<'_>,
    ) -> Result<SignedIn, AccountError> {
        let user_id = new.user_id.clone();
        let begun = async {
            let created = self.sessions.create(new, origin).await?;
            match self.confirm(account, &created.session).await {
                Ok(access) => Ok(SignedIn { created, access }),
                Err((reason, error)) => {
                    // Nobody has its token: it must not live on.
                    let which = SessionRef::Handle(created.session.id);
                    self.revocations
                        .revoke_session(&which, &[], reason, origin)
                        .await?;
                    Err(error)
                }
            }
        };
        let signed_in: Result<SignedIn, AccountError> = begun.await;
        let signed_in = match signed_in {
            Ok(signed_in) => signed_in,
            Err(error) => {
                let why = match &error {
                    AccountError::Refused => "changed_meanwhile",
                    AccountError::Session(SessionError::LimitReached { .. }) => "session_limit",
                    _ => "unavailable",
                };
                self.record_failure(Some(user_id), why, origin).await;
                return Err(error);
            }
        };
        let session = &signed_in.created.session;
        let mut event = AuditEvent {
            session_id: Some(session.id),
            user_id: Some(user_id),
            ..self.audit.event(AuditAction::LoginSuccess, origin)
        };
        let jti = json!(signed_in.access.id.to_string());
        event.metadata.insert("access_token_id".into(), jti);
        self.audit.record(event).await;
        Ok(signed_in)
    }

    /// The first access token of a session, if its account is still what it was when its owner proved to
    /// be there; else why the session ends.
    async fn confirm(
        &self,
        account: &Account,
        session: &Session,
    ) -> Result<IssuedAccess, (EndReason, AccountError)> {
        let now = match self.accounts.find_account(account.id).await {
            Ok(now) => now,
            Err(error) => return Err((EndReason::LOGOUT, error.into())),
        };
        let reason = match now {
            None => EndReason::ACCOUNT_DELETED,
            Some(now) if now.is_disabled => EndReason::ACCOUNT_DISABLED,
            Some(now) if now.password_set_at != account.password_set_at => {
                EndReason::PASSWORD_CHANGED
            }
            Some(now) if now.metadata != account.metadata => EndReason::ROLE_CHANGED,
            Some(_) => {
                let issued = self.access_tokens.issue(session);
                return issued.map_err(|error| (EndReason::LOGOUT, error));
            }
        };
        Err((reason, AccountError::Refused))
    }

    /// A new access token for a session that is live; `rotate` asks for a new session token too.
    /// `seen` is who sent the token, as for [`SessionManager::validate`].
    ///
    /// # Errors
    /// [`AccountError::NotLive`] unless the token proves a live session; [`AccountError::Sign`];
    /// `Entropy`; `Store`.
    pub async fn refresh(
        &self,
        token: &SessionToken,
        rotate: bool,
        seen: Option<&ClientDetails>,
        origin: &Origin<'_>,
    ) -> Result<Refreshed, AccountError> {
        let session = match self.sessions.validate(token, seen, origin).await? {
            Verdict::Valid(found) => found.session,
            Verdict::Refused(refusal) => return Err(AccountError::NotLive(refusal)),
        };
        let (session, replaced) = if rotate || self.policy.rotate {
            match self.sessions.rotate(token, origin).await {
                Ok(rotated) => (rotated.session, Some(rotated.token)),
                // It ended between the two looks.
                Err(SessionError::NotFound) => {
                    return Err(AccountError::NotLive(Refusal::Unknown));
                }
                Err(error) => return Err(error.into()),
            }
        } else {
            (session, None)
        };
        let access = self.access_tokens.issue(&session)?;
        let mut event = AuditEvent {
            session_id: Some(session.id),
            user_id: Some(session.user_id.clone()),
            ..self.audit.event(AuditAction::SessionRefreshed, origin)
        };
        let jti = json!(access.id.to_string());
        event.metadata.insert("access_token_id".into(), jti);
        self.audit.record(event).await;
        Ok(Refreshed {
            session,
            access,
            token: replaced,
        })
    }

    /// Checks a password, whatever is known of the account by now, and counts the attempt beside it: the
    /// store takes longer to count than to refuse, and the answer must take as long for all.
    pub(crate) async fn check(
        &self,
        password: &Password,
        hash: Option<&PasswordHash>,
        counting: impl Future<Output = Result<bool, SessionError>>,
    ) -> Result<(bool, PasswordMatch), AccountError> {
        let mut checking = pin!(self.matches(password, hash));
        // That too many wait is told at once. It must not count: whoever is told to come back has not
        // been wrong.
        let at_once = poll_fn(|context| Poll::Ready(checking.as_mut().poll(context))).await;
        if let Poll::Ready(matched) = at_once {
            let matched = matched?;
            return Ok((counting.await?, matched));
        }
        let (throttled, matched) = tokio::join!(counting, checking);
        Ok((throttled?, matched?))
    }

    /// Whether a password is the one of a hash. One that cannot be read lets nobody in, and is told to
    /// nobody but the server's log: it takes as long as any other.
    async fn matches(
        &self,
        password: &Password,
        hash: Option<&PasswordHash>,
    ) -> Result<PasswordMatch, HashError> {
        match self.hasher.verify(password, hash).await {
            Err(HashError::Damaged(problem)) => {
                tracing::error!(problem, "the password hash of an account is damaged");
                self.hasher.verify(password, None).await
            }
            answer => answer,
        }
    }

    /// How long a session lives that a login begins.
    pub(crate) fn lifetime(&self, remember_me: bool) -> Lifetime {
        if remember_me {
            Lifetime {
                absolute: self.sessions.policy().timeouts.remember_me,
                idle: None,
            }
        } else {
            self.policy.lifetime
        }
    }

    pub(crate) async fn admit_address(&self, origin: &Origin<'_>) -> Result<(), SessionError> {
        let Some(address) = origin.ip_address else {
            return Ok(());
        };
        let subject = rate_subject(address).to_string();
        self.security
            .check_rate_limit(LOGIN_ADDRESS, &[&subject], None, origin)
            .await
            .map(drop)
    }

    /// Counts an attempt against an account; whether there were too many.
    pub(crate) async fn is_throttled(
        &self,
        subjects: &Subjects,
        user_id: Option<&UserId>,
        origin: &Origin<'_>,
    ) -> Result<bool, SessionError> {
        let counted = self
            .security
            .check_rate_limits(&subjects.counted(), user_id, origin)
            .await;
        match counted {
            Ok(_) => Ok(false),
            Err(SessionError::RateLimited { .. }) => Ok(true),
            Err(error) => Err(error),
        }
    }

    pub(crate) async fn record_failure(
        &self,
        user_id: Option<UserId>,
        why: &'static str,
        origin: &Origin<'_>,
    ) {
        let event = AuditEvent {
            user_id,
            success: false,
            error_code: Some(why.into()),
            ..self.audit.event(AuditAction::LoginFailure, origin)
        };
        self.audit.record(event).await;
    }

    /// Hashes a password that is known to be right with today's parameters. That it fails costs nobody
    /// the login: it is tried again with the next.
    async fn strengthen(&self, account: &Account, password: &Password) {
        let hash: PasswordHash = match self.hasher.hash(password).await {
            Ok(hash) => hash,
            Err(error) => {
                tracing::warn!(%error, "a password could not be hashed anew");
                return;
            }
        };
        let change = AccountChange {
            rehashed: Some(hash),
            ..AccountChange::default()
        };
        let outcome = self
            .accounts
            .change_account(account.id, account.version, change)
            .await;
        if let Err(error) = outcome {
            tracing::warn!(%error, "a password's new hash could not be stored");
        }
    }

    /// Requirement 9: the session held before a login ends with it.
    pub(crate) async fn end_held(&self, held: SessionToken, origin: &Origin<'_>) {
        let which = SessionRef::Token(held);
        let reason = EndReason::NEW_LOGIN;
        let ended = self
            .revocations
            .revoke_session(&which, &[], reason, origin)
            .await;
        match ended {
            Ok(_) | Err(SessionError::NotFound) => {}
            // The login stands: the old session's own deadline ends it.
            Err(error) => tracing::warn!(%error, "the session before a login could not be ended"),
        }
    }

    /// The account of a user; `None` for the users of other systems.
    ///
    /// # Errors
    /// `Store`.
    pub async fn account_of(&self, user_id: &UserId) -> Result<Option<Arc<Account>>, SessionError> {
        match AccountId::of(user_id) {
            Some(id) => Ok(self.accounts.find_account(id).await?),
            None => Ok(None),
        }
    }
}

/// What an attempt to prove a password is counted against.
pub(crate) struct Subjects(Vec<(&'static str, String)>);

impl Subjects {
    /// Of a login: the account, and the account from this address.
    pub(crate) fn of_login(email: &Email, address: Option<IpAddr>) -> Self {
        let address = address.map_or_else(String::new, |address| rate_subject(address).to_string());
        // An address has no space in it.
        Self(vec![
            (LOGIN_ATTEMPT, format!("pair {address} {email}")),
            (LOGIN_ACCOUNT, format!("account {email}")),
        ])
    }

    /// Of somebody who is signed in: what strangers try at the login must not stop them here.
    pub(crate) fn of_user(user_id: &UserId) -> Self {
        Self(vec![(LOGIN_ATTEMPT, format!("user {user_id}"))])
    }

    pub(crate) fn counted(&self) -> Vec<(&str, &str)> {
        let pairs = self.0.iter();
        pairs
            .map(|(rule, subject)| (*rule, subject.as_str()))
            .collect()
    }
}

impl std::fmt::Debug for LoginService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoginService")
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}
