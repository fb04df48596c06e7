//! Caches of this process and what other processes write.

use std::sync::Arc;
use std::time::Duration;

use session_core::ports::{Change, ChangeFeed, ChangeListener, Clock};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::vouching::Vouching;
use crate::{RevocationService, SessionManager};

/// Looks in one bound: so that one that comes late does not end the vouching.
const LOOKS_IN_A_BOUND: u32 = 4;
/// Pauses before a feed that ended is followed anew.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Drops from the caches what others changed, and keeps account of whether all of it is heard of.
pub(crate) struct ChangeFollower {
    pub(crate) sessions: Arc<SessionManager>,
    pub(crate) revocations: Arc<RevocationService>,
    pub(crate) vouching: Arc<Vouching>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl ChangeListener for ChangeFollower {
    fn began(&self) {
        // First the begin, then the end of what was read before it.
        self.vouching.begin(self.clock.now());
        self.forget_all();
    }

    fn changed(&self, change: Change) {
        match change {
            Change::Session(id) => self.sessions.forget(id),
            Change::Token(hash) => self.revocations.forget(hash),
            Change::Anything => self.forget_all(),
        }
    }

    fn looks(&self) {
        self.vouching.look(self.clock.now());
    }

    fn up_to_date(&self) {
        self.vouching.confirm();
    }

    fn ended(&self) {
        // Without a feed the age of a record counts, which needs no emptying again and again.
        if self.vouching.end() {
            self.forget_all();
        }
    }
}

impl ChangeFollower {
    fn forget_all(&self) {
        self.sessions.forget_all();
        self.revocations.forget_all();
    }
}

/// Follows the feed for as long as the program runs, whatever becomes of the connection.
pub(crate) async fn follow(
    feed: Arc<dyn ChangeFeed>,
    follower: Arc<ChangeFollower>,
    mut stopped: watch::Receiver<bool>,
) {
    let bound = follower.vouching.bound().to_std().unwrap_or_default();
    let every = (bound / LOOKS_IN_A_BOUND).max(Duration::from_millis(5));
    let mut pause = FIRST_PAUSE;
    loop {
        let began = tokio::time::Instant::now();
        let ended = tokio::select! {
            _ = stopped.wait_for(|stopped| *stopped) => return,
            ended = feed.follow(every, Arc::clone(&follower) as _) => ended,
        };
        // Also where the feed did not come to say so.
        follower.ended();
        if let Err(error) = ended {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            tracing::warn!(%error, cause, "changes are not heard of, caches hold for their bound");
        }
        if began.elapsed() > LONGEST_PAUSE * 10 {
            pause = FIRST_PAUSE;
        }
        tokio::select! {
            _ = stopped.wait_for(|stopped| *stopped) => return,
            () = sleep(pause) => {}
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
