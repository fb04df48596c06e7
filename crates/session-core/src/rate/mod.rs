//! Rate limits: rules, and the decision as a pure function of what is remembered and the time.

mod rule;
mod state;

pub use rule::{Backoff, DuplicateRule, RateRule, RateRules, UnknownRule};
pub use state::{Attempt, RateDecision, RateKey, RateState, decide};
