use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{ErrorKind, PushKind, RedisError, Role};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::Dialer;
use crate::error::Failure;

/// Pauses between two attempts to connect.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// How often it is looked whether the server is still there, and still the primary.
const LOOK: Duration = Duration::from_secs(1);

/// A connection that is replaced when it is lost, in the background.
///
/// While there is none, requests fail at once with the cause: so an outage makes no queue, and each
/// answer comes in time. Only those that come in the moment of the loss wait for the first attempt.
pub(super) struct Supervised {
    state: watch::Receiver<State>,
    /// The number of the last connection that was found to be lost; `u64::MAX` to stop.
    lost: Arc<watch::Sender<u64>>,
}

#[derive(Clone)]
enum State {
    Connecting,
    Connected(MultiplexedConnection, u64),
    Away(Arc<str>),
    Closed,
}

impl Supervised {
    /// Connects, and then sees to it that there is a connection.
    pub(super) async fn start(mut dialer: Dialer) -> Result<Self, RedisError> {
        let (lost, look_for_loss) = watch::channel(0);
        let lost = Arc::new(lost);
        let connection = connect(&mut dialer, 1, &lost).await?;
        let (tell, state) = watch::channel(State::Connected(connection.clone(), 1));
        let supervision = Supervision {
            dialer,
            tell,
            look_for_loss,
            lost: Arc::clone(&lost),
        };
        tokio::spawn(supervision.run(connection));
        Ok(Self { state, lost })
    }

    /// The present connection and its number.
    pub(super) async fn connection(&self) -> Result<(MultiplexedConnection, u64), Failure> {
        match &*self.state.borrow() {
            State::Connected(connection, generation) => {
                return Ok((connection.clone(), *generation));
            }
            State::Away(why) => return Err(Failure::Away(Arc::clone(why))),
            State::Closed => return Err(Failure::Closed),
            State::Connecting => {}
        }
        let mut state = self.state.clone();
        let is_known = |state: &State| !matches!(state, State::Connecting);
        // The supervision bounds the attempt by a time.
        let state = state.wait_for(is_known).await;
        match state.as_deref() {
            Ok(State::Connected(connection, generation)) => Ok((connection.clone(), *generation)),
            Ok(State::Away(why)) => Err(Failure::Away(Arc::clone(why))),
            Ok(State::Connecting | State::Closed) | Err(_) => Err(Failure::Closed),
        }
    }

    /// The number of the present connection.
    pub(super) fn generation(&self) -> Result<u64, Failure> {
        match &*self.state.borrow() {
            State::Connected(_, generation) => Ok(*generation),
            State::Away(why) => Err(Failure::Away(Arc::clone(why))),
            State::Connecting => Err(Failure::Away("connecting".into())),
            State::Closed => Err(Failure::Closed),
        }
    }

    /// The connection of this number is no good any more.
    pub(super) fn lost(&self, generation: u64) {
        note_loss(&self.lost, generation);
    }

    pub(super) fn close(&self) {
        note_loss(&self.lost, u64::MAX);
    }
}

/// A store that is dropped without being closed leaves no task behind.
impl Drop for Supervised {
    fn drop(&mut self) {
        self.close();
    }
}

fn note_loss(lost: &watch::Sender<u64>, generation: u64) {
    lost.send_if_modified(|known| {
        let is_news = *known < generation;
        *known = generation.max(*known);
        is_news
    });
}

async fn connect(
    dialer: &mut Dialer,
    generation: u64,
    lost: &Arc<watch::Sender<u64>>,
) -> Result<MultiplexedConnection, RedisError> {
    let lost = Arc::clone(lost);
    let dial = dialer.dial(move |push| {
        if push.kind == PushKind::Disconnection {
            note_loss(&lost, generation);
        }
    });
    let mut connection = dial.await?;
    // Else what was demoted would be connected to again and again, and would answer in between.
    match redis::cmd("ROLE")
        .query_async::<Role>(&mut connection)
        .await
    {
        Ok(Role::Primary { .. }) => Ok(connection),
        Ok(_) => Err((ErrorKind::Client, "this is no primary").into()),
        Err(error) if crate::error::has_lost_its_way(&error) => Err(error),
        // As when it is watched over.
        Err(_) => Ok(connection),
    }
}

struct Supervision {
    dialer: Dialer,
    tell: watch::Sender<State>,
    look_for_loss: watch::Receiver<u64>,
    lost: Arc<watch::Sender<u64>>,
}

impl Supervision {
    async fn run(mut self, mut connection: MultiplexedConnection) {
        for generation in 1.. {
            self.watch_over(connection, generation).await;
            if self.is_closed() {
                break;
            }
            self.tell.send_replace(State::Connecting);
            let Some(next) = self.replace(generation + 1).await else {
                break;
            };
            let state = State::Connected(next.clone(), generation + 1);
            self.tell.send_replace(state);
            connection = next;
        }
        self.tell.send_replace(State::Closed);
    }

    /// Returns when the connection is lost, or the store closed.
    async fn watch_over(&mut self, mut connection: MultiplexedConnection, generation: u64) {
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                // An error means that the store was dropped.
                _ = self.look_for_loss.wait_for(|lost| *lost >= generation) => return,
                _ = look.tick() => {}
            }
            // A connection may hang without an end, and a primary may be demoted without a word: no
            // request must be answered by what was true once.
            let ask = redis::cmd("ROLE");
            let role = tokio::select! {
                _ = self.look_for_loss.wait_for(|lost| *lost >= generation) => return,
                role = ask.query_async::<Role>(&mut connection) => role,
            };
            let is_outdated = match role {
                Ok(Role::Primary { .. }) => tokio::select! {
                    // Sentinels that cannot be reached let one wait for long.
                    _ = self.look_for_loss.wait_for(|lost| *lost >= generation) => return,
                    is_outdated = self.dialer.is_outdated() => is_outdated,
                },
                _ => false,
            };
            match role {
                Ok(Role::Primary { .. }) if !is_outdated => {}
                Ok(_) => {
                    tracing::warn!("redis is no primary any more, looking for the one that is");
                    return;
                }
                // Whoever may not ask for the role, or a server that has none, is told nothing.
                Err(error) if !crate::error::has_lost_its_way(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, "redis does not answer, connecting anew");
                    return;
                }
            }
        }
    }

    /// The next connection, however long that takes; `None` once the store is closed.
    async fn replace(&mut self, generation: u64) -> Option<MultiplexedConnection> {
        let mut pause = FIRST_PAUSE;
        let mut attempts = 0_u64;
        loop {
            let attempt = tokio::select! {
                _ = self.look_for_loss.wait_for(|lost| *lost == u64::MAX) => return None,
                attempt = connect(&mut self.dialer, generation, &self.lost) => attempt,
            };
            let error = match attempt {
                Ok(connection) => {
                    tracing::info!(attempts, "connected to redis again");
                    return Some(connection);
                }
                Err(error) => error,
            };
            if attempts == 0 {
                tracing::error!(%error, "redis is away, trying to connect again and again");
            }
            attempts += 1;
            self.tell
                .send_replace(State::Away(error.to_string().into()));
            tokio::select! {
                _ = self.look_for_loss.wait_for(|lost| *lost == u64::MAX) => return None,
                () = sleep(pause) => {}
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn is_closed(&self) -> bool {
        *self.look_for_loss.borrow() == u64::MAX || self.tell.receiver_count() == 0
    }
}
