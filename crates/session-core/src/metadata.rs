use std::fmt;

use serde_json::{Map, Value};

use crate::InvalidInput;

/// Most bytes of metadata, serialised as compact JSON.
pub const MAX_METADATA_BYTES: usize = 4096;

/// The role of a session whose metadata names none.
pub const DEFAULT_ROLE: &str = "user";

/// What the application keeps with a session: a JSON object of at most [`MAX_METADATA_BYTES`].
///
/// Two members mean something to sessiond: `role`, a string, and `permissions`, an array of strings;
/// see [`Metadata::has_role`] and [`Metadata::has_permission`]. Everything else is the application's.
/// It is kept as compact JSON text, since most requests only pass it on.
#[derive(Clone, PartialEq, Eq)]
pub struct Metadata {
    json: Box<str>,
    role: Option<Box<str>>,
    permissions: Box<[Box<str>]>,
}

impl Metadata {
    /// Takes an object as metadata.
    ///
    /// # Errors
    /// [`InvalidInput`] for `metadata` when it is too large, or when `role` or `permissions` are not
    /// of their type.
    pub fn new(members: &Map<String, Value>) -> Result<Self, InvalidInput> {
        let role = match members.get("role") {
            None => None,
            Some(Value::String(role)) => Some(role.as_str().into()),
            Some(_) => {
                return Err(InvalidInput::new(
                    "metadata",
                    "must have a string as `role`",
                ));
            }
        };
        let permissions = match members.get("permissions") {
            None => Some(Box::default()),
            Some(Value::Array(items)) => items
                .iter()
                .map(|item| item.as_str().map(Into::into))
                .collect(),
            Some(_) => None,
        };
        let permissions = permissions.ok_or_else(|| {
            InvalidInput::new("metadata", "must have an array of strings as `permissions`")
        })?;
        // `{:#}` would be the indented form; the plain one is compact and cannot fail on a map.
        let json = Value::Object(members.clone()).to_string();
        if json.len() > MAX_METADATA_BYTES {
            let problem = format_args!("must be at most {MAX_METADATA_BYTES} bytes of JSON");
            return Err(InvalidInput::new("metadata", problem));
        }
        Ok(Self {
            json: json.into(),
            role,
            permissions,
        })
    }

    /// Reads metadata back from [`Self::as_json`].
    ///
    /// # Errors
    /// [`InvalidInput`] for `metadata` when it is not a JSON object, and as [`Self::new`].
    pub fn from_json(json: &str) -> Result<Self, InvalidInput> {
        if json == "{}" {
            return Ok(Self::default());
        }
        let members: Map<String, Value> = serde_json::from_str(json)
            .map_err(|_| InvalidInput::new("metadata", "must be a JSON object"))?;
        Self::new(&members)
    }

    /// The metadata with `changes` applied member by member: `null` removes a member, any other
    /// value replaces it whole. Members not named stay.
    ///
    /// # Errors
    /// As [`Self::new`], for the result.
    pub fn merged(&self, changes: &Map<String, Value>) -> Result<Self, InvalidInput> {
        let mut members: Map<String, Value> = serde_json::from_str(&self.json)
            .map_err(|_| InvalidInput::new("metadata", "must be a JSON object"))?;
        for (name, value) in changes {
            if value.is_null() {
                members.remove(name);
            } else {
                members.insert(name.clone(), value.clone());
            }
        }
        Self::new(&members)
    }

    /// The whole object as compact JSON.
    #[must_use]
    pub fn as_json(&self) -> &str {
        &self.json
    }

    /// The role, [`DEFAULT_ROLE`] unless the metadata names one.
    #[must_use]
    pub fn role(&self) -> &str {
        self.role.as_deref().unwrap_or(DEFAULT_ROLE)
    }

    /// The permissions, in the order given.
    #[must_use]
    pub fn permissions(&self) -> &[Box<str>] {
        &self.permissions
    }

    /// Whether the role is exactly `role`. Roles have no order: `admin` is not also `user`.
    #[must_use]
    pub fn has_role(&self, role: &str) -> bool {
        self.role() == role
    }

    /// Whether `permission` is among the permissions. Nothing implies another, no role implies any.
    #[must_use]
    pub fn has_permission(&self, permission: &str) -> bool {
        self.permissions.iter().any(|held| **held == *permission)
    }
}

impl Default for Metadata {
    fn default() -> Self {
        Self {
            json: "{}".into(),
            role: None,
            permissions: Box::default(),
        }
    }
}

/// Shows role and permissions only: the rest is the application's and may be private.
impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metadata")
            .field("role", &self.role())
            .field("permissions", &self.permissions)
            .finish_non_exhaustive()
    }
}
