use std::str::FromStr;

use crate::{InvalidInput, SessionId};

/// Which part of a list is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest {
    limit: usize,
    after: Option<Cursor>,
}

impl PageRequest {
    /// Entries of a page when the caller does not say.
    pub const DEFAULT_LIMIT: usize = 100;
    /// Most entries of one page.
    pub const MAX_LIMIT: usize = 1000;

    /// Asks for at most `limit` entries that come after `after`.
    ///
    /// # Errors
    /// [`InvalidInput`] for `limit` when it is not from 1 to [`Self::MAX_LIMIT`].
    pub fn new(limit: Option<usize>, after: Option<Cursor>) -> Result<Self, InvalidInput> {
        let limit = limit.unwrap_or(Self::DEFAULT_LIMIT);
        if !(1..=Self::MAX_LIMIT).contains(&limit) {
            let problem = format_args!("must be from 1 to {}", Self::MAX_LIMIT);
            return Err(InvalidInput::new("limit", problem));
        }
        Ok(Self { limit, after })
    }

    /// Most entries of this page.
    #[must_use]
    pub const fn limit(&self) -> usize {
        self.limit
    }

    /// Where the page before this one ended.
    #[must_use]
    pub const fn after(&self) -> Option<Cursor> {
        self.after
    }
}

impl Default for PageRequest {
    fn default() -> Self {
        Self {
            limit: Self::DEFAULT_LIMIT,
            after: None,
        }
    }
}

/// Where a page ended: the handle of its last session.
///
/// A place in the order rather than a count, so that sessions that end or begin between two pages
/// never make a later page skip or repeat one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor(pub SessionId);

impl FromStr for Cursor {
    type Err = InvalidInput;

    fn from_str(text: &str) -> Result<Self, InvalidInput> {
        let id = text.parse();
        id.map(Self)
            .map_err(|_| InvalidInput::new("cursor", "must come from an earlier page"))
    }
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The entries, in the order of the list.
    pub items: Vec<T>,
    /// Where to go on; `None` on the last page.
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    /// Cuts a page out of `items`, which a store read with one entry to spare.
    ///
    /// The spare entry tells that there is more without a count.
    #[must_use]
    pub fn cut(mut items: Vec<T>, limit: usize, id: impl Fn(&T) -> SessionId) -> Self {
        let more = items.len() > limit;
        items.truncate(limit);
        let next = if more {
            items.last().map(|last| Cursor(id(last)))
        } else {
            None
        };
        Self { items, next }
    }
}
