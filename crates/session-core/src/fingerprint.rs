use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::InvalidInput;

/// Score from which on two fingerprints are taken for the same device.
pub const MATCH_THRESHOLD: f64 = 0.8;

/// What tells one device from another, as far as the client lets itself be known.
///
/// Every field is optional. It is evidence, never a credential: a client may send whatever it likes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(
    missing_docs,
    reason = "the names are the fields' meaning, as browsers report them"
)]
pub struct DeviceFingerprint {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accept_language: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub screen_resolution: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub color_depth: Option<Scalar>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pixel_ratio: Option<Scalar>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub touch_support: Option<Scalar>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_memory: Option<Scalar>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hardware_concurrency: Option<Scalar>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canvas_fingerprint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webgl_fingerprint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audio_fingerprint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fonts: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugins: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub os: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub browser: Option<String>,
    /// Given by a mobile client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub do_not_track: Option<Scalar>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cookies_enabled: Option<Scalar>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language_list: Option<Vec<String>>,
    /// A name for this fingerprint; not compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fingerprint_id: Option<String>,
    /// When it was first taken; not compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<DateTime<Utc>>,
    /// When it was last seen; not compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<DateTime<Utc>>,
}

/// A value whose type differs between clients: `navigator.doNotTrack` is `"1"` here and `true` there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
#[expect(missing_docs, reason = "the JSON types, by their names")]
pub enum Scalar {
    Bool(bool),
    Number(serde_json::Number),
    Text(String),
}

/// What comparing two fingerprints found.
#[derive(Debug, Clone, PartialEq)]
pub struct FingerprintMatch {
    /// Whether they count as the same device.
    pub matched: bool,
    /// Mean likeness of the uncritical fields present on both sides, 0.0 to 1.0; 1.0 if there are
    /// none.
    pub score: f64,
    /// The fields that differ, critical ones first, by name.
    pub differing: Vec<&'static str>,
    /// The fields that differ in a way that is expected, such as a browser's version.
    pub minor: Vec<&'static str>,
}

impl DeviceFingerprint {
    /// Most bytes of a fingerprint, serialised as JSON.
    pub const MAX_BYTES: usize = 8192;

    /// Checks the size.
    ///
    /// # Errors
    /// [`InvalidInput`] for `device_fingerprint` when it is over [`Self::MAX_BYTES`] as JSON.
    pub fn check_size(&self) -> Result<(), InvalidInput> {
        let fits = serde_json::to_string(self).is_ok_and(|json| json.len() <= Self::MAX_BYTES);
        fits.then_some(()).ok_or_else(|| {
            let problem = format_args!("must be at most {} bytes of JSON", Self::MAX_BYTES);
            InvalidInput::new("device_fingerprint", problem)
        })
    }

    /// Compares two fingerprints; the order of the two does not matter.
    ///
    /// `user_agent`, `platform` and `timezone` are critical: where both sides have a value and it
    /// differs, the match fails. A user agent that differs in version numbers only does not fail it
    /// and is listed as minor. The rest is scored over the fields present on both sides: equal is 1,
    /// different is 0, lists count by Jaccard similarity; the mean must reach [`MATCH_THRESHOLD`].
    /// With nothing to compare, they match.
    #[must_use]
    pub fn compare(&self, other: &Self) -> FingerprintMatch {
        let mut found = Comparison::default();
        found.user_agent(self.user_agent.as_deref(), other.user_agent.as_deref());
        found.critical("platform", self.platform.as_ref(), other.platform.as_ref());
        found.critical("timezone", self.timezone.as_ref(), other.timezone.as_ref());

        macro_rules! score {
            ($compare:ident: $($field:ident),+) => {
                $(found.$compare(stringify!($field), self.$field.as_ref(), other.$field.as_ref());)+
            };
        }
        score!(equal: accept_language, screen_resolution, color_depth, pixel_ratio, touch_support);
        score!(equal: device_memory, hardware_concurrency, canvas_fingerprint, webgl_fingerprint);
        score!(equal: audio_fingerprint, device_type, os, browser, device_id);
        score!(equal: do_not_track, cookies_enabled);
        score!(jaccard: fonts, plugins, language_list);
        found.conclude()
    }
}

/// What has been found so far.
#[derive(Default)]
struct Comparison {
    critical_differs: bool,
    likeness: f64,
    compared: u32,
    differing: Vec<&'static str>,
    minor: Vec<&'static str>,
}

impl Comparison {
    fn user_agent(&mut self, a: Option<&str>, b: Option<&str>) {
        match (a, b) {
            (Some(a), Some(b)) if a != b && without_versions(a) == without_versions(b) => {
                self.minor.push("user_agent");
            }
            _ => self.critical("user_agent", a, b),
        }
    }

    fn critical<T: PartialEq>(&mut self, field: &'static str, a: Option<T>, b: Option<T>) {
        if let (Some(a), Some(b)) = (a, b)
            && a != b
        {
            self.critical_differs = true;
            self.differing.push(field);
        }
    }

    fn equal<T: PartialEq>(&mut self, field: &'static str, a: Option<&T>, b: Option<&T>) {
        if let (Some(a), Some(b)) = (a, b) {
            self.add(field, if a == b { 1.0 } else { 0.0 });
        }
    }

    /// |A ∩ B| / |A ∪ B| of the two lists as sets; two empty lists are alike.
    fn jaccard(&mut self, field: &'static str, a: Option<&Vec<String>>, b: Option<&Vec<String>>) {
        if let (Some(a), Some(b)) = (a, b) {
            let (a, b): (BTreeSet<_>, BTreeSet<_>) = (a.iter().collect(), b.iter().collect());
            let union = a.union(&b).count();
            let shared = a.intersection(&b).count();
            self.add(
                field,
                if union == 0 {
                    1.0
                } else {
                    shared as f64 / union as f64
                },
            );
        }
    }

    fn add(&mut self, field: &'static str, likeness: f64) {
        self.likeness += likeness;
        self.compared += 1;
        if likeness < 1.0 {
            self.differing.push(field);
        }
    }

    fn conclude(self) -> FingerprintMatch {
        let score = if self.compared == 0 {
            1.0
        } else {
            // A mean of exactly 0.8 may come out as 0.7999999999999999. Within `MAX_BYTES`, a mean
            // that is not 0.8 is further from it than what is rounded off here.
            (self.likeness / f64::from(self.compared) * 1e12).round() / 1e12
        };
        FingerprintMatch {
            matched: !self.critical_differs && score >= MATCH_THRESHOLD,
            score,
            differing: self.differing,
            minor: self.minor,
        }
    }
}

/// The user agent with every version number (`128`, `10.15.7`, `10_15_7`) replaced by `#`.
pub(crate) fn without_versions(user_agent: &str) -> String {
    let mut plain = String::with_capacity(user_agent.len());
    let mut in_number = false;
    for c in user_agent.chars() {
        let goes_on = in_number && (c == '.' || c == '_');
        if c.is_ascii_digit() || goes_on {
            if !in_number {
                plain.push('#');
            }
            in_number = true;
        } else {
            in_number = false;
            plain.push(c);
        }
    }
    plain
}
