//! What is done for grants without anybody asking: tokens are renewed before they expire, and let go of
//! when their session has ended.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use session_core::{Grant, RefreshReason, SessionId};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::error::TokenError;
use super::keeping::Owner;
use super::manager::TokenManager;
use super::outcome::later;
use crate::SessionError;
use crate::ending::Cleaned;

/// How often it is looked for grants that are due.
const LOOKS_EVERY: Duration = Duration::from_secs(1);
/// How long a grant that is being looked at is nobody else's. Whoever died at it is followed then.
const CLAIM: TimeDelta = TimeDelta::minutes(2);
/// Grants that are being looked at, at most.
const AT_ONCE: usize = 256;
/// How long stopping waits for providers that are being told of ends.
const LAST_ENDS: Duration = Duration::from_secs(3);
/// Ended sessions that are looked up together.
const BATCH: usize = 256;
/// Records that one call of the store forgets at most.
const FORGOTTEN_AT_ONCE: usize = 1000;
/// When something is tried again that failed for a reason of ours.
const AFTER_A_FAULT: TimeDelta = TimeDelta::minutes(10);

impl TokenManager {
    /// Looks after grants as they come due, until it is stopped.
    pub(crate) async fn look_after(self: Arc<Self>, mut stopped: watch::Receiver<bool>) {
        let free = Arc::new(Semaphore::new(AT_ONCE));
        let mut tick = interval(LOOKS_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = stopped.wait_for(|stopped| *stopped) => return,
                _ = tick.tick() => {}
            }
            // No more than can be renewed until the next look: others may have room for the rest.
            let batch = free
                .available_permits()
                .min(self.policy.rate.max(1) as usize);
            if batch == 0 {
                continue;
            }
            let now = self.clock.now();
            let due = match self.grants.claim_due(now, later(now, CLAIM), batch).await {
                Ok(due) => due,
                Err(error) => {
                    tracing::error!(%error, "it is not known which tokens are to be renewed");
                    continue;
                }
            };
            for grant in due {
                let provider = self.providers.get(&grant.provider);
                let share = provider.map(|provider| provider.shares.of_upkeep());
                // It is due again when the claim is over: the others must not wait for its provider.
                if let Some(None) = share {
                    continue;
                }
                let (this, free) = (Arc::clone(&self), Arc::clone(&free));
                tokio::spawn(async move {
                    // Never closed, so it is a permit.
                    let (_permit, _share) = (free.acquire().await, share);
                    this.see_to(grant).await;
                });
            }
        }
    }

    /// Does what is to be done for a grant that is due.
    async fn see_to(self: &Arc<Self>, grant: Arc<Grant>) {
        let session = grant.session_id;
        match self.see_to_or_fail(&grant).await {
            Ok(())
            // Recorded where they happened, and looked at again by themselves.
            | Err(TokenError::Unavailable { .. } | TokenError::ReauthRequired | TokenError::NoTokens) => {}
            Err(TokenError::Session(error)) => {
                tracing::error!(%error, %session, "a provider's tokens could not be looked after");
            }
            Err(error) => {
                tracing::error!(%error, %session, "a provider's tokens could not be looked after");
                let put_off = later(self.clock.now(), AFTER_A_FAULT);
                if let Err(error) = self.postpone(&grant, put_off).await {
                    tracing::error!(%error, %session, "a grant could not be put off");
                }
            }
        }
    }

    async fn see_to_or_fail(self: &Arc<Self>, grant: &Arc<Grant>) -> Result<(), TokenError> {
        let now = self.clock.now();
        match self.owner(grant).await? {
            Owner::Over(ending) => self.let_go_of(grant, ending.as_ref()).await,
            Owner::Unborn => self.postpone(grant, later(now, CLAIM)).await,
            Owner::Live(_) if self.is_due(grant) => {
                let reason = if grant.is_live(now) {
                    RefreshReason::Proactive
                } else {
                    RefreshReason::Expired
                };
                self.renew(Arc::clone(grant), reason).await.map(drop)
            }
            Owner::Live(session) => {
                let due_at = self
                    .due(grant, now)
                    .min(session.deadline())
                    .max(later(now, CLAIM));
                self.postpone(grant, due_at).await
            }
        }
    }

    fn is_due(&self, grant: &Grant) -> bool {
        grant.can_refresh() && grant.needs_refresh(&self.policy.refresh, self.clock.now())
    }

    /// Lets go of the tokens of sessions as they end, until nobody can tell of any more, or it is
    /// stopped: then what is under way has a moment to end. What is left is found by being due.
    pub(crate) async fn follow_ends(
        self: Arc<Self>,
        mut ended: UnboundedReceiver<SessionId>,
        mut stopped: watch::Receiver<bool>,
    ) {
        let mut ids = Vec::with_capacity(BATCH);
        let mut under_way = JoinSet::new();
        loop {
            tokio::select! {
                biased;
                _ = stopped.wait_for(|stopped| *stopped) => break,
                count = ended.recv_many(&mut ids, BATCH) => if count == 0 { break },
            }
            match self.grants.find_grants(&ids).await {
                Ok(grants) => {
                    for grant in grants {
                        Arc::clone(&self).follow_end(grant, &mut under_way).await;
                    }
                }
                Err(error) => {
                    tracing::error!(%error, "tokens of ended sessions are kept for now");
                }
            }
            ids.clear();
            while under_way.try_join_next().is_some() {}
        }
        let all = async { while under_way.join_next().await.is_some() {} };
        // Those that take longer are broken off, and begun anew when they are due.
        let _ = tokio::time::timeout(LAST_ENDS, all).await;
    }

    /// Begins to let go of the tokens of a session that has ended.
    async fn follow_end(self: Arc<Self>, grant: Arc<Grant>, under_way: &mut JoinSet<()>) {
        let provider = self.providers.get(&grant.provider).map(Arc::clone);
        let room = provider
            .as_ref()
            .map(|provider| provider.shares.of_waiting());
        let session = grant.session_id;
        if let Some(None) = room {
            tracing::warn!(%session, "too many ends wait for a provider: this one is told later");
            let put_off = later(self.clock.now(), CLAIM);
            if let Err(error) = self.postpone(&grant, put_off).await {
                tracing::error!(%error, %session, "tokens of an ended session are kept for now");
            }
            return;
        }
        under_way.spawn(async move {
            let _room = room;
            let done = match &provider {
                Some(provider) => provider.shares.tell(self.let_go(&grant)).await,
                None => self.let_go(&grant).await,
            };
            if let Err(error) = done {
                tracing::error!(%error, %session, "tokens of an ended session are kept for now");
            }
        });
    }

    /// Forgets records of renewals that are old enough, one batch.
    ///
    /// # Errors
    /// `Store`.
    pub(crate) async fn forget_records(&self) -> Result<Cleaned, SessionError> {
        let now = self.clock.now();
        let before = now.checked_sub_signed(self.policy.retention);
        let before = before.unwrap_or(DateTime::<Utc>::MIN_UTC);
        let forgotten = self
            .grants
            .forget_refreshes(before, FORGOTTEN_AT_ONCE)
            .await?;
        Ok(Cleaned {
            removed: forgotten.count,
            more: forgotten.more,
        })
    }

    /// Begins no renewal from now on, and waits until none is under way, but no longer than `most`:
    /// what a provider gave must reach the store before it is closed.
    pub async fn settle(&self, most: Duration) {
        self.flights.close();
        let begun = Instant::now();
        while self.flights.len() > 0 {
            if begun.elapsed() >= most {
                tracing::error!(
                    count = self.flights.len(),
                    "renewals are broken off: it is unknown what came of them"
                );
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
