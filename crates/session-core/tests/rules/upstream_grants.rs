//! When the tokens of a grant are good, and when they are to be renewed.

use chrono::TimeDelta;
use proptest::prelude::*;
use session_core::{
    CipherKeyId, Grant, GrantStatus, Lease, ProviderName, ProviderToken, RefreshConfig, RefreshId,
    SealedTokens, SessionId, SupersededToken, TokenField, TokenStanding, UserId,
};

use crate::sample::at;

fn token(text: &str) -> ProviderToken {
    ProviderToken::new("token", text).expect("a token")
}

/// A grant whose tokens were got at `at(0)` and end `life` milliseconds later.
fn grant(life: Option<i64>) -> Grant {
    let key = CipherKeyId::new("k").expect("a key's name");
    Grant {
        session_id: SessionId::at(at(0), [1; 10]),
        user_id: UserId::new("ada").expect("a user id"),
        provider: ProviderName::new("example").expect("a name"),
        provider_session: None,
        version: 1,
        status: GrantStatus::Usable,
        tokens: SealedTokens {
            key,
            access: Box::new([1]),
            refresh: Some(Box::new([2])),
            id: None,
        },
        access_hash: token("present").hash(),
        token_type: "Bearer".into(),
        scopes: Vec::new(),
        obtained_at: at(0),
        access_expires_at: life.map(at),
        superseded: None,
        rotation_count: 0,
        retry_at: None,
        due_at: at(0),
        lease: None,
    }
}

fn ahead(millis: i64) -> RefreshConfig {
    RefreshConfig {
        proactive: TimeDelta::milliseconds(millis),
        ..RefreshConfig::default()
    }
}

const HOUR: i64 = 3_600_000;
const MINUTES_5: i64 = 300_000;

#[test]
fn tokens_are_renewed_five_minutes_before_their_end() {
    let config = RefreshConfig::default();
    let grant = grant(Some(HOUR));
    assert_eq!(grant.refresh_from(&config), Some(at(HOUR - MINUTES_5)));
    assert!(!grant.needs_refresh(&config, at(HOUR - MINUTES_5 - 1)));
    assert!(grant.needs_refresh(&config, at(HOUR - MINUTES_5)));
    assert!(grant.needs_refresh(&config, at(2 * HOUR)));
    assert!(grant.is_live(at(HOUR - 1)) && !grant.is_live(at(HOUR)));
}

/// A token that lives five minutes would otherwise be renewed with each use.
#[test]
fn short_lived_tokens_are_renewed_at_half_their_life() {
    let config = RefreshConfig::default();
    for (life, from) in [
        (MINUTES_5, MINUTES_5 / 2),
        (2 * MINUTES_5, MINUTES_5),
        (2 * MINUTES_5 + 2, MINUTES_5 + 2),
        (2, 1),
        (0, 0),
    ] {
        assert_eq!(
            grant(Some(life)).refresh_from(&config),
            Some(at(from)),
            "{life}"
        );
    }
}

#[test]
fn tokens_whose_end_is_not_known_are_good_and_never_renewed() {
    let grant = grant(None);
    let config = RefreshConfig::default();
    assert_eq!(grant.refresh_from(&config), None);
    assert!(!grant.needs_refresh(&config, at(i64::from(u32::MAX))));
    assert!(grant.is_live(at(i64::from(u32::MAX))));
}

#[test]
fn tokens_that_had_ended_when_they_came_need_renewal_at_once() {
    let config = RefreshConfig::default();
    assert!(grant(Some(-1)).needs_refresh(&config, at(0)));
    assert!(grant(Some(-HOUR)).needs_refresh(&config, at(0)));
}

#[test]
fn they_can_be_renewed_while_the_provider_takes_a_refresh_token() {
    let mut grant = grant(Some(HOUR));
    assert!(grant.can_refresh());
    grant.status = GrantStatus::ReauthRequired;
    assert!(!grant.can_refresh());
    grant.status = GrantStatus::Usable;
    grant.tokens.refresh = None;
    assert!(!grant.can_refresh());
}

#[test]
fn a_lease_is_in_force_until_its_end() {
    let mut grant = grant(Some(HOUR));
    assert!(!grant.is_leased(at(0)));
    grant.lease = Some(Lease {
        until: at(100),
        record: RefreshId::at(at(0), [3; 10]),
    });
    assert!(grant.is_leased(at(99)) && !grant.is_leased(at(100)));
}

#[test]
fn a_token_is_the_present_one_or_the_one_before_or_none() {
    let mut grant = grant(Some(HOUR));
    assert_eq!(
        grant.standing(&token("present"), at(0)),
        TokenStanding::Current
    );
    assert_eq!(
        grant.standing(&token("present"), at(HOUR - 1)),
        TokenStanding::Current
    );
    assert_eq!(
        grant.standing(&token("present"), at(HOUR)),
        TokenStanding::Expired
    );
    assert_eq!(
        grant.standing(&token("before"), at(0)),
        TokenStanding::Unknown
    );
    grant.superseded = Some(SupersededToken {
        hash: token("before").hash(),
        until: at(MINUTES_5),
    });
    assert_eq!(
        grant.standing(&token("before"), at(MINUTES_5 - 1)),
        TokenStanding::InGrace
    );
    assert_eq!(
        grant.standing(&token("before"), at(MINUTES_5)),
        TokenStanding::Superseded
    );
    for other in ["Present", "present ", "presen", "x"] {
        assert_eq!(
            grant.standing(&token(other), at(0)),
            TokenStanding::Unknown,
            "{other}"
        );
    }
    assert_eq!(
        grant.standing(&token("present"), at(0)),
        TokenStanding::Current
    );
}

#[test]
fn a_provider_that_gives_the_same_token_again_has_superseded_nothing() {
    let mut grant = grant(Some(HOUR));
    grant.superseded = Some(SupersededToken {
        hash: token("present").hash(),
        until: at(1),
    });
    assert_eq!(
        grant.standing(&token("present"), at(2)),
        TokenStanding::Current
    );
}

#[test]
fn each_of_the_tokens_is_found_with_its_key() {
    let mut tokens = grant(None).tokens;
    let bytes = |tokens: &SealedTokens, field| tokens.get(field).map(|sealed| sealed.bytes);
    assert_eq!(bytes(&tokens, TokenField::Access), Some([1].into()));
    assert_eq!(bytes(&tokens, TokenField::Refresh), Some([2].into()));
    assert_eq!(bytes(&tokens, TokenField::Id), None);
    tokens.id = Some(Box::new([3]));
    let id = tokens.get(TokenField::Id).expect("one");
    assert_eq!((&*id.bytes, &id.key), (&[3][..], &tokens.key));
}

proptest! {
    /// There is always time left, and never more than half of the life is given away.
    #[test]
    fn the_renewal_is_between_half_the_life_and_the_end(life in 0..100_000_000_i64, proactive in 0..10_000_000_i64) {
        let grant = grant(Some(life));
        let from = grant.refresh_from(&ahead(proactive)).expect("an end");
        prop_assert!(at(life / 2) <= from && from <= at(life), "{}", from);
        prop_assert!(from >= at(life - proactive));
    }

    #[test]
    fn what_has_expired_needs_renewal(life in -100_000..100_000_000_i64, later in 0..1_000_000_i64, proactive in 0..10_000_000_i64) {
        let now = at(life.max(0) + later);
        let grant = grant(Some(life));
        prop_assert!(!grant.is_live(now));
        prop_assert!(grant.needs_refresh(&ahead(proactive), now));
    }
}
