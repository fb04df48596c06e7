//! How often a provider that fails is asked again, and when.

use chrono::TimeDelta;
use proptest::prelude::*;
use session_core::{NextTry, ProviderFailure, RefreshConfig, RetryConfig};

use crate::sample::at;

fn unavailable() -> ProviderFailure {
    ProviderFailure::Unavailable(String::new())
}

fn told(retry_after: TimeDelta) -> ProviderFailure {
    ProviderFailure::Throttled {
        retry_after: Some(retry_after),
    }
}

fn pause(next: NextTry) -> TimeDelta {
    match next {
        NextTry::After(pause) | NextTry::GiveUp(pause) => pause,
    }
}

/// Most calls of one refresh that always fails so.
fn calls(config: &RetryConfig, failure: &ProviderFailure) -> u32 {
    let ends = |tries: &u32| matches!(config.after(failure, *tries, 0), NextTry::GiveUp(_));
    (1..100).find(ends).expect("an end")
}

#[test]
fn each_failure_has_its_number_of_calls() {
    let config = RetryConfig::default();
    for (failure, expected) in [
        (unavailable(), 3),
        (ProviderFailure::Throttled { retry_after: None }, 3),
        (told(TimeDelta::seconds(1)), 3),
        // The provider may have replaced the token that is sent: once more, and no further.
        (ProviderFailure::Ambiguous(String::new()), 2),
        (ProviderFailure::ReauthRequired, 1),
        (ProviderFailure::ClientRefused(String::new()), 1),
        (ProviderFailure::RequestRefused(String::new()), 1),
    ] {
        assert_eq!(calls(&config, &failure), expected, "{failure:?}");
        let once = RetryConfig {
            max_tries: 1,
            ..config
        };
        assert_eq!(calls(&once, &failure), 1, "{failure:?}");
    }
}

#[test]
fn the_usual_pauses_are_a_second_and_then_two() {
    let config = RetryConfig::default();
    assert_eq!(
        config.after(&unavailable(), 1, 0),
        NextTry::After(TimeDelta::seconds(1))
    );
    assert_eq!(
        config.after(&unavailable(), 2, 0),
        NextTry::After(TimeDelta::seconds(2))
    );
    assert_eq!(
        config.after(&unavailable(), 3, 0),
        NextTry::GiveUp(TimeDelta::seconds(4))
    );
    assert_eq!(
        config.after(&unavailable(), 9, 0),
        NextTry::GiveUp(TimeDelta::seconds(30))
    );
    let least = config.after(&unavailable(), 1, 500);
    assert_eq!(least, NextTry::After(TimeDelta::milliseconds(500)));
}

/// Who is told to stay away for longer than a refresh may take does not wait within it.
#[test]
fn a_long_time_that_the_provider_tells_ends_the_refresh() {
    let config = RetryConfig::default();
    let long = TimeDelta::seconds(31);
    assert_eq!(config.after(&told(long), 1, 0), NextTry::GiveUp(long));
    let most = TimeDelta::seconds(30);
    assert_eq!(config.after(&told(most), 1, 0), NextTry::After(most));
}

proptest! {
    /// The whole pause is 1 s · 2^n, at most 30 s.
    #[test]
    fn a_pause_is_between_half_of_the_whole_and_the_whole(
        initial in 1..100_000_i64, most in 1..1_000_000_i64, tries in 1..200_u32, random in any::<u64>(),
    ) {
        let config = RetryConfig {
            max_tries: 3,
            initial_delay: TimeDelta::milliseconds(initial),
            max_delay: TimeDelta::milliseconds(most),
        };
        let doubled = 2_f64.powi(i32::try_from(tries - 1).expect("small")) * initial as f64;
        let whole = doubled.min(most as f64) as i64;
        for failure in [unavailable(), ProviderFailure::Ambiguous(String::new())] {
            let pause = pause(config.after(&failure, tries, random)).num_milliseconds();
            prop_assert!(whole - whole / 2 <= pause && pause <= whole, "{} of {}", pause, whole);
        }
    }

    #[test]
    fn what_the_provider_tells_wins(millis in 0..10_000_000_i64, tries in 1..9_u32, random in any::<u64>()) {
        let config = RetryConfig::default();
        let pause = pause(config.after(&told(TimeDelta::milliseconds(millis)), tries, random));
        let pause = pause.num_milliseconds();
        prop_assert!(millis <= pause && pause <= millis + millis / 10, "{} of {}", pause, millis);
    }

    #[test]
    fn nobody_is_asked_more_often_than_is_configured(
        max_tries in 0..20_u32, tries in 0..30_u32, random in any::<u64>(), kind in 0..3_u8,
    ) {
        let failure = match kind {
            0 => unavailable(),
            1 => ProviderFailure::Ambiguous(String::new()),
            _ => told(TimeDelta::zero()),
        };
        let config = RetryConfig { max_tries, ..RetryConfig::default() };
        if let NextTry::After(_) = config.after(&failure, tries, random) {
            prop_assert!(tries < max_tries);
        }
    }

    /// Whatever the settings and the provider say.
    #[test]
    fn no_pause_panics(told_for in any::<i64>(), initial in any::<i64>(), tries in any::<u32>(), random in any::<u64>()) {
        let span = |millis: i64| TimeDelta::try_milliseconds(millis).unwrap_or(TimeDelta::MAX);
        let config = RetryConfig {
            max_tries: 3,
            initial_delay: span(initial),
            max_delay: TimeDelta::seconds(30),
        };
        let told_pause = pause(config.after(&told(span(told_for)), tries, random));
        prop_assert!(told_pause >= TimeDelta::zero());
        let _ = config.after(&unavailable(), tries, random);
    }

    /// Callers who failed together do not come back together.
    #[test]
    fn different_numbers_are_different_pauses(random in 0..500_u64) {
        let config = RetryConfig::default();
        let first = pause(config.after(&unavailable(), 1, random));
        let second = pause(config.after(&unavailable(), 1, random + 1));
        prop_assert!(first != second || random == 500);
    }

    /// The background has the first half of the span, so that there is time to try again.
    #[test]
    fn the_background_renews_in_the_first_half(from in 0..10_000_i64, span in 0..600_000_i64, random in any::<u64>()) {
        let end = from + span;
        let when = RefreshConfig::spread(at(from), at(end), random);
        prop_assert!(at(from) <= when && when <= at(from + span / 2));
    }

    #[test]
    fn an_end_before_the_begin_is_now(from in 0..10_000_i64, before in 0..10_000_i64, random in any::<u64>()) {
        prop_assert_eq!(RefreshConfig::spread(at(from), at(from - before), random), at(from));
    }
}

#[test]
fn the_whole_first_half_is_used() {
    let when = |random| RefreshConfig::spread(at(0), at(600), random);
    assert_eq!(when(0), at(0));
    assert_eq!(when(300), at(300));
    assert_eq!(when(301), at(0));
}
