//! How likely it is that a session is used by someone else than the one who began it.

use std::fmt;
use std::net::IpAddr;

use serde::{Serialize, Serializer};

use crate::fingerprint::without_versions;
use crate::{ClientDetails, InvalidInput};

/// A risk from 0.0 to 1.0, in thousandths: sums are exact, so a threshold means what it says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RiskScore(u16);

impl RiskScore {
    /// No risk.
    pub const ZERO: Self = Self(0);
    /// Certainty.
    pub const MAX: Self = Self(1000);

    /// So many thousandths; over 1000 is 1000.
    #[must_use]
    pub const fn from_thousandths(thousandths: u16) -> Self {
        if thousandths > 1000 {
            Self::MAX
        } else {
            Self(thousandths)
        }
    }

    /// The score in thousandths.
    #[must_use]
    pub const fn thousandths(self) -> u16 {
        self.0
    }

    /// Reads a score, rounded to thousandths.
    ///
    /// # Errors
    /// [`InvalidInput`] for `risk_score` unless it is a number from 0.0 to 1.0.
    pub fn new(score: f64) -> Result<Self, InvalidInput> {
        if (0.0..=1.0).contains(&score) {
            // From 0 to 1000, so it fits.
            Ok(Self((score * 1000.0).round() as u16))
        } else {
            Err(InvalidInput::new("risk_score", "must be from 0.0 to 1.0"))
        }
    }

    /// The score as a number from 0.0 to 1.0.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        f64::from(self.0) / 1000.0
    }

    /// The sum, capped at 1.0.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self::from_thousandths(self.0.saturating_add(other.0))
    }
}

impl Serialize for RiskScore {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.as_f64())
    }
}

impl fmt::Display for RiskScore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.as_f64())
    }
}

/// What each signal of a stolen session weighs; 0 turns it off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RiskWeights {
    /// The address is of another network than the session's.
    pub ip_address: RiskScore,
    /// The fingerprint is of another device.
    pub fingerprint: RiskScore,
    /// The user agent differs, beyond its version.
    pub user_agent: RiskScore,
}

impl Default for RiskWeights {
    fn default() -> Self {
        Self {
            ip_address: RiskScore(300),
            fingerprint: RiskScore(500),
            user_agent: RiskScore(200),
        }
    }
}

/// What is done at which score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RiskPolicy {
    /// What the signals weigh.
    pub weights: RiskWeights,
    /// From here on the use of the session is audited.
    pub audit_from: RiskScore,
    /// Above this the session is terminated.
    pub terminate_above: RiskScore,
}

impl Default for RiskPolicy {
    fn default() -> Self {
        Self {
            weights: RiskWeights::default(),
            audit_from: RiskScore(300),
            terminate_above: RiskScore(700),
        }
    }
}

/// What a policy says to a risk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RiskAction {
    /// Let in.
    Allow,
    /// Let in, and leave a record.
    Audit,
    /// End the session, leave a record, let nobody in.
    Terminate,
}

impl RiskPolicy {
    /// What is to be done at a score.
    #[must_use]
    pub fn action(&self, score: RiskScore) -> RiskAction {
        if score > self.terminate_above {
            RiskAction::Terminate
        } else if score >= self.audit_from && score > RiskScore::ZERO {
            RiskAction::Audit
        } else {
            RiskAction::Allow
        }
    }
}

/// One sign that somebody else uses a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RiskSignal {
    /// The address is of another network.
    IpChanged {
        /// Where the session was begun.
        from: IpAddr,
        /// Where it is used.
        to: IpAddr,
    },
    /// The fingerprint is of another device.
    FingerprintMismatch {
        /// The fields that differ.
        differing: Vec<&'static str>,
    },
    /// The user agent differs, beyond its version.
    UserAgentChanged,
}

impl fmt::Display for RiskSignal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IpChanged { from, to } => write!(f, "IP address changed from {from} to {to}"),
            Self::FingerprintMismatch { .. } => f.write_str("Device fingerprint mismatch"),
            Self::UserAgentChanged => f.write_str("User agent changed"),
        }
    }
}

/// What speaks for it that a session was stolen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Risk {
    /// The sum of the signals' weights, capped at 1.0.
    pub score: RiskScore,
    /// The signals, in the order of the type's variants.
    pub signals: Vec<RiskSignal>,
}

impl Risk {
    /// Compares who uses a session with who began it. What one of the two sides does not tell is no
    /// signal.
    #[must_use]
    pub fn assess(
        begun_by: &ClientDetails,
        used_by: &ClientDetails,
        weights: &RiskWeights,
    ) -> Self {
        let mut risk = Self::default();
        if let (Some(from), Some(to)) = (begun_by.ip_address, used_by.ip_address)
            && !same_network(from, to)
        {
            let (from, to) = (from.to_canonical(), to.to_canonical());
            risk.add(RiskSignal::IpChanged { from, to }, weights.ip_address);
        }
        if let Some(differing) = mismatch(begun_by, used_by) {
            let signal = RiskSignal::FingerprintMismatch { differing };
            risk.add(signal, weights.fingerprint);
        }
        if let (Some(before), Some(now)) = (&begun_by.user_agent, &used_by.user_agent)
            && differs_beyond_version(before, now)
        {
            risk.add(RiskSignal::UserAgentChanged, weights.user_agent);
        }
        risk
    }

    fn add(&mut self, signal: RiskSignal, weight: RiskScore) {
        if weight > RiskScore::ZERO {
            self.score = self.score.plus(weight);
            self.signals.push(signal);
        }
    }

    /// Whether there is any signal.
    #[must_use]
    pub fn is_suspicious(&self) -> bool {
        !self.signals.is_empty()
    }

    /// A sentence for each signal.
    #[must_use]
    pub fn reasons(&self) -> Vec<String> {
        self.signals.iter().map(ToString::to_string).collect()
    }
}

/// The fields in which the devices differ, if they do not match.
///
/// A request that brings no fingerprint still tells its user agent, which is one of a fingerprint's
/// critical fields.
fn mismatch(begun_by: &ClientDetails, used_by: &ClientDetails) -> Option<Vec<&'static str>> {
    let before = begun_by.device_fingerprint.as_deref()?;
    if let Some(now) = &used_by.device_fingerprint {
        let compared = before.compare(now);
        return (!compared.matched).then_some(compared.differing);
    }
    let (before, now) = (
        before.user_agent.as_deref()?,
        used_by.user_agent.as_deref()?,
    );
    differs_beyond_version(before, now).then(|| vec!["user_agent"])
}

/// Whether two user agents differ in more than version numbers.
fn differs_beyond_version(before: &str, now: &str) -> bool {
    before != now && without_versions(before) != without_versions(now)
}

/// Whether two addresses are of one network: IPv4 of one /24, IPv6 of one /64. An IPv4 address written
/// as IPv6 (RFC 4291 §2.5.5.2) is an IPv4 address.
#[must_use]
pub fn same_network(a: IpAddr, b: IpAddr) -> bool {
    network(a) == network(b)
}

/// The network that an address stands for where many addresses are one person's: IPv4 as it is, IPv6
/// by its /64, which is what one line is given.
#[must_use]
pub fn rate_subject(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.into(),
        IpAddr::V6(_) => network(address),
    }
}

fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            IpAddr::from([a, b, c, 0])
        }
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
    }
}
