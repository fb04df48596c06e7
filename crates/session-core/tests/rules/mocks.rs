//! The mocks of the ports do what a test of a use case tells them.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use session_core::ports::{
    Clock, Entropy, EntropyError, MockClock, MockEntropy, MockSessionStore, SessionStore,
    StoreError, StoreErrorKind,
};

use crate::sample::{at, session};

/// A mock never waits, so its future is ready at once.
fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
    .expect("a mock that answers at once")
}

#[test]
fn a_clock_shows_the_time_that_it_is_told() {
    let mut clock = MockClock::new();
    clock.expect_now().times(2).return_const(at(7));
    let clock: &dyn Clock = &clock;
    assert_eq!([clock.now(), clock.now()], [at(7), at(7)]);
}

#[test]
fn entropy_gives_chosen_bytes_or_none() {
    let mut entropy = MockEntropy::new();
    entropy.expect_fill().times(1).returning(|bytes| {
        bytes.fill(9);
        Ok(())
    });
    let failed = |_: &mut [u8]| Err(EntropyError("no device".to_owned()));
    entropy.expect_fill().times(1).returning(failed);
    let mut bytes = [0; 3];
    entropy.fill(&mut bytes).expect("the first time");
    assert_eq!(bytes, [9; 3]);
    let error = entropy.fill(&mut bytes).expect_err("the second time");
    let expected = "the system's random number generator failed: no device";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_store_answers_as_told_behind_its_port() {
    let kept = Arc::new(session(1000, None));
    let (id, answer) = (kept.id, Arc::clone(&kept));
    let mut store = MockSessionStore::new();
    let find = store.expect_find().withf(move |asked| *asked == id);
    find.times(1)
        .returning(move |_| Ok(Some(Arc::clone(&answer))));
    let down = || Err(StoreError::closed("check the store"));
    store.expect_check().times(1).returning(down);
    let store: Box<dyn SessionStore> = Box::new(store);
    assert_eq!(ready(store.find(id)).expect("an answer"), Some(kept));
    let error = ready(store.check()).expect_err("closed");
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
}
