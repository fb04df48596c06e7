use std::net::IpAddr;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::uuid_v7::uuid_v7;
use crate::{AuditAction, RiskScore, SessionId, UserId};

uuid_v7! {
    /// Names an event. Events sort by it roughly in the order in which they happened; their order in
    /// the log is that of [`Sequence`](crate::Sequence).
    EventId
}

/// Most bytes of a text in an event. Longer ones are cut: they come from outside, and what they are
/// worth is in their beginning.
pub const MAX_FIELD_BYTES: usize = 512;

/// One thing that happened: who, what, when, from where, and how it went out.
///
/// Sessions are named by their handles. No field ever holds a secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditEvent {
    /// Its name.
    pub id: EventId,
    /// When; written with milliseconds, so that texts of it sort as time does.
    #[serde(serialize_with = "with_millis")]
    pub timestamp: DateTime<Utc>,
    /// What.
    pub action: AuditAction,
    /// The same for people.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub details: Box<str>,
    /// Who did it: `service`, `admin`, `user:ada`, `system`.
    pub actor: Box<str>,
    /// Which session it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<SessionId>,
    /// Whom it is about: with a session its user or, where that is not known, nobody.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "user_id"
    )]
    pub user_id: Option<UserId>,
    /// From which address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip_address: Option<IpAddr>,
    /// With which `User-Agent`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<Box<str>>,
    /// With which device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint_id: Option<Box<str>>,
    /// In which request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<Box<str>>,
    /// By which route: its template, never the path as sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<Box<str>>,
    /// By which HTTP method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<Box<str>>,
    /// Whether it succeeded.
    pub success: bool,
    /// A stable word for why it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_code: Option<Box<str>>,
    /// The same for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_message: Option<Box<str>>,
    /// What else there is to say.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub metadata: Map<String, Value>,
    /// Whether it speaks for misuse.
    pub suspicious: bool,
    /// How much it does.
    #[serde(deserialize_with = "risk_score")]
    pub risk_score: RiskScore,
}

#[expect(clippy::borrowed_box, reason = "serde passes by reference")]
fn is_empty(text: &Box<str>) -> bool {
    text.is_empty()
}

fn with_millis<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.to_rfc3339_opts(SecondsFormat::Millis, true))
}

fn user_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<UserId>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    let id = text.map(|text| UserId::new(&text)).transpose();
    id.map_err(serde::de::Error::custom)
}

fn risk_score<'de, D: Deserializer<'de>>(deserializer: D) -> Result<RiskScore, D::Error> {
    RiskScore::new(f64::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}

impl AuditEvent {
    /// A successful event about nobody in particular, done by the system itself.
    #[must_use]
    pub fn new(id: EventId, timestamp: DateTime<Utc>, action: AuditAction) -> Self {
        Self {
            id,
            timestamp,
            action,
            details: Box::default(),
            actor: "system".into(),
            session_id: None,
            user_id: None,
            ip_address: None,
            user_agent: None,
            fingerprint_id: None,
            request_id: None,
            endpoint: None,
            method: None,
            success: true,
            error_code: None,
            error_message: None,
            metadata: Map::new(),
            suspicious: false,
            risk_score: RiskScore::ZERO,
        }
    }

    /// A text as an event keeps it: at most [`MAX_FIELD_BYTES`], cut between two characters.
    #[must_use]
    pub fn field(text: &str) -> Box<str> {
        text[..text.floor_char_boundary(MAX_FIELD_BYTES)].into()
    }

    /// The event as one line of JSON: what the log keeps, and what its hash is over. Control
    /// characters are escaped, so whatever a client sent stays inside of the line.
    #[must_use]
    pub fn to_line(&self) -> String {
        // Texts, numbers and times: this cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads a line back.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn from_line(line: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(line)
    }
}
