use session_core::{RateRules, RiskPolicy};

/// What the guards of sessions go by.
#[derive(Debug, Clone, Default)]
pub struct SecurityPolicy {
    /// Whether they act.
    pub enforcement: Enforcement,
    /// What is done at which risk.
    pub risk: RiskPolicy,
    /// The rate limits.
    pub rules: RateRules,
}

/// Whether the guards act on what they see.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Enforcement {
    /// They score, record and act.
    #[default]
    Enforce,
    /// They score and record, but let everyone through: to see what they would do.
    Shadow,
    /// They do nothing.
    Off,
}
