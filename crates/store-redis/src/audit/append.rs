//! Appending to the chain, which several nodes do at once.
//!
//! A record's hash builds upon the one before, so whoever appends must know the end of the chain. Each
//! node keeps the end that it saw last and makes its hashes upon it; the script takes them if the chain
//! still ends there, and otherwise says where it ends. A node that is farther away than the others
//! would hardly ever be first: whoever comes too late a few times is given the next turn, and the
//! others wait for it. A turn is only for fairness. That the chain is one, the comparison of its end
//! sees to.

use std::collections::HashSet;
use std::time::Duration;

use redis::Cmd;
use session_core::ports::{StoreError, StoreErrorKind};
use session_core::{Anchor, AuditEvent, EventId};
use tokio::sync::Mutex;
use tokio::time::sleep;

use super::record::{self, END_OF_PLACES};
use super::script;
use crate::RedisStore;
use crate::error::Failure;
use crate::store::told;

script!(APPEND, "audit_append.lua");

const DOING: &str = "append to the audit log";

/// Tries before an append gives up. With turns a few are enough, however many nodes there are.
const TRIES: u32 = 64;
/// How often an append may be too late before it asks for a turn.
const PATIENCE: u32 = 2;
/// How long a turn lasts if whoever has it does not come back: some hundred round trips, and far less
/// than the tries of the others.
const TURN: Duration = Duration::from_millis(300);
/// Pauses between two looks whether another's turn is over.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

/// The end of the chain as this node saw it last. Appends of one node take turns: they would only be
/// too late for one another.
pub(crate) struct Appends(Mutex<End>);

impl Default for Appends {
    fn default() -> Self {
        Self(Mutex::new(End::of(Anchor::START)))
    }
}

struct End {
    /// What the store says.
    head: Anchor,
    /// What the next record follows: the same, unless somebody put records beyond the end. Those stay,
    /// to be found by a check, and what happens from now on is recorded behind them rather than not at
    /// all.
    follows: Anchor,
}

impl End {
    const fn of(head: Anchor) -> Self {
        Self {
            head,
            follows: head,
        }
    }
}

impl RedisStore {
    pub(super) async fn append_events(&self, events: &[AuditEvent]) -> Result<(), StoreError> {
        let mut ids = HashSet::with_capacity(events.len());
        let mut left: Vec<_> = events.iter().filter(|event| ids.insert(event.id)).collect();
        let Some(mine) = left.first().map(|event| event.id) else {
            return self.expect_open(DOING);
        };
        let mut end = self.appends.0.lock().await;
        let (mut late, mut pause) = (0, FIRST_PAUSE);
        for _ in 0..TRIES {
            let (call, next) = told(DOING, self.append_call(&end, &left, mine, late >= PATIENCE))?;
            type Answer = (String, Vec<u8>, Vec<usize>, Option<Vec<u8>>);
            let (outcome, head, known, last): Answer = self.run(DOING, &APPEND, &call).await?;
            if outcome == "appended" {
                *end = End::of(next);
                return Ok(());
            }
            let head = told(DOING, record::read_anchor(&head))?;
            if head != end.head {
                *end = End::of(head);
            }
            match (outcome.as_str(), last) {
                ("known", _) => {
                    let known: HashSet<_> = known.into_iter().collect();
                    let mut place = 0..;
                    left.retain(|_| place.next().is_none_or(|place| !known.contains(&place)));
                    if left.is_empty() {
                        return Ok(());
                    }
                }
                ("moved", _) => late += 1,
                ("beyond", Some(last)) => {
                    end.follows.sequence = told(DOING, record::place(&last))?;
                    tracing::error!(
                        head = head.sequence,
                        "the audit log was tampered with: it holds records beyond its end"
                    );
                }
                _ => {
                    sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
        let outrun = "other nodes append all the time";
        Err(StoreError::new(StoreErrorKind::Unavailable, DOING, outrun))
    }

    /// The call, and where the chain ends after it.
    fn append_call(
        &self,
        end: &End,
        events: &[&AuditEvent],
        mine: EventId,
        asks_for_a_turn: bool,
    ) -> Result<(Cmd, Anchor), Failure> {
        let room = END_OF_PLACES.saturating_sub(end.follows.sequence);
        if events.len() as u64 >= room {
            let full = "the audit log holds a record where no log comes to";
            return Err(Failure::Corrupt(full));
        }
        let mut next = end.follows;
        let mut records = Vec::with_capacity(events.len());
        for event in events {
            let line = event.to_line();
            next = next.next(line.as_bytes());
            records.push((next.sequence, record::write(&next.hash, line.as_bytes())));
        }
        let mut call = self.call(&APPEND);
        call.arg(record::write_anchor(&end.head))
            .arg(record::write_anchor(&next))
            .arg(mine.as_bytes())
            .arg(u8::from(asks_for_a_turn))
            .arg(TURN.as_millis() as u64);
        for (event, (sequence, bytes)) in events.iter().zip(records) {
            let user = event.user_id.as_ref().map_or("", |user| user.as_str());
            let session = event.session_id.as_ref();
            call.arg(sequence)
                .arg(bytes)
                .arg(event.id.as_bytes())
                .arg(user)
                .arg(session.map_or(&[][..], |id| id.as_bytes()))
                .arg(event.timestamp.timestamp_millis())
                .arg(event.action.as_str());
        }
        Ok((call, next))
    }
}
