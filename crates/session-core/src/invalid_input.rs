use std::fmt;

/// A value from outside that breaks a rule: which member, and what it takes instead.
///
/// The text never repeats the value, since the value may be a secret in the wrong place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` {problem}")]
pub struct InvalidInput {
    field: &'static str,
    problem: String,
}

impl InvalidInput {
    /// `problem` goes on after the member's name: "must be …".
    pub fn new(field: &'static str, problem: impl fmt::Display) -> Self {
        Self {
            field,
            problem: problem.to_string(),
        }
    }

    /// The offending member, by its name in requests.
    #[must_use]
    pub fn field(&self) -> &'static str {
        self.field
    }
}
