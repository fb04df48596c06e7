//! What can be asked of the audit log.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use session_core::ports::StoreError;
use session_core::{
    AuditAction, AuditEvent, AuditFilter, AuditOrder, AuditRecord, AuditSummary, Page, PageRequest,
    Sequence, UserId,
};

use super::record::{self, Entry};
use super::script;
use crate::RedisStore;
use crate::store::told;

script!(PAGE, "audit_page.lua");
script!(COUNT, "audit_count.lua");
script!(PERIOD, "audit_period.lua");

/// Records that one step of a page looks at, at first and at most. Most are passed over where they are.
const LOOKS_AT_FIRST: usize = 128;
const LOOKS: usize = 512;
/// Records that one step of a summary reads.
const AT_ONCE: usize = 128;
/// Entries of an index that one step counts.
const COUNTED_AT_ONCE: usize = 1024;

/// Where to go on in an index by time: from that time on, without so many of its entries.
type Next = Option<(Vec<u8>, u64)>;

impl RedisStore {
    pub(super) async fn page_of_events(
        &self,
        filter: &AuditFilter,
        order: AuditOrder,
        page: PageRequest<Sequence>,
    ) -> Result<Page<AuditRecord, Sequence>, StoreError> {
        const DOING: &str = "read the audit log";
        // One entry to spare tells whether there is another page.
        let wanted = page.limit() + 1;
        let mut after = page.after().map(|cursor| cursor.0);
        let mut records: Vec<AuditRecord> = Vec::new();
        let mut looks = wanted.clamp(LOOKS_AT_FIRST, LOOKS);
        if *filter == AuditFilter::default() {
            looks = looks.min(wanted);
        }
        loop {
            let from = match (order, after) {
                (_, None) => String::new(),
                (AuditOrder::OldestFirst, Some(after)) => after.saturating_add(1).to_string(),
                (AuditOrder::NewestFirst, Some(after)) => after.saturating_sub(1).to_string(),
            };
            let mut call = self.call(&PAGE);
            call.arg(filter.user_id.as_ref().map_or("", |user| user.as_str()))
                .arg(
                    filter
                        .session_id
                        .as_ref()
                        .map_or(&[][..], |id| id.as_bytes()),
                )
                .arg(u8::from(order == AuditOrder::NewestFirst))
                .arg(from)
                .arg(wanted - records.len())
                .arg(looks)
                .arg(filter.action.map(holding).unwrap_or_default())
                .arg(filter.since.map(text_of).unwrap_or_default())
                .arg(filter.until.map(up).map(text_of).unwrap_or_default());
            let (found, last): (Vec<Entry>, Option<Vec<u8>>) =
                self.run(DOING, &PAGE, &call).await?;
            for entry in &found {
                let record = told(DOING, record::read(entry))?;
                if filter.admits(&record.event) {
                    records.push(record);
                }
            }
            match last {
                Some(last) if records.len() < wanted => {
                    after = Some(told(DOING, record::place(&last))?);
                    looks = LOOKS;
                }
                _ => return Ok(Page::cut(records, page.limit(), |record| record.sequence)),
            }
        }
    }

    pub(super) async fn summary_of_events(
        &self,
        user_id: &UserId,
        since: DateTime<Utc>,
    ) -> Result<AuditSummary, StoreError> {
        const DOING: &str = "summarize the audit log";
        let filter = AuditFilter {
            since: Some(since),
            ..AuditFilter::of_user(user_id.clone())
        };
        let mut events = Vec::new();
        let (mut from, mut skipped) = start_of(since);
        loop {
            let mut call = self.call(&PERIOD);
            call.arg(user_id.as_str())
                .arg(from)
                .arg(skipped)
                .arg(AT_ONCE);
            let (found, next): (Vec<Entry>, Next) = self.run(DOING, &PERIOD, &call).await?;
            for entry in &found {
                let event = told(DOING, record::read(entry))?.event;
                if filter.admits(&event) {
                    events.push(what_counts(event));
                }
            }
            match next {
                Some(next) => (from, skipped) = next,
                None => return Ok(AuditSummary::of(events.iter())),
            }
        }
    }

    pub(super) async fn count_of_events(
        &self,
        user_id: &UserId,
        action: AuditAction,
        since: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        const DOING: &str = "count in the audit log";
        let mut count = 0;
        let (mut from, mut skipped) = start_of(since);
        loop {
            let mut call = self.call(&COUNT);
            call.arg(user_id.as_str())
                .arg(action.as_str())
                .arg(from)
                .arg(skipped)
                .arg(COUNTED_AT_ONCE);
            let (some, next): (u64, Next) = self.run(DOING, &COUNT, &call).await?;
            count += some;
            match next {
                Some(next) => (from, skipped) = next,
                None => return Ok(count),
            }
        }
    }
}

/// The text that a record of this kind holds.
fn holding(action: AuditAction) -> String {
    format!("\"action\":\"{action}\"")
}

/// A time as records hold it, if it is as wide as theirs and sorts among them: those of the first ten
/// thousand years. Nothing for another: then every time is looked at closely.
fn text_of(time: DateTime<Utc>) -> String {
    let text = time.to_rfc3339_opts(SecondsFormat::Millis, true);
    if text.len() == "2025-06-15T15:06:40.000Z".len() {
        text
    } else {
        String::new()
    }
}

/// The first whole millisecond that is not before `time`: records hold no less.
fn up(time: DateTime<Utc>) -> DateTime<Utc> {
    let below = TimeDelta::nanoseconds(i64::from(time.timestamp_subsec_nanos() % 1_000_000));
    if below.is_zero() {
        return time;
    }
    time.checked_add_signed(TimeDelta::milliseconds(1) - below)
        .unwrap_or(time)
}

/// Where a period begins in an index by time.
fn start_of(since: DateTime<Utc>) -> (Vec<u8>, u64) {
    (up(since).timestamp_millis().to_string().into_bytes(), 0)
}

/// An event without what no summary asks about: there may be many of them.
fn what_counts(event: AuditEvent) -> AuditEvent {
    AuditEvent {
        suspicious: event.suspicious,
        risk_score: event.risk_score,
        ip_address: event.ip_address,
        ..AuditEvent::new(event.id, event.timestamp, event.action)
    }
}
