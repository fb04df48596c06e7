use std::sync::{Arc, OnceLock};

use chrono::{DateTime, Utc};
use session_core::ports::{Clock, Created, Entropy, SessionStore, StoreError};
use session_core::{
    Activity, AuditAction, ClientDetails, MAX_PAGE, Page, PageRequest, Refusal, RiskAction,
    RiskPolicy, Session, SessionId, SessionSecret, SessionStats, SessionToken, UserId,
};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use zeroize::Zeroizing;

use crate::activity_buffer::ActivityBuffer;
use crate::audit_trail::AuditTrail;
use crate::guard::Guard;
use crate::lag_cache::LagCache;
use crate::proof::is_plainly_proven;
use crate::terms::{CreatedSession, Found, NewSession, SessionRef, Verdict};
use crate::vouching::Vouching;
use crate::{Enforcement, Freshness, Origin, SessionError, SessionPolicy};

/// How often a change is tried again when someone else wrote first. Each time somebody succeeded, so
/// this many failures in a row mean that many other writers.
pub(crate) const UPDATE_TRIES: usize = 100;

/// Everything an application does with sessions.
///
/// Cheap to share behind an [`Arc`]; every method may run in parallel with every other.
pub struct SessionManager {
    pub(crate) store: Arc<dyn SessionStore>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) policy: SessionPolicy,
    activity: ActivityBuffer,
    /// `None` in strict mode.
    cache: Option<LagCache<SessionId, Arc<Session>>>,
    pub(crate) guard: Guard,
    /// `None` for a manager that leaves no records.
    pub(crate) audit: Option<Arc<AuditTrail>>,
    /// Told of each session that ended.
    ended: OnceLock<UnboundedSender<SessionId>>,
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
                Some(LagCache::new(entries, Arc::new(Vouching::new(bound))))
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
            guard: Guard::new(RiskPolicy::default(), Enforcement::default()),
            audit: None,
            ended: OnceLock::new(),
        }
    }

    /// The same, judging the use of sessions by another policy than the default.
    #[must_use]
    pub fn guarded(mut self, policy: RiskPolicy, enforcement: Enforcement) -> Self {
        self.guard = Guard::new(policy, enforcement);
        self
    }

    /// The same, recording what it does.
    #[must_use]
    pub fn audited(mut self, audit: Arc<AuditTrail>) -> Self {
        self.audit = Some(audit);
        self
    }

    /// Tells of each session that it sees end, from now on; only the first to ask for it is told.
    pub(crate) fn announce_ends(&self) -> UnboundedReceiver<SessionId> {
        let (tell, ended) = unbounded_channel();
        // The second gets a channel that nobody speaks into.
        let _ = self.ended.set(tell);
        ended
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
    pub async fn create(
        &self,
        new: NewSession,
        origin: &Origin<'_>,
    ) -> Result<CreatedSession, SessionError> {
        let (session, token) = self.draft(new)?;
        self.begin(session, token, origin).await
    }

    /// A session as it is to be begun, and its credential.
    pub(crate) fn draft(&self, new: NewSession) -> Result<(Session, SessionToken), SessionError> {
        let now = self.clock.now();
        let (secret, id) = self.draw(now)?;
        let session = Session {
            remember_me: new.remember_me,
            metadata: new.metadata,
            client: new.client,
            upstream: new.upstream.map(Box::new),
            ..Session::start(id, new.user_id, secret.hash(), new.lifetime, now)
        };
        Ok((session, SessionToken { id, secret }))
    }

    /// Begins a session that was drafted.
    pub(crate) async fn begin(
        &self,
        session: Session,
        token: SessionToken,
        origin: &Origin<'_>,
    ) -> Result<CreatedSession, SessionError> {
        match self.store.create(session, self.policy.limit).await? {
            Created::Stored { session, evicted } => {
                evicted.iter().for_each(|id| self.has_ended(*id));
                self.record_created(&session, &evicted, origin).await;
                Ok(CreatedSession {
                    token,
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
    /// `seen` is who sent the token, as far as that is known: the end user's address and device, not
    /// those of a backend in between. Where too much speaks for it that it is not the one who began
    /// the session, the session is terminated.
    ///
    /// # Errors
    /// `Store` when it could not be found out: then nobody gets in and nobody is signed out.
    pub async fn validate(
        &self,
        token: &SessionToken,
        seen: Option<&ClientDetails>,
        origin: &Origin<'_>,
    ) -> Result<Verdict, SessionError> {
        let now = self.clock.now();
        let Some(mut session) = self.lookup(token.id, now).await? else {
            return Ok(Verdict::Refused(Refusal::Unknown));
        };
        // The secret comes first: to a guesser a dead session looks like none.
        if !is_plainly_proven(&session, token) {
            let proven = Box::pin(self.proven_otherwise(session, token, origin)).await?;
            let Some(proven) = proven else {
                return Ok(Verdict::Refused(Refusal::Unknown));
            };
            session = proven;
        }
        self.judge(session, now, seen, origin).await
    }

    /// As [`Self::validate`], for a session that something else proved: an access token of ours.
    ///
    /// # Errors
    /// `Store` when it could not be found out: then nobody gets in and nobody is signed out.
    pub(crate) async fn validate_vouched(
        &self,
        id: SessionId,
        seen: Option<&ClientDetails>,
        origin: &Origin<'_>,
    ) -> Result<Verdict, SessionError> {
        let now = self.clock.now();
        match self.lookup(id, now).await? {
            Some(session) => self.judge(session, now, seen, origin).await,
            None => Ok(Verdict::Refused(Refusal::Unknown)),
        }
    }

    /// Whether whoever proved a session may come in.
    async fn judge(
        &self,
        session: Arc<Session>,
        now: DateTime<Utc>,
        seen: Option<&ClientDetails>,
        origin: &Origin<'_>,
    ) -> Result<Verdict, SessionError> {
        let last_activity = self.last_activity(&session);
        if let Err(refusal) = session.state_after(last_activity, now).admit() {
            return Ok(Verdict::Refused(refusal));
        }
        let judgement = self.guard.judge(&session, seen);
        // Boxed, so that the common case does not carry the state of the rare one around.
        if let Some(judgement) = &judgement
            && judgement.action != RiskAction::Allow
            && let Some(refusal) = Box::pin(self.act_on(judgement, &session, seen, origin)).await?
        {
            return Ok(Verdict::Refused(refusal));
        }
        if self.policy.validation_is_activity {
            self.note_activity(&session, now).await;
        }
        if self.records(AuditAction::TokenValidated) {
            Box::pin(self.record(AuditAction::TokenValidated, &session, origin)).await;
        }
        Ok(Verdict::Valid(Found {
            session,
            last_activity,
            risk: judgement.map(|judgement| judgement.risk),
        }))
    }

    /// A live session's record, with activity up to the present.
    ///
    /// # Errors
    /// [`SessionError::NotFound`], `Store`.
    pub async fn get(
        &self,
        which: &SessionRef,
        origin: &Origin<'_>,
    ) -> Result<Arc<Session>, SessionError> {
        let found = self.live(which, self.clock.now(), origin).await?;
        if self.records(AuditAction::SessionAccessed) {
            self.record(AuditAction::SessionAccessed, &found.session, origin)
                .await;
        }
        Ok(found.session.with_activity(found.last_activity))
    }

    /// Notes that a live session was used; when that was.
    ///
    /// # Errors
    /// [`SessionError::NotFound`], `Store`.
    pub async fn touch(
        &self,
        which: &SessionRef,
        origin: &Origin<'_>,
    ) -> Result<DateTime<Utc>, SessionError> {
        let now = self.clock.now();
        let found = self.live(which, now, origin).await?;
        self.note_activity(&found.session, now).await;
        Ok(now.max(found.last_activity))
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

    /// How many live sessions a user has.
    ///
    /// # Errors
    /// `Store`.
    pub async fn count(&self, user_id: &UserId) -> Result<u64, SessionError> {
        let now = self.clock.now();
        let mut page = PageRequest::new(Some(MAX_PAGE), None)?;
        let mut count = 0;
        loop {
            let found = self.store.list(user_id, page, now).await?;
            count += found.items.len() as u64;
            match found.next {
                Some(next) => page = page.following(next),
                None => return Ok(count),
            }
        }
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
            Some(cache) => {
                match cache.get(id, now) {
                    Some(session) if self.is_admitted(&session, now) => return Ok(Some(session)),
                    // Only the store refuses: another process may have noted a use that keeps the
                    // session alive, or let it go on.
                    Some(_) => cache.forget(id),
                    None => {}
                }
                // Boxed, so that the common case does not carry the state of the rare one around.
                Box::pin(cache.get_or_load(id, now, self.store.find(id))).await
            }
            None => self.store.find(id).await,
        }
    }

    pub(crate) async fn live(
        &self,
        which: &SessionRef,
        now: DateTime<Utc>,
        origin: &Origin<'_>,
    ) -> Result<Found, SessionError> {
        let session = self.lookup(which.id(), now).await?;
        self.admitted(which, session, now, origin).await
    }

    /// As [`Self::live`], past the cache: for what is about to be written.
    pub(crate) async fn live_in_store(
        &self,
        which: &SessionRef,
        now: DateTime<Utc>,
        origin: &Origin<'_>,
    ) -> Result<Arc<Session>, SessionError> {
        let session = self.store.find(which.id()).await?;
        let found = self.admitted(which, session, now, origin).await?;
        // The store judges by what is written down: see that it knows of the latest use.
        if found.session.deadline() <= now {
            self.write_activity_down(found.session.id).await?;
        }
        Ok(found.session)
    }

    async fn admitted(
        &self,
        which: &SessionRef,
        session: Option<Arc<Session>>,
        now: DateTime<Utc>,
        origin: &Origin<'_>,
    ) -> Result<Found, SessionError> {
        let session = self.proven(which, session, origin).await?;
        let session = session.ok_or(SessionError::NotFound)?;
        let last_activity = self.last_activity(&session);
        let admitted = session.state_after(last_activity, now).admit();
        admitted.map_err(|_| SessionError::NotFound)?;
        Ok(Found {
            session,
            last_activity,
            risk: None,
        })
    }

    pub(crate) fn last_activity(&self, session: &Session) -> DateTime<Utc> {
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
    pub(crate) async fn write_activity_down(&self, id: SessionId) -> Result<(), StoreError> {
        if let Some(at) = self.activity.latest(id) {
            let activity = [Activity { id, at }];
            self.store.touch(&activity).await?;
            self.activity.settle(&activity);
            self.forget(id);
        }
        Ok(())
    }

    fn is_admitted(&self, session: &Session, now: DateTime<Utc>) -> bool {
        let state = session.state_after(self.last_activity(session), now);
        state.admit().is_ok()
    }

    /// Until when the caches are good, where there are any.
    pub(crate) fn vouching(&self) -> Option<&Arc<Vouching>> {
        self.cache.as_ref().map(LagCache::vouching)
    }

    pub(crate) const fn is_cached(&self) -> bool {
        self.cache.is_some()
    }

    pub(crate) fn forget(&self, id: SessionId) {
        if let Some(cache) = &self.cache {
            cache.forget(id);
        }
    }

    /// What there is to do when a session has ended: it is known no more, and who wants to know is
    /// told.
    pub(crate) fn has_ended(&self, id: SessionId) {
        self.forget(id);
        if let Some(ended) = self.ended.get() {
            // Nobody listens any more when everything is being closed.
            let _ = ended.send(id);
        }
    }

    /// Whether a session is live at `now`, with all that is known of its use.
    pub(crate) fn is_live(&self, session: &Session, now: DateTime<Utc>) -> bool {
        let state = session.state_after(self.last_activity(session), now);
        !state.is_final()
    }

    pub(crate) fn forget_all(&self) {
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
