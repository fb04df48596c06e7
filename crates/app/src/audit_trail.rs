use std::error::Error as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use chrono::TimeDelta;
use session_core::ports::{AuditLog, Clock, Entropy, EntropyError, StoreErrorKind};
use session_core::{AuditAction, AuditEvent, EventId};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Mutex, mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::Origin;

/// Events that one append takes at most.
const BATCH: usize = 256;
/// Pause after the first failed append; doubled with each further one, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Tries of what fails for a reason that waiting does not cure.
const HOPELESS_TRIES: u32 = 3;
/// How long closing waits for a log that does not take events.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// How the audit log is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditPolicy {
    /// Events that may wait to be written.
    pub queue: usize,
    /// Whether reads are recorded too (`session_accessed`, `token_validated`).
    pub high_volume: bool,
    /// How long records are kept.
    pub retention: TimeDelta,
}

impl Default for AuditPolicy {
    fn default() -> Self {
        Self {
            queue: 8192,
            high_volume: false,
            retention: TimeDelta::days(90),
        }
    }
}

/// What became of events.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AuditCounts {
    /// Written to the log.
    pub written: u64,
    /// High-volume reads that were not recorded, since the queue was full.
    pub dropped: u64,
    /// Appends that failed and were, or will be, tried again.
    pub failures: u64,
    /// Events that could not be written at all; each is in the server's log instead.
    pub lost: u64,
}

/// The way to the audit log: a bounded queue, so that a slow log does not slow a request.
///
/// When the queue is full, high-volume reads are dropped and counted. Security events are never
/// dropped: whoever records one waits for room. A log that fails is tried again for as long as it
/// takes, and each failure is counted and told.
pub struct AuditTrail {
    /// `None` once closed.
    queue: RwLock<Option<mpsc::Sender<Entry>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
    give_up: watch::Sender<bool>,
    counts: Arc<Counts>,
    clock: Arc<dyn Clock>,
    ids: EventIds,
    policy: AuditPolicy,
}

enum Entry {
    Event(Box<AuditEvent>),
    /// Answered when everything before it has been written.
    Flush(oneshot::Sender<()>),
}

#[derive(Default)]
struct Counts {
    written: AtomicU64,
    dropped: AtomicU64,
    failures: AtomicU64,
    lost: AtomicU64,
}

impl AuditTrail {
    /// Starts writing to `log`. Must run inside a tokio runtime.
    ///
    /// # Errors
    /// [`EntropyError`]: the names of events need some.
    pub fn start(
        log: Arc<dyn AuditLog>,
        clock: Arc<dyn Clock>,
        entropy: &dyn Entropy,
        policy: AuditPolicy,
    ) -> Result<Self, EntropyError> {
        let (queue, waiting) = mpsc::channel(policy.queue.max(1));
        let counts = Arc::new(Counts::default());
        let (give_up, given_up) = watch::channel(false);
        let writer = Writer {
            log,
            given_up,
            counts: Arc::clone(&counts),
        };
        Ok(Self {
            ids: EventIds::draw(entropy)?,
            queue: RwLock::new(Some(queue)),
            writer: Mutex::new(Some(tokio::spawn(writer.run(waiting)))),
            give_up,
            counts,
            clock,
            policy,
        })
    }

    /// The numbers it goes by.
    #[must_use]
    pub const fn policy(&self) -> &AuditPolicy {
        &self.policy
    }

    /// Whether events of this kind are recorded: to save the making of those that are not.
    #[must_use]
    pub const fn records(&self, action: AuditAction) -> bool {
        self.policy.high_volume || !action.is_high_volume()
    }

    /// An event of now, to be filled in and recorded.
    #[must_use]
    pub fn event(&self, action: AuditAction, origin: &Origin<'_>) -> AuditEvent {
        let now = self.clock.now();
        let field = |text: Option<&str>| text.map(AuditEvent::field);
        AuditEvent {
            actor: AuditEvent::field(&origin.actor.to_string()),
            ip_address: origin.ip_address,
            user_agent: field(origin.user_agent),
            request_id: field(origin.request_id),
            endpoint: field(origin.endpoint),
            method: field(origin.method),
            ..AuditEvent::new(self.ids.next(now), now, action)
        }
    }

    /// Records an event. Returns once it waits to be written, which is at once unless the queue is
    /// full.
    pub async fn record(&self, event: AuditEvent) {
        if !self.records(event.action) {
            return;
        }
        let may_drop = event.action.is_high_volume();
        let Some(queue) = self.sender() else {
            return self.counts.lose(&event, "the audit trail is closed");
        };
        match queue.try_send(Entry::Event(Box::new(event))) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) if may_drop => {
                self.counts.dropped.fetch_add(1, Ordering::Relaxed);
            }
            Err(TrySendError::Full(entry) | TrySendError::Closed(entry)) => {
                let mut waiting = Waiting {
                    entry: Some(entry),
                    why: "nobody waited for room in the queue any more",
                    counts: &self.counts,
                };
                match queue.reserve().await {
                    Ok(room) => waiting.entry.take().map_or((), |entry| room.send(entry)),
                    Err(_closed) => waiting.why = "the audit trail is closed",
                }
            }
        }
    }

    /// Waits until everything that was recorded before has been written.
    pub async fn flush(&self) {
        let (done, flushed) = oneshot::channel();
        if let Some(queue) = self.sender()
            && queue.send(Entry::Flush(done)).await.is_ok()
        {
            // Without an answer the writer is gone, and what it could not write it has told.
            let _ = flushed.await;
        }
    }

    /// What became of events so far.
    #[must_use]
    pub fn counts(&self) -> AuditCounts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        AuditCounts {
            written: read(&self.counts.written),
            dropped: read(&self.counts.dropped),
            failures: read(&self.counts.failures),
            lost: read(&self.counts.lost),
        }
    }

    /// Takes no more events and writes those that wait. Where the log does not take them, that is
    /// given up after five seconds: then they are counted as lost, and stand in the server's log.
    pub async fn close(&self) {
        self.queue
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(mut writer) = self.writer.lock().await.take() else {
            return;
        };
        let outcome = match tokio::time::timeout(CLOSE_TIMEOUT, &mut writer).await {
            Ok(outcome) => outcome,
            Err(_elapsed) => {
                // The writer looks at this wherever it waits.
                let _ = self.give_up.send(true);
                writer.await
            }
        };
        if let Err(error) = outcome {
            tracing::error!(%error, "the audit trail failed");
        }
    }

    fn sender(&self) -> Option<mpsc::Sender<Entry>> {
        // The sender is only ever replaced whole: a panic cannot have left it half done.
        self.queue
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// An event that waits for room. Dropped before it got any (the request was given up), it is lost, and
/// told.
struct Waiting<'a> {
    entry: Option<Entry>,
    why: &'static str,
    counts: &'a Counts,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(Entry::Event(event)) = &self.entry {
            self.counts.lose(event, self.why);
        }
    }
}

impl Counts {
    /// What cannot be in the audit log is at least in the server's.
    fn lose(&self, event: &AuditEvent, why: &str) {
        self.lost.fetch_add(1, Ordering::Relaxed);
        tracing::error!(event = event.to_line(), why, "an audit event was lost");
    }
}

impl std::fmt::Debug for AuditTrail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuditTrail")
            .field("policy", &self.policy)
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}

struct Writer {
    log: Arc<dyn AuditLog>,
    counts: Arc<Counts>,
    given_up: watch::Receiver<bool>,
}

impl Writer {
    async fn run(mut self, mut waiting: mpsc::Receiver<Entry>) {
        let mut entries = Vec::with_capacity(BATCH);
        while waiting.recv_many(&mut entries, BATCH).await > 0 {
            let mut events = Vec::with_capacity(entries.len());
            let mut flushed = Vec::new();
            for entry in entries.drain(..) {
                match entry {
                    Entry::Event(event) => events.push(*event),
                    Entry::Flush(done) => flushed.push(done),
                }
            }
            self.write(&events).await;
            for done in flushed {
                // Who waited may have gone away.
                let _ = done.send(());
            }
        }
    }

    async fn write(&mut self, events: &[AuditEvent]) {
        if events.is_empty() || self.append(events).await {
            return;
        }
        // Something is wrong with one of them, or with the log's data: the others still have a chance.
        for event in events {
            if !self.append(std::slice::from_ref(event)).await {
                self.counts.lose(event, "the log does not take it");
            }
        }
    }

    /// Appends events, however long that takes; false when there is no sense in trying again.
    async fn append(&mut self, events: &[AuditEvent]) -> bool {
        let mut pause = FIRST_PAUSE;
        for tries in 1_u32.. {
            let outcome = tokio::select! {
                outcome = self.log.append(events) => outcome,
                _ = self.given_up.wait_for(|given_up| *given_up) => return false,
            };
            let Err(error) = outcome else {
                let count = events.len() as u64;
                self.counts.written.fetch_add(count, Ordering::Relaxed);
                return true;
            };
            self.counts.failures.fetch_add(1, Ordering::Relaxed);
            let cause = error.source().map(ToString::to_string);
            let waiting = events.len();
            tracing::error!(%error, cause, waiting, "the audit log does not take events");
            if error.kind() != StoreErrorKind::Unavailable && tries >= HOPELESS_TRIES {
                break;
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = self.given_up.wait_for(|given_up| *given_up) => return false,
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        false
    }
}

/// Makes the names of events. They are no secrets, so one drawing of entropy tells this process from
/// others, and a counter its events from each other.
struct EventIds {
    process: [u8; 4],
    count: AtomicU64,
}

impl EventIds {
    fn draw(entropy: &dyn Entropy) -> Result<Self, EntropyError> {
        let mut process = [0; 4];
        entropy.fill(&mut process)?;
        Ok(Self {
            process,
            count: AtomicU64::new(0),
        })
    }

    fn next(&self, now: chrono::DateTime<chrono::Utc>) -> EventId {
        let count = self.count.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let mut tail = [0; 10];
        // A UUIDv7 keeps 12 and 62 of these 80 bits; what it drops must not be what tells two apart.
        tail[..2].copy_from_slice(&self.process[..2]);
        tail[2..4].copy_from_slice(&self.process[2..]);
        tail[4..].copy_from_slice(&count[2..]);
        EventId::at(now, tail)
    }
}
