use std::str::FromStr;

use crate::{InvalidInput, SessionId};

/// Which part of a list is asked for. `K` is what the list is ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest<K = SessionId> {
    limit: usize,
    after: Option<Cursor<K>>,
}

/// Entries of a page when the caller does not say.
pub const DEFAULT_PAGE: usize = 100;
/// Most entries of one page.
pub const MAX_PAGE: usize = 1000;

impl<K: Copy> PageRequest<K> {
    /// Asks for at most `limit` entries that come after `after`.
    ///
    /// # Errors
    /// [`InvalidInput`] for `limit` when it is not from 1 to [`MAX_PAGE`].
    pub fn new(limit: Option<usize>, after: Option<Cursor<K>>) -> Result<Self, InvalidInput> {
        let limit = limit.unwrap_or(DEFAULT_PAGE);
        if !(1..=MAX_PAGE).contains(&limit) {
            let problem = format_args!("must be from 1 to {MAX_PAGE}");
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
    pub const fn after(&self) -> Option<Cursor<K>> {
        self.after
    }

    /// The same for the page after one that ended at `next`.
    #[must_use]
    pub const fn following(self, next: Cursor<K>) -> Self {
        Self {
            limit: self.limit,
            after: Some(next),
        }
    }
}

impl<K> Default for PageRequest<K> {
    fn default() -> Self {
        Self {
            limit: DEFAULT_PAGE,
            after: None,
        }
    }
}

/// Where a page ended: the key of its last entry.
///
/// A place in the order rather than a count, so that entries that come or go between two pages
/// never make a later page skip or repeat one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor<K = SessionId>(pub K);

impl<K: FromStr> FromStr for Cursor<K> {
    type Err = InvalidInput;

    fn from_str(text: &str) -> Result<Self, InvalidInput> {
        let key = text.parse();
        key.map(Self)
            .map_err(|_| InvalidInput::new("cursor", "must come from an earlier page"))
    }
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T, K = SessionId> {
    /// The entries, in the order of the list.
    pub items: Vec<T>,
    /// Where to go on; `None` on the last page.
    pub next: Option<Cursor<K>>,
}

impl<T, K> Page<T, K> {
    /// Cuts a page out of `items`, which a store read with one entry to spare.
    ///
    /// The spare entry tells that there is more without a count.
    #[must_use]
    pub fn cut(mut items: Vec<T>, limit: usize, key: impl Fn(&T) -> K) -> Self {
        let more = items.len() > limit;
        items.truncate(limit);
        let next = if more {
            items.last().map(|last| Cursor(key(last)))
        } else {
            None
        };
        Self { items, next }
    }
}
