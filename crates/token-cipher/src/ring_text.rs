use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::{CipherKey, CipherKeys, CipherKeysError};

const FORMAT: u64 = 1;

/// More than the JSON of one key takes: a name, 43 digits, a time, and the members' names.
const KEY_BYTES: usize = 256;

impl CipherKeys {
    /// The ring as JSON, with all its secrets: for the file or the setting that keeps it.
    ///
    /// `{"v":1,"keys":[{"id":…,"secret":base64url,"created_at":RFC 3339}]}`
    #[must_use]
    pub fn expose(&self) -> Zeroizing<String> {
        // Written into one piece of memory that never moves, so that no copy stays behind. No value
        // has a character that JSON would have escaped.
        let room = KEY_BYTES * (1 + self.iter().count());
        let mut text = Zeroizing::new(String::with_capacity(room));
        text.push_str(r#"{"v":1,"keys":["#);
        for (index, key) in self.iter().enumerate() {
            text.push_str(if index == 0 { "" } else { "," });
            text.push_str(r#"{"id":""#);
            text.push_str(key.id().as_str());
            text.push_str(r#"","secret":""#);
            URL_SAFE_NO_PAD.encode_string(key.secret(), &mut text);
            text.push_str(r#"","created_at":""#);
            let created_at = key.created_at();
            text.push_str(&created_at.to_rfc3339_opts(SecondsFormat::AutoSi, true));
            text.push_str(r#""}"#);
        }
        text.push_str("]}");
        text
    }

    /// Reads what [`expose`](Self::expose) wrote, the keys in any order.
    ///
    /// # Errors
    /// [`CipherKeysError`], which repeats nothing of the text.
    pub fn parse(text: &str) -> Result<Self, CipherKeysError> {
        // The format comes first: a later one may have other members, and that is no fault of them.
        let Format { v: found } = serde_json::from_str(text).map_err(malformed)?;
        if found != FORMAT {
            return Err(CipherKeysError::Format { found });
        }
        let ring: Ring = serde_json::from_str(text).map_err(malformed)?;
        let keys = ring.keys.iter().zip(1..).map(|(row, place)| row.key(place));
        Self::of(keys.collect::<Result<_, _>>()?)
    }
}

#[derive(Deserialize)]
struct Format {
    v: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ring {
    #[serde(rename = "v")]
    _format: u64,
    keys: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    id: String,
    secret: Zeroizing<String>,
    created_at: DateTime<Utc>,
}

impl Row {
    fn key(&self, place: usize) -> Result<CipherKey, CipherKeysError> {
        // The decoder wants room for whole groups of four: 43 digits may need 33 bytes of buffer.
        let mut buffer = Zeroizing::new([0; 33]);
        let length = URL_SAFE_NO_PAD.decode_slice(&*self.secret, &mut *buffer);
        let (Ok(32), Some(secret)) = (length, buffer.first_chunk()) else {
            return Err(CipherKeysError::Secret { place });
        };
        let key = CipherKey::new(secret, self.created_at);
        if key.id().as_str() != self.id {
            return Err(CipherKeysError::Id { place });
        }
        Ok(key)
    }
}

/// serde_json's own text may quote the input, so only the place is passed on.
fn malformed(error: serde_json::Error) -> CipherKeysError {
    CipherKeysError::Malformed {
        line: error.line(),
        column: error.column(),
    }
}
