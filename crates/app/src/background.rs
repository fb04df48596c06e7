use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use crate::activity_buffer::ActivityBuffer;
use crate::change_follower;
use crate::services::Following;
use crate::{Services, SessionError, SessionManager};

/// Pause between two batches of cleaning up, so that requests get their turn.
const BETWEEN_BATCHES: Duration = Duration::from_millis(5);

/// What goes on by itself: writing activity down, noting what has expired, forgetting what has had its
/// time; and renewing the tokens of providers before they expire, and letting go of those whose session
/// has ended.
#[derive(Debug)]
pub struct Background {
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Background {
    /// Starts the tasks; `cleanup_interval` is the time between two rounds of cleaning up.
    ///
    /// Must run inside a tokio runtime.
    #[must_use]
    pub fn start(services: &Services, cleanup_interval: Duration) -> Self {
        let manager = &services.sessions;
        let (stop, stopped) = watch::channel(false);
        let resolution = manager
            .policy()
            .activity_resolution
            .to_std()
            .unwrap_or_default();
        let mut tasks = vec![tokio::spawn(clean(
            services.clone(),
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
        if let Some(Following { feed, follower }) = services.following.clone() {
            let stopped = stop.subscribe();
            tasks.push(tokio::spawn(change_follower::follow(
                feed, follower, stopped,
            )));
        }
        if !services.tokens.providers().is_empty() {
            let tokens = || Arc::clone(&services.tokens);
            let ended = manager.announce_ends();
            tasks.push(tokio::spawn(tokens().look_after(stop.subscribe())));
            tasks.push(tokio::spawn(tokens().follow_ends(ended, stop.subscribe())));
        }
        Self { stop, tasks }
    }

    /// Stops the tasks, each after the step that it is at.
    ///
    /// Activity that is still buffered is written by [`Services::close`].
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

async fn clean(services: Services, every: Duration, mut stopped: watch::Receiver<bool>) {
    let mut tick = interval(every);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = stopped.wait_for(|stopped| *stopped) => return,
            _ = tick.tick() => {}
        }
        while !*stopped.borrow() {
            match services.clean_some().await {
                Ok(done) if done.more => tokio::time::sleep(BETWEEN_BATCHES).await,
                Ok(_) => break,
                Err(error) => {
                    report("cleaning up failed, it will be tried again", &error);
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
