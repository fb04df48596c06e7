use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use crate::activity_buffer::ActivityBuffer;
use crate::{SessionError, SessionManager};

/// Pause between two batches of a sweep, so that requests get their turn.
const BETWEEN_BATCHES: Duration = Duration::from_millis(5);

/// What goes on by itself: writing activity down, and the sweep.
#[derive(Debug)]
pub struct Background {
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Background {
    /// Starts the tasks; `cleanup_interval` is the time between two sweeps.
    ///
    /// Must run inside a tokio runtime.
    #[must_use]
    pub fn start(manager: &Arc<SessionManager>, cleanup_interval: Duration) -> Self {
        let (stop, stopped) = watch::channel(false);
        let resolution = manager
            .policy()
            .activity_resolution
            .to_std()
            .unwrap_or_default();
        let mut tasks = vec![tokio::spawn(sweep(
            Arc::clone(manager),
            cleanup_interval,
            stopped.clone(),
        ))];
        if !resolution.is_zero() {
            tasks.push(tokio::spawn(flush(
                Arc::clone(manager),
                resolution,
                stopped,
            )));
        }
        Self { stop, tasks }
    }

    /// Stops the tasks, each after the step that it is at.
    ///
    /// Activity that is still buffered is written by [`SessionManager::close`].
    pub async fn stop(self) {
        // Nobody listening means that the tasks are gone already.
        let _ = self.stop.send(true);
        for task in self.tasks {
            if let Err(error) = task.await {
                tracing::error!(%error, "a background task failed");
            }
        }
    }
}

async fn sweep(manager: Arc<SessionManager>, every: Duration, mut stopped: watch::Receiver<bool>) {
    let mut tick = interval(every);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = stopped.wait_for(|stopped| *stopped) => return,
            _ = tick.tick() => {}
        }
        while !*stopped.borrow() {
            match manager.sweep().await {
                Ok(true) => tokio::time::sleep(BETWEEN_BATCHES).await,
                Ok(false) => break,
                Err(error) => {
                    report(
                        "the sweep of expired sessions failed, it will be tried again",
                        &error,
                    );
                    break;
                }
            }
        }
    }
}

async fn flush(
    manager: Arc<SessionManager>,
    resolution: Duration,
    mut stopped: watch::Receiver<bool>,
) {
    // 64 parts, so the quotient is a number of our own and never zero.
    let mut tick =
        interval((resolution / ActivityBuffer::PARTS as u32).max(Duration::from_millis(1)));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for part in 0.. {
        tokio::select! {
            _ = stopped.wait_for(|stopped| *stopped) => return,
            _ = tick.tick() => {}
        }
        if let Err(error) = manager.flush_activity(part).await {
            report(
                "activity could not be written down, it is kept in memory",
                &error,
            );
        }
    }
}

fn report(what: &'static str, error: &SessionError) {
    let cause = std::error::Error::source(error).map(ToString::to_string);
    tracing::error!(%error, cause, "{what}");
}
