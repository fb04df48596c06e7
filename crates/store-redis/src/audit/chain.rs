//! Following the chain, and shortening it at its old end.

use chrono::{DateTime, Utc};
use redis::Cmd;
use session_core::ports::{Forgotten, StoreError, StoreErrorKind};
use session_core::{Anchor, BrokenRecord, ChainCheck, Sequence, Verified};

use super::record::{self, Entry, Found};
use super::script;
use crate::RedisStore;
use crate::error::Failure;
use crate::store::told;

script!(BATCH, "audit_batch.lua");
script!(FORGET, "audit_forget.lua");

/// Records that are checked at a time.
const CHECKED_AT_ONCE: usize = 256;
/// Records that are forgotten at a time.
const FORGOTTEN_AT_ONCE: usize = 128;
/// How often a check begins anew since all that it was to check was forgotten meanwhile.
const BEGINNINGS: usize = 16;
/// How often others may be first to forget the same records.
const TRIES: usize = 64;

/// Some of the log, all of one moment.
struct Batch {
    base: Anchor,
    head: Anchor,
    /// The id of the last entry that was asked for.
    last: Vec<u8>,
    entries: Vec<Entry>,
}

impl RedisStore {
    pub(super) async fn verify_chain(
        &self,
        noted: Option<Anchor>,
    ) -> Result<Result<Verified, BrokenRecord>, StoreError> {
        const DOING: &str = "verify the audit log";
        'beginning: for _ in 0..BEGINNINGS {
            // From the very first entry: also one that stands where the chain has none is to be found.
            // Up to the last that there is now.
            let mut batch = self.batch(DOING, b"-", b"", CHECKED_AT_ONCE).await?;
            let (head, last) = (batch.head, batch.last.clone());
            let mut check = ChainCheck::new(batch.base, head, noted);
            loop {
                if batch.base.sequence > head.sequence && batch.head != head {
                    continue 'beginning;
                }
                if batch.base.sequence > check.reached().sequence {
                    // Others forgot what was to come next: what is left is to be whole.
                    check = ChainCheck::new(batch.base, head, noted);
                }
                for entry in &batch.entries {
                    if let Err(broken) = told(DOING, record::check(&mut check, entry))? {
                        return Ok(Err(broken));
                    }
                }
                let Some((id, _)) = batch.entries.last() else {
                    return Ok(check.finish());
                };
                let behind = [b"(", id.as_slice()].concat();
                batch = self.batch(DOING, &behind, &last, CHECKED_AT_ONCE).await?;
            }
        }
        let outrun = "the records are forgotten faster than they are checked";
        Err(StoreError::new(StoreErrorKind::Unavailable, DOING, outrun))
    }

    pub(super) async fn forget_oldest(
        &self,
        before: DateTime<Utc>,
        batch: usize,
    ) -> Result<Forgotten, StoreError> {
        const DOING: &str = "forget what has had its time";
        let most = batch.min(FORGOTTEN_AT_ONCE);
        if most == 0 {
            self.expect_open(DOING)?;
            return Ok(Forgotten {
                count: 0,
                more: true,
            });
        }
        for _ in 0..TRIES {
            let oldest = self.batch(DOING, b"", b"", most).await?;
            let Some(call) = told(DOING, self.forget_call(&oldest, before))? else {
                return Ok(Forgotten::default());
            };
            // Nothing if another node forgot them first.
            let count: Option<u64> = self.run(DOING, &FORGET, &call).await?;
            if let Some(count) = count {
                let more = count >= most as u64;
                return Ok(Forgotten { count, more });
            }
        }
        // Whoever is first so often goes on.
        Ok(Forgotten {
            count: 0,
            more: true,
        })
    }

    /// From the oldest record up to the first that is not old enough; nothing if there is none.
    ///
    /// Nothing goes from the first on that does not fit into the chain: what tells of a tampering must
    /// not be swept away.
    fn forget_call(&self, oldest: &Batch, before: DateTime<Utc>) -> Result<Option<Cmd>, Failure> {
        let mut check = ChainCheck::new(oldest.base, oldest.head, None);
        let mut gone: Vec<(Sequence, Found)> = Vec::with_capacity(oldest.entries.len());
        for entry in &oldest.entries {
            let found = match Found::read(entry) {
                // What comes before it can go.
                Err(_) if !gone.is_empty() => break,
                found => found?,
            };
            if found
                .as_ref()
                .is_some_and(|(_, found)| found.timestamp >= before)
            {
                break;
            }
            if let Err(broken) = record::check(&mut check, entry)? {
                tracing::error!(%broken, "the audit log was tampered with: nothing is forgotten from there on");
                break;
            }
            gone.push(found.ok_or(Failure::Corrupt("an audit record cannot be read"))?);
        }
        if gone.is_empty() {
            return Ok(None);
        }
        let mut call = self.call(&FORGET);
        call.arg(record::write_anchor(&oldest.base))
            .arg(record::write_anchor(&check.reached()));
        for (place, found) in &gone {
            let session = found.session_id.as_ref();
            call.arg(*place)
                .arg(found.id.as_bytes())
                .arg(found.user_id.as_deref().unwrap_or_default())
                .arg(session.map_or(&[][..], |id| id.as_bytes()))
                .arg(&found.action);
        }
        Ok(Some(call))
    }

    async fn batch(
        &self,
        doing: &'static str,
        from: &[u8],
        last: &[u8],
        most: usize,
    ) -> Result<Batch, StoreError> {
        let mut call = self.call(&BATCH);
        call.arg(from).arg(last).arg(most);
        type Answer = (Vec<u8>, Vec<u8>, Vec<u8>, Vec<Entry>);
        let (base, head, last, entries): Answer = self.run(doing, &BATCH, &call).await?;
        Ok(Batch {
            base: told(doing, record::read_anchor(&base))?,
            head: told(doing, record::read_anchor(&head))?,
            last,
            entries,
        })
    }
}
