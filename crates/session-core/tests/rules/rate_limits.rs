//! Requirement 29: never more than the stated number in any window of the length, and how long who
//! asks for more is refused.

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use session_core::{
    Attempt, Backoff, RateDecision, RateKey, RateRule, RateRules, RateState, UnknownRule, decide,
};

fn rule(requests: u32, window_millis: i64) -> RateRule {
    RateRule::new("rule", requests, TimeDelta::milliseconds(window_millis)).expect("a rule")
}

fn at(millis: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(1_750_000_000_000 + millis).expect("a time")
}

fn ask(rule: &RateRule, state: &mut RateState, millis: i64) -> RateDecision {
    decide(&mut [(rule, state)], at(millis), 0.0)
}

fn wait_of(decision: RateDecision) -> i64 {
    match decision {
        RateDecision::Refused { retry_after, .. } => retry_after.num_milliseconds(),
        RateDecision::Admitted { .. } => panic!("it was admitted"),
    }
}

/// The most that lie in any closed window of the length: both of its edges count.
fn most_in_a_window(admitted: &[i64], window: i64) -> usize {
    let from = |start: &i64| {
        let inside = |time: &&i64| **time >= *start && **time <= start + window;
        admitted.iter().filter(inside).count()
    };
    admitted.iter().map(from).max().unwrap_or(0)
}

prop_compose! {
    /// Steps of time that often hit a window's edge exactly, and sometimes go back.
    fn steps(window: i64)(
        steps in prop::collection::vec(
            prop_oneof![
                3 => 0..window / 2 + 1,
                2 => Just(window),
                1 => Just(window + 1),
                1 => Just(window - 1),
                1 => -window..0,
                1 => 0..window * 4,
            ],
            1..120,
        ),
    ) -> Vec<i64> {
        steps
    }
}

proptest! {
    #[test]
    fn no_window_holds_more_than_the_rule_says(
        requests in 1..12_u32,
        steps in steps(100),
        without_backoff: bool,
        jitters in prop::collection::vec(-1.0..1.0_f64, 120),
    ) {
        let rule = rule(requests, 100);
        let rule = if without_backoff { rule.backoff(Backoff::None) } else { rule };
        let mut state = RateState::default();
        let (mut now, mut furthest, mut latest) = (0, 0, i64::MIN);
        let mut admitted = Vec::new();
        for (step, jitter) in steps.into_iter().zip(jitters) {
            // Clocks differ by a window at most: what one says that is further off is not believed.
            now = (now + step).max(furthest - 100);
            furthest = now.max(furthest);
            if decide(&mut [(&rule, &mut state)], at(now), jitter).is_admitted() {
                // A clock that lags behind another's counts from the latest time that was seen.
                latest = now.max(latest);
                admitted.push(latest);
            }
        }
        prop_assert!(most_in_a_window(&admitted, 100) <= requests as usize);
    }

    /// Without backoff the rule refuses nobody for whom the window has room.
    #[test]
    fn the_whole_number_is_admitted(requests in 1..12_u32, steps in steps(100)) {
        let rule = rule(requests, 100).backoff(Backoff::None);
        let mut state = RateState::default();
        let mut now = 0_i64;
        let mut admitted: Vec<i64> = Vec::new();
        for step in steps {
            now += step.abs();
            let in_window = admitted.iter().filter(|time| **time >= now - 100).count();
            let expected = in_window < requests as usize;
            prop_assert_eq!(ask(&rule, &mut state, now).is_admitted(), expected);
            if expected {
                admitted.push(now);
            }
        }
    }

    #[test]
    fn who_waits_as_long_as_told_is_admitted(
        requests in 1..8_u32,
        steps in steps(100),
        jitter in -1.0..1.0_f64,
        stricter in 1..8_u32,
    ) {
        let mut rule = rule(requests, 100);
        let mut state = RateState::default();
        let mut now = 0;
        for (n, step) in steps.into_iter().enumerate() {
            // Sometimes back: the clock of another node.
            now += step;
            if n == 20 {
                // The settings changed in between.
                rule = RateRule::new("rule", stricter, TimeDelta::milliseconds(100)).expect("a rule");
            }
            let decision = decide(&mut [(&rule, &mut state)], at(now), jitter);
            if let RateDecision::Refused { retry_after, .. } = decision {
                let wait = retry_after.num_milliseconds();
                prop_assert!(wait > 0);
                let mut early = state.clone();
                prop_assert!(!ask(&rule, &mut early, now + wait - 1).is_admitted());
                let mut waited = state.clone();
                prop_assert!(ask(&rule, &mut waited, now + wait).is_admitted());
            }
        }
    }

    /// What is stored decides like what was in memory.
    #[test]
    fn a_stored_state_decides_alike(requests in 1..6_u32, steps in steps(100)) {
        let rule = rule(requests, 100);
        let mut state = RateState::default();
        let mut now = 0;
        for step in steps {
            now += step;
            let text = serde_json::to_string(&state).expect("it can be written");
            let mut stored: RateState = serde_json::from_str(&text).expect("it can be read");
            let expected = ask(&rule, &mut state, now);
            prop_assert_eq!(ask(&rule, &mut stored, now), expected);
            prop_assert_eq!(&stored, &state);
            // What expired decides like nothing at all, and not a moment earlier.
            let over = state.expires_at(&rule);
            let later = over.timestamp_millis() - at(0).timestamp_millis();
            let (mut old, mut new) = (state.clone(), RateState::default());
            prop_assert_eq!(ask(&rule, &mut old, later), ask(&rule, &mut new, later));
        }
    }

    #[test]
    fn an_attempt_counts_in_all_of_its_keys_or_in_none(
        first in 1..6_u32,
        second in 1..6_u32,
        steps in steps(100),
    ) {
        let rules = [rule(first, 100), rule(second, 250).backoff(Backoff::None)];
        let [mut one, mut two] = [RateState::default(), RateState::default()];
        let mut now = 0;
        let mut admitted = Vec::new();
        for step in steps {
            now += step.abs();
            let mut alone = [one.clone(), two.clone()];
            let each = [0, 1].map(|n| ask(&rules[n], &mut alone[n], now).is_admitted());
            let mut both = [(&rules[0], &mut one), (&rules[1], &mut two)];
            let decision = decide(&mut both, at(now), 0.0);
            prop_assert_eq!(decision.is_admitted(), each[0] && each[1]);
            if decision.is_admitted() {
                admitted.push(now);
            }
        }
        prop_assert!(most_in_a_window(&admitted, 100) <= first as usize);
        prop_assert!(most_in_a_window(&admitted, 250) <= second as usize);
    }
}

#[test]
fn the_rules_are_those_of_the_table() {
    let rules = RateRules::default();
    let table = [
        ("login_account", 20, 300, 1800),
        ("login_address", 50, 300, 1800),
        ("login_attempt", 5, 300, 1800),
        ("registration", 5, 3600, 3600),
        ("session_create", 5, 300, 3600),
        ("token_refresh", 10, 60, 3600),
    ];
    let told: Vec<_> = rules
        .iter()
        .map(|rule| {
            let longest = rule.backoff_after(100, 0.0).num_seconds();
            (
                rule.name(),
                rule.requests(),
                rule.window().num_seconds(),
                longest,
            )
        })
        .collect();
    assert_eq!(told, table);
    assert_eq!(rules.get("token_refesh"), Err(UnknownRule));
    assert!(RateRules::none().get("token_refresh").is_err());
}

#[test]
fn a_rule_of_the_settings_replaces_the_default_but_not_its_longest_backoff() {
    let mut rules = RateRules::default();
    let mine = RateRule::new("login_attempt", 2, TimeDelta::seconds(10)).expect("a rule");
    assert!(rules.add(mine.clone()).is_err(), "the name is taken");
    rules.set(mine);
    let rule = rules.get("login_attempt").expect("it is there");
    assert_eq!((rule.requests(), rule.window().num_seconds()), (2, 10));
    assert_eq!(rule.backoff_after(30, 1.0), TimeDelta::minutes(30));
    let new = RateRule::new("mine", 1, TimeDelta::seconds(1)).expect("a rule");
    rules.add(new).expect("a new name");
    assert!(rules.get("mine").is_ok());
}

#[test]
fn what_makes_no_rule_is_refused() {
    let second = TimeDelta::seconds(1);
    for name in ["", "Upper", "with space", "dash-ed", &"x".repeat(65)] {
        assert!(RateRule::new(name, 1, second).is_err(), "{name}");
    }
    for requests in [0, 10_001, u32::MAX] {
        assert!(
            RateRule::new("rule", requests, second).is_err(),
            "{requests}"
        );
    }
    for window in [
        TimeDelta::zero(),
        -second,
        TimeDelta::days(32),
        TimeDelta::MAX,
    ] {
        assert!(RateRule::new("rule", 1, window).is_err(), "{window}");
    }
}

#[test]
fn the_backoff_doubles_up_to_its_longest_with_a_tenth_of_jitter() {
    let rule = rule(1, 60_000);
    for (violations, seconds) in [
        (1, 60),
        (2, 120),
        (3, 240),
        (6, 1920),
        (7, 3600),
        (40, 3600),
    ] {
        assert_eq!(rule.backoff_after(violations, 0.0).num_seconds(), seconds);
        let low = rule.backoff_after(violations, -1.0).num_milliseconds();
        let high = rule.backoff_after(violations, 1.0).num_milliseconds();
        assert!(high <= 3_600_000, "never beyond the longest");
        if violations < 6 {
            assert_eq!((low, high), (seconds * 900, seconds * 1100));
        }
    }
    for nonsense in [f64::NAN, f64::INFINITY, -50.0, 50.0] {
        let backoff = rule.backoff_after(1, nonsense).num_milliseconds();
        assert!(
            (54_000..=66_000).contains(&backoff),
            "{nonsense}: {backoff}"
        );
    }
}

/// A violation is going over the limit, not knocking while refused.
#[test]
fn attempts_while_refused_are_no_violations_of_their_own() {
    let rule = rule(1, 1000);
    let mut state = RateState::default();
    assert!(ask(&rule, &mut state, 0).is_admitted());
    let first = ask(&rule, &mut state, 10);
    let expected = RateDecision::Refused {
        retry_after: TimeDelta::milliseconds(1000),
        violations: 1,
        is_new: true,
    };
    assert_eq!(first, expected);
    for n in 1..50 {
        let again = RateDecision::Refused {
            retry_after: TimeDelta::milliseconds(1000 - n * 10),
            violations: 1,
            is_new: false,
        };
        assert_eq!(ask(&rule, &mut state, 10 + n * 10), again);
    }
    assert!(ask(&rule, &mut state, 1010).is_admitted());
}

/// Forgotten after a quiet period of one backoff; until then the next one counts double.
#[test]
fn violations_are_forgotten_after_a_quiet_period() {
    let violate = |state: &mut RateState, now: i64| {
        let rule = rule(1, 1000);
        assert!(ask(&rule, state, now).is_admitted());
        wait_of(ask(&rule, state, now))
    };
    let mut state = RateState::default();
    assert_eq!(
        violate(&mut state, 0),
        1001,
        "until the window has room, if that is later"
    );
    let mut soon = state.clone();
    assert_eq!(violate(&mut soon, 1001), 2000);
    assert_eq!(violate(&mut soon, 3001), 4000);
    let mut quiet = state.clone();
    assert_eq!(
        violate(&mut quiet, 2000),
        2000,
        "a moment before it is forgotten"
    );
    assert_eq!(violate(&mut state, 2001), 1001);
}

#[test]
fn keys_are_told_apart_and_tell_nothing() {
    let (one, two) = (
        rule(1, 1000),
        RateRule::new("other", 1, TimeDelta::seconds(1)),
    );
    let two = two.expect("a rule");
    let keys = [
        RateKey::of(&one, "ada"),
        RateKey::of(&one, "Ada"),
        RateKey::of(&one, ""),
        RateKey::of(&two, "ada"),
        Attempt::of(&one, "ada\0").key,
    ];
    let different: std::collections::HashSet<_> = keys.iter().collect();
    assert_eq!(different.len(), keys.len());
    assert_eq!(Attempt::of(&one, "ada").key, keys[0]);
    assert!(!format!("{:?}", keys[0]).contains("ada"));
}

#[test]
fn nobody_to_count_is_admitted() {
    assert!(decide(&mut [], at(0), 0.0).is_admitted());
}

/// Clocks of several nodes: one that is ahead does not take from another what counts for it.
#[test]
fn what_was_refused_drops_nothing_that_a_slower_clock_needs() {
    let (one, two) = (rule(1, 1000), rule(1, 100_000).backoff(Backoff::None));
    let [mut counted, mut full] = [RateState::default(), RateState::default()];
    assert!(ask(&one, &mut counted, 0).is_admitted());
    assert!(ask(&two, &mut full, 0).is_admitted());
    let mut both = [(&one, &mut counted), (&two, &mut full)];
    assert!(
        !decide(&mut both, at(1500), 0.0).is_admitted(),
        "the second key is full"
    );
    assert!(!ask(&one, &mut counted, 900).is_admitted());
}

/// A node's clock was a month ahead for a moment, and was set right.
#[test]
fn a_clock_that_was_wrong_locks_nobody_out() {
    let month = 30 * 24 * 3_600_000;
    for requests in [1, 3] {
        let rule = rule(requests, 1000).backoff(Backoff::Exponential {
            max: TimeDelta::seconds(5),
        });
        let mut state = RateState::default();
        while ask(&rule, &mut state, month).is_admitted() {}
        let mut now = 0;
        while let RateDecision::Refused { retry_after, .. } = ask(&rule, &mut state, now) {
            // What was refused a window ahead of this clock, at the most.
            let wait = retry_after.num_milliseconds();
            assert!(now + wait <= 1000 + 5000, "{requests}: {now} and {wait}");
            now += wait;
        }
        assert!(state.expires_at(&rule) <= at(now + 1000 + 2 * 5000));
    }
}

/// Whoever records violations must not miss the one of a key that makes nobody wait the longest.
#[test]
fn a_new_violation_is_told_whichever_key_it_is_of() {
    let (slow, quick) = (rule(1, 60_000), rule(1, 1000));
    let (mut blocked, mut passed) = (RateState::default(), RateState::default());
    assert!(ask(&slow, &mut blocked, 0).is_admitted());
    assert!(!ask(&slow, &mut blocked, 0).is_admitted());
    assert!(ask(&quick, &mut passed, 0).is_admitted());
    for turned in [false, true] {
        let [mut blocked, mut passed] = [blocked.clone(), passed.clone()];
        for is_new in [true, false] {
            let mut both = [(&slow, &mut blocked), (&quick, &mut passed)];
            if turned {
                both.reverse();
            }
            let expected = RateDecision::Refused {
                retry_after: TimeDelta::milliseconds(60_001),
                violations: 1,
                is_new,
            };
            assert_eq!(decide(&mut both, at(0), 0.0), expected);
        }
    }
}

/// Also where a longer window makes old attempts count again.
#[test]
fn what_was_forgiven_is_not_held_against_anyone() {
    let mut state = RateState::default();
    let rule = rule(1, 1000);
    assert!(ask(&rule, &mut state, 0).is_admitted());
    assert!(!ask(&rule, &mut state, 0).is_admitted());
    let longer = RateRule::new("rule", 1, TimeDelta::hours(1)).expect("a rule");
    let RateDecision::Refused { violations, .. } = ask(&longer, &mut state, 10_000) else {
        panic!("it still counts");
    };
    assert_eq!(violations, 1);
}
