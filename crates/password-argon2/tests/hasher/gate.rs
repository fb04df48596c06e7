//! Entropy that holds hashes in flight for as long as a test wants: each draws its salt first.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use session_core::ports::{Entropy, EntropyError};
use tokio::sync::Semaphore;

/// Lets no hash through until it is opened.
pub(crate) struct Gate {
    door: Arc<Door>,
}

struct Door {
    /// One for each hash that has come to the door.
    arrived: Semaphore,
    inside: Mutex<Inside>,
    changed: Condvar,
}

#[derive(Default)]
struct Inside {
    is_open: bool,
    now: usize,
    most: usize,
}

impl Gate {
    pub(crate) fn new() -> Self {
        Self {
            door: Arc::new(Door {
                arrived: Semaphore::new(0),
                inside: Mutex::default(),
                changed: Condvar::new(),
            }),
        }
    }

    pub(crate) fn entropy(&self) -> Arc<dyn Entropy> {
        Arc::<Door>::clone(&self.door)
    }

    /// Until one more hash stands at the door.
    pub(crate) async fn arrival(&self) {
        let arrival = self.door.arrived.acquire().await;
        arrival.expect("never closed").forget();
    }

    pub(crate) fn open(&self) {
        self.door.inside.lock().expect("no panic").is_open = true;
        self.door.changed.notify_all();
    }

    /// How many hashes drew their salts at the same time, at most.
    pub(crate) fn most_at_once(&self) -> usize {
        self.door.inside.lock().expect("no panic").most
    }
}

/// A test that fails must not leave its threads at the door: the runtime waits for them.
impl Drop for Gate {
    fn drop(&mut self) {
        self.open();
    }
}

impl Entropy for Door {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), EntropyError> {
        let mut inside = self.inside.lock().expect("no panic");
        inside.now += 1;
        inside.most = inside.most.max(inside.now);
        self.arrived.add_permits(1);
        // If the work stood in the way of whoever opens, it would stand forever.
        let patience = Duration::from_secs(20);
        let (mut inside, timeout) = self
            .changed
            .wait_timeout_while(inside, patience, |inside| !inside.is_open)
            .expect("no panic");
        inside.now -= 1;
        if timeout.timed_out() {
            return Err(EntropyError("nobody opened".to_owned()));
        }
        bytes.fill(7);
        Ok(())
    }
}
