//! What a renewal makes of a grant, and of the record of it.

use chrono::{DateTime, TimeDelta, Utc};
use session_core::ports::{EntropyError, RefreshEnd};
use session_core::{
    Grant, GrantStatus, ProviderFailure, ProviderToken, RefreshConfig, RefreshOutcome,
    RefreshRecord, SupersededToken, TokenAnswer,
};

use super::manager::TokenManager;
use super::vault::{OpenTokens, TokenOwner};

/// What a provider gave.
pub(crate) struct Answered {
    /// All tokens that there are now.
    pub(crate) tokens: OpenTokens,
    pub(crate) answer: TokenAnswer,
    /// When it was asked for: from then on it lives.
    pub(crate) asked_at: DateTime<Utc>,
}

/// Longest time that a provider is left alone because it said so: one that says more would end the
/// grant by it.
pub(crate) const LONGEST_REST: TimeDelta = TimeDelta::hours(24);
/// When a refusal is looked at again that only an operator can mend.
const UNTIL_MENDED: TimeDelta = TimeDelta::seconds(60);
/// How long the background leaves a grant alone that was just renewed, however short its tokens live:
/// whoever needs one asks for it.
const SHORTEST_REST: TimeDelta = TimeDelta::seconds(5);

impl TokenManager {
    /// The grant and the record with the tokens of an answer.
    pub(crate) fn renewed(
        &self,
        grant: &Grant,
        answered: &Answered,
        record: RefreshRecord,
    ) -> Result<RefreshEnd, EntropyError> {
        let Answered {
            tokens,
            answer,
            asked_at,
        } = answered;
        let now = self.clock.now();
        let grace_ends_at = later(now, self.policy.refresh.grace);
        let grace_ends_at = grant
            .access_expires_at
            .map_or(grace_ends_at, |end| end.min(grace_ends_at));
        // A life of nothing is said by providers that know of no end. Believed, it would have the token
        // renewed at every call.
        let life = answer.expires_in.filter(|life| *life > TimeDelta::zero());
        let mut grant = Grant {
            status: GrantStatus::Usable,
            tokens: self.vault.seal(TokenOwner::of(grant), tokens)?,
            access_hash: tokens.access.hash(),
            token_type: answer.token_type.clone(),
            scopes: answer
                .scopes
                .clone()
                .unwrap_or_else(|| grant.scopes.clone()),
            obtained_at: *asked_at,
            access_expires_at: life.map(|life| later(*asked_at, life)),
            superseded: Some(SupersededToken {
                hash: grant.access_hash,
                until: grace_ends_at,
            }),
            rotation_count: grant.rotation_count + 1,
            retry_at: None,
            lease: None,
            ..grant.clone()
        };
        grant.due_at = self.due(&grant, now);
        let record = RefreshRecord {
            finished_at: Some(now),
            outcome: RefreshOutcome::Success,
            rotation_count: grant.rotation_count,
            new_access_token: Some(grant.access_hash),
            new_refresh_token: answer.refresh_token.as_ref().map(ProviderToken::hash),
            new_expires_at: grant.access_expires_at,
            grace_ends_at: Some(grace_ends_at),
            ..record
        };
        Ok(RefreshEnd { grant, record })
    }

    /// The grant and the record after a failure: the tokens stay as they are.
    pub(crate) fn not_renewed(
        &self,
        grant: &Grant,
        failure: &ProviderFailure,
        pause: TimeDelta,
        record: RefreshRecord,
    ) -> RefreshEnd {
        let now = self.clock.now();
        let mut grant = Grant {
            lease: None,
            ..grant.clone()
        };
        let pause = match failure {
            ProviderFailure::ReauthRequired => {
                grant.status = GrantStatus::ReauthRequired;
                pause
            }
            failure if failure.is_passing() => pause,
            _ => UNTIL_MENDED,
        };
        grant.retry_at = grant.can_refresh().then(|| later(now, pause));
        // The background is in no hurry: whoever needs the token asks for it.
        let again = RefreshConfig::spread(now, later(now, UNTIL_MENDED * 2), self.random());
        grant.due_at = later(again, pause);
        let record = RefreshRecord {
            finished_at: Some(now),
            outcome: match record.tries {
                0 => RefreshOutcome::Abandoned,
                _ => failure.outcome(),
            },
            ..record
        };
        RefreshEnd { grant, record }
    }

    /// When a grant with new tokens is to be looked at again by itself.
    pub(crate) fn due(&self, grant: &Grant, now: DateTime<Utc>) -> DateTime<Utc> {
        let refresh_from = grant.refresh_from(&self.policy.refresh);
        match (refresh_from, grant.access_expires_at) {
            (Some(from), Some(end)) if grant.can_refresh() => {
                RefreshConfig::spread(from, end, self.random()).max(later(now, SHORTEST_REST))
            }
            // Only the session's end is to be noticed, if nobody does.
            _ => later(now, TimeDelta::hours(6)),
        }
    }
}

/// The tokens after an answer: what the provider did not replace stays.
pub(crate) fn merged(before: OpenTokens, answer: &TokenAnswer) -> OpenTokens {
    OpenTokens {
        access: answer.access_token.clone(),
        refresh: answer.refresh_token.clone().or(before.refresh),
        id: answer.id_token.clone().or(before.id),
    }
}

/// At least one.
pub(crate) fn whole_seconds(span: TimeDelta) -> u64 {
    let millis = u64::try_from(span.num_milliseconds()).unwrap_or(0);
    millis.div_ceil(1000).max(1)
}

/// `span` after `at`, as far as the calendar goes.
pub(crate) fn later(at: DateTime<Utc>, span: TimeDelta) -> DateTime<Utc> {
    at.checked_add_signed(span)
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}
