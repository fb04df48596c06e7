use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use session_core::ports::{
    Clock, Created, EndOutcome, Entropy, Extension, SessionChange, SessionStore, StoreError,
    UpdateOutcome,
};
use session_core::{
    Activity, DeviceFingerprint, EndKind, EndReason, Ending, Page, PageRequest, Refusal, Session,
    SessionId, SessionSecret, SessionStats, SessionToken, UserId,
};
use zeroize::Zeroizing;

use crate::activity_buffer::ActivityBuffer;
use crate::session_cache::SessionCache;
use crate::terms::{CreatedSession, Extended, Found, NewSession, SessionRef, Verdict};
use crate::{Freshness, SessionError, SessionPolicy};

/// Sessions that one call of the store ends or sweeps at most: small enough for others to get their
/// turn in between.
const BATCH: usize = 1000;
/// How often a change is tried again when someone else wrote first. Each time somebody succeeded, so
/// this many failures in a row mean that many other writers.
const UPDATE_TRIES: usize = 100;

/// Everything an application does with sessions.
///
/// Cheap to share behind an [`Arc`]; every method may run in parallel with every other.
pub struct SessionManager {
    store: Arc<dyn SessionStore>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    policy: SessionPolicy,
    activity: ActivityBuffer,
    /// `None` in strict mode.
    cache: Option<SessionCache>,
}

impl SessionManager {
    /// A manager over these ports.
    #[must_use]
    pub fn new(
        store: Arc<dyn SessionStore>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        policy: SessionPolicy,
    ) -> Self {
        let cache = match policy.freshness {
            Freshness::Cached { entries, bound } if entries > 0 => {
                Some(SessionCache::new(entries, bound))
            }
            Freshness::Cached { .. } | Freshness::Strict => None,
        };
        Self {
            store,
            clock,
            entropy,
            policy,
            activity: ActivityBuffer::new(),
            cache,
        }
    }

    /// The numbers it goes by.
    #[must_use]
    pub const fn policy(&self) -> &SessionPolicy {
        &self.policy
    }

    /// The present moment, as every rule here sees it.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Begins a session. Durable when it returns, as far as the store is.
    ///
    /// # Errors
    /// [`SessionError::LimitReached`] where the policy is to refuse; `Entropy`; `Store`.
    pub async fn create(&self, new: NewSession) -> Result<CreatedSession, SessionError> {
        let now = self.clock.now();
        let (secret, id) = self.draw(now)?;
        let session = Session {
            remember_me: new.remember_me,
            metadata: new.metadata,
            client: new.client,
            upstream: new.upstream.map(Box::new),
            ..Session::start(id, new.user_id, secret.hash(), new.lifetime, now)
        };
        match self.store.create(session, self.policy.limit).await? {
            Created::Stored { session, evicted } => {
                evicted.iter().for_each(|id| self.forget(*id));
                Ok(CreatedSession {
                    token: SessionToken { id, secret },
                    session,
                    evicted,
                })
            }
            Created::LimitReached => Err(SessionError::LimitReached {
                max: self.policy.limit.max,
            }),
        }
    }

    /// Whether the bearer of `token` may come in. Counts as activity unless the policy says no.
    ///
    /// # Errors
    /// `Store` when it could not be found out: then nobody gets in and nobody is signed out.
    pub async fn validate(&self, token: &SessionToken) -> Result<Verdict, SessionError> {
        let now = self.clock.now();
        let Some(session) = self.lookup(token.id, now).await? else {
            return Ok(Verdict::Refused(Refusal::Unknown));
        };
        // The secret comes first: to a guesser a dead session looks like none.
        if !session.secret_hash.proves(&token.secret) {
            return Ok(Verdict::Refused(Refusal::Unknown));
        }
        let last_activity = self.last_activity(&session);
        if let Err(refusal) = session.state_after(last_activity, now).admit() {
            return Ok(Verdict::Refused(refusal));
        }
        if self.policy.validation_is_activity {
            self.note_activity(&session, now).await;
        }
        Ok(Verdict::Valid(Found {
            session,
            last_activity,
        }))
    }

    /// A live session's record, with activity up to the present.
    ///
    /// # Errors
    /// [`SessionError::NotFound`], `Store`.
    pub async fn get(&self, which: &SessionRef) -> Result<Arc<Session>, SessionError> {
        let found = self.live(which, self.clock.now()).await?;
        Ok(found.session.with_activity(found.last_activity))
    }

    /// Notes that a live session was used; when that was.
    ///
    /// # Errors
    /// [`SessionError::NotFound`], `Store`.
    pub async fn touch(&self, which: &SessionRef) -> Result<DateTime<Utc>, SessionError> {
        let now = self.clock.now();
        let found = self.live(which, now).await?;
        self.note_activity(&found.session, now).await;
        Ok(now.max(found.last_activity))
    }

    /// Gives a live session more time, as far as the longest lifetime allows.
    ///
    /// # Errors
    /// [`SessionError::Invalid`] for `additional_seconds` out of bounds; `NotFound`, `Store`.
    pub async fn extend(
        &self,
        which: &SessionRef,
        additional_seconds: i64,
    ) -> Result<Extended, SessionError> {
        let by = self.policy.timeouts.extension(additional_seconds)?;
        let now = self.clock.now();
        let before = self.live_in_store(which, now).await?;
        let not_past = self.policy.timeouts.latest_deadline(&before, now);
        let extended = self
            .store
            .extend(before.id, Extension { by, not_past }, now)
            .await?;
        self.forget(before.id);
        let session = extended.ok_or(SessionError::NotFound)?;
        // Parallel extensions each see the deadline that they found, so the sum may be told too high
        // by one of them; the deadline itself is exact.
        let moved = session.expires_at - before.expires_at;
        Ok(Extended {
            session,
            by: moved.min(by),
        })
    }

    /// Changes a live session's metadata member by member (`null` removes), its fingerprint, or both.
    ///
    /// Parallel changes of different members all hold.
    ///
    /// # Errors
    /// [`SessionError::Invalid`] when the result would break a rule; `NotFound`, `Contended`, `Store`.
    pub async fn update(
        &self,
        which: &SessionRef,
        metadata: Option<&Map<String, Value>>,
        device_fingerprint: Option<DeviceFingerprint>,
    ) -> Result<Arc<Session>, SessionError> {
        for _ in 0..UPDATE_TRIES {
            let now = self.clock.now();
            let before = self.live_in_store(which, now).await?;
            let change = SessionChange {
                metadata: metadata
                    .map(|changes| before.metadata.merged(changes))
                    .transpose()?,
                device_fingerprint: device_fingerprint.clone(),
            };
            let outcome = self
                .store
                .update(before.id, before.version, change, now)
                .await;
            self.forget(before.id);
            match outcome? {
                UpdateOutcome::Updated(session) => {
                    return Ok(session.with_activity(self.last_activity(&session)));
                }
                UpdateOutcome::VersionConflict => {}
                UpdateOutcome::NotLive => return Err(SessionError::NotFound),
            }
        }
        Err(SessionError::Contended)
    }

    /// Ends a session for good. Ending what has ended already is fine while its record is kept.
    ///
    /// # Errors
    /// [`SessionError::NotFound`] without a record, or with the wrong secret; `Store`.
    pub async fn end(
        &self,
        which: &SessionRef,
        kind: EndKind,
        reason: EndReason,
    ) -> Result<EndOutcome, SessionError> {
        let now = self.clock.now();
        if let SessionRef::Token(_) = which {
            let session = self.store.find(which.id()).await?;
            self.proven(which, session).ok_or(SessionError::NotFound)?;
        }
        // What is known of its use decides whether it is ended now or had expired before.
        self.write_activity_down(which.id()).await?;
        let outcome = self
            .store
            .end(
                which.id(),
                Ending {
                    kind,
                    reason,
                    at: now,
                },
            )
            .await;
        self.forget(which.id());
        outcome?.ok_or(SessionError::NotFound)
    }

    /// Ends all of a user's sessions, or all but the one of `except`; how many were live.
    ///
    /// # Errors
    /// [`SessionError::Invalid`] for `except` unless it is a live session of this user; `Store`, and
    /// then what was ended so far stays ended.
    pub async fn end_all(
        &self,
        user_id: &UserId,
        except: Option<SessionToken>,
        kind: EndKind,
        reason: EndReason,
    ) -> Result<u64, SessionError> {
        let except = match except {
            Some(token) => Some(self.spared(user_id, token).await?),
            None => None,
        };
        let now = self.clock.now();
        let ending = Ending {
            kind,
            reason,
            at: now,
        };
        let mut count = 0;
        loop {
            let outcome = self
                .store
                .end_user_sessions(user_id, except, ending.clone(), BATCH)
                .await;
            match outcome {
                Ok(batch) => {
                    batch.ended.iter().for_each(|id| self.forget(*id));
                    count += batch.ended.len() as u64;
                    if !batch.more {
                        return Ok(count);
                    }
                }
                Err(error) => {
                    // What was ended before the failure cannot be named.
                    self.forget_all();
                    return Err(error.into());
                }
            }
        }
    }

    /// A page of a user's live sessions, newest first.
    ///
    /// # Errors
    /// `Store`.
    pub async fn list(
        &self,
        user_id: &UserId,
        page: PageRequest,
    ) -> Result<Page<Arc<Session>>, SessionError> {
        let Page { items, next } = self.store.list(user_id, page, self.clock.now()).await?;
        let up_to_date =
            |session: Arc<Session>| session.with_activity(self.last_activity(&session));
        Ok(Page {
            items: items.into_iter().map(up_to_date).collect(),
            next,
        })
    }

    /// Counts over all sessions.
    ///
    /// # Errors
    /// `Store`.
    pub async fn stats(&self) -> Result<SessionStats, SessionError> {
        Ok(self.store.stats(self.clock.now()).await?)
    }

    /// Whether the store answers.
    ///
    /// # Errors
    /// `Store`.
    pub async fn check(&self) -> Result<(), SessionError> {
        Ok(self.store.check().await?)
    }

    /// Notes what has expired and forgets what ended long ago, one batch; whether there is more.
    ///
    /// # Errors
    /// `Store`.
    pub async fn sweep(&self) -> Result<bool, SessionError> {
        let now = self.clock.now();
        let forget_before = now - self.policy.retention;
        let swept = self.store.sweep(now, forget_before, BATCH).await?;
        swept.expired.iter().for_each(|id| self.forget(*id));
        Ok(swept.more)
    }

    /// Writes a part of the buffered activity down; all parts in turn make an interval.
    pub(crate) async fn flush_activity(&self, part: usize) -> Result<(), SessionError> {
        for Activity { id, .. } in self.activity.flush_part(part, &*self.store).await? {
            self.forget(id);
        }
        Ok(())
    }

    /// Writes all buffered activity down and closes the store. Afterwards every call fails.
    ///
    /// # Errors
    /// `Store` when activity could not be written; the store is closed all the same.
    pub async fn close(&self) -> Result<(), SessionError> {
        let mut outcome = Ok(());
        for part in 0..ActivityBuffer::PARTS {
            outcome = self.flush_activity(part).await;
            if outcome.is_err() {
                break;
            }
        }
        self.store.close().await;
        outcome
    }

    fn draw(&self, now: DateTime<Utc>) -> Result<(SessionSecret, SessionId), SessionError> {
        // One request for both, since each is a system call.
        let mut bytes = Zeroizing::new([0; 42]);
        self.entropy.fill(&mut *bytes)?;
        let (mut secret, mut tail) = ([0; 32], [0; 10]);
        secret.copy_from_slice(&bytes[..32]);
        tail.copy_from_slice(&bytes[32..]);
        Ok((SessionSecret::from_bytes(secret), SessionId::at(now, tail)))
    }

    /// The record by the freshness of the policy.
    async fn lookup(
        &self,
        id: SessionId,
        now: DateTime<Utc>,
    ) -> Result<Option<Arc<Session>>, StoreError> {
        match &self.cache {
            Some(cache) => match cache.get(id, now) {
                Some(session) => Ok(Some(session)),
                // Boxed, so that the common case does not carry the state of the rare one around.
                None => Box::pin(cache.get_or_load(id, now, self.store.find(id))).await,
            },
            None => self.store.find(id).await,
        }
    }

    async fn live(&self, which: &SessionRef, now: DateTime<Utc>) -> Result<Found, SessionError> {
        let session = self.lookup(which.id(), now).await?;
        self.admitted(which, session, now)
    }

    /// As [`Self::live`], past the cache: for what is about to be written.
    async fn live_in_store(
        &self,
        which: &SessionRef,
        now: DateTime<Utc>,
    ) -> Result<Arc<Session>, SessionError> {
        let session = self.store.find(which.id()).await?;
        let found = self.admitted(which, session, now)?;
        // The store judges by what is written down: see that it knows of the latest use.
        if found.session.deadline() <= now {
            self.write_activity_down(found.session.id).await?;
        }
        Ok(found.session)
    }

    fn admitted(
        &self,
        which: &SessionRef,
        session: Option<Arc<Session>>,
        now: DateTime<Utc>,
    ) -> Result<Found, SessionError> {
        let session = self.proven(which, session).ok_or(SessionError::NotFound)?;
        let last_activity = self.last_activity(&session);
        let admitted = session.state_after(last_activity, now).admit();
        admitted.map_err(|_| SessionError::NotFound)?;
        Ok(Found {
            session,
            last_activity,
        })
    }

    /// The session, unless it is named by a token whose secret does not prove it.
    fn proven(&self, which: &SessionRef, session: Option<Arc<Session>>) -> Option<Arc<Session>> {
        session.filter(|session| match which {
            SessionRef::Token(token) => session.secret_hash.proves(&token.secret),
            SessionRef::Handle(_) => true,
        })
    }

    /// The session to spare when all others of a user end.
    ///
    /// An unproven token spares nothing: else whoever plants a wrong one in a client could keep a
    /// session of their own alive through the user's "sign out everywhere else".
    async fn spared(
        &self,
        user_id: &UserId,
        token: SessionToken,
    ) -> Result<SessionId, SessionError> {
        let which = SessionRef::Token(token);
        match self.live(&which, self.clock.now()).await {
            Ok(found) if found.session.user_id == *user_id => Ok(which.id()),
            Ok(_) | Err(SessionError::NotFound) => {
                let problem = "must be the token of a live session of this user";
                Err(session_core::InvalidInput::new("except", problem).into())
            }
            Err(error) => Err(error),
        }
    }

    fn last_activity(&self, session: &Session) -> DateTime<Utc> {
        let buffered = self.activity.latest(session.id);
        buffered.map_or(session.last_activity, |buffered| {
            buffered.max(session.last_activity)
        })
    }

    /// Notes activity of a session that was admitted at `now`.
    ///
    /// Mostly in memory. It is written down at once when the deadline that the store knows could
    /// pass before the buffer is next written: so that whoever goes by the store alone (the sweep,
    /// the limit, another node) never takes a session for dead that is in use.
    async fn note_activity(&self, session: &Session, now: DateTime<Utc>) {
        let resolution = self.policy.activity_resolution;
        let is_urgent = session.idle_expires_at().is_some_and(|idle_deadline| {
            idle_deadline < session.expires_at && idle_deadline - now <= resolution * 2
        });
        self.activity.record(session.id, now);
        if (resolution.is_zero() || is_urgent)
            && let Err(error) = self.write_activity_down(session.id).await
        {
            // The activity stays in the buffer, where every read here sees it: the session goes on.
            tracing::warn!(%error, "activity could not be written down, it is kept in memory");
        }
    }

    /// Sees that the store knows of a session's latest activity.
    async fn write_activity_down(&self, id: SessionId) -> Result<(), StoreError> {
        if let Some(at) = self.activity.latest(id) {
            let activity = [Activity { id, at }];
            self.store.touch(&activity).await?;
            self.activity.settle(&activity);
            self.forget(id);
        }
        Ok(())
    }

    fn forget(&self, id: SessionId) {
        if let Some(cache) = &self.cache {
            cache.forget(id);
        }
    }

    fn forget_all(&self) {
        if let Some(cache) = &self.cache {
            cache.forget_all();
        }
    }
}

impl std::fmt::Debug for SessionManager {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionManager")
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}
