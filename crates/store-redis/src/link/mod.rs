//! The way to Redis: one connection that many requests share, or one for each node of a cluster.

mod dial;
mod supervised;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster_async::ClusterConnection;
use redis::{Cmd, ErrorKind, FromRedisValue, PushInfo, RedisError, ServerErrorKind, Value};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::error::{Failure, has_lost_its_way};
use crate::options::{Options, Topology};
use crate::script::Script;
use supervised::Supervised;

use dial::Dialer;

/// Requests of any number of callers, with a bound on how many wait for an answer, and on how long.
pub(crate) struct Link {
    way: Way,
    options: Options,
    in_flight: Semaphore,
    response_timeout: Duration,
    is_closed: AtomicBool,
}

enum Way {
    /// One server: what is lost is replaced in the background.
    Single(Supervised),
    /// The client follows the cluster by itself.
    Cluster(ClusterConnection),
}

impl Link {
    pub(crate) async fn open(options: &Options) -> Result<Self, RedisError> {
        let way = match &options.topology {
            Topology::Cluster => Way::Cluster(dial::cluster(options).await?),
            Topology::Standalone | Topology::Sentinel { .. } => {
                Way::Single(Supervised::start(Dialer::new(options)?).await?)
            }
        };
        Ok(Self {
            way,
            options: options.clone(),
            in_flight: Semaphore::new(options.max_in_flight),
            response_timeout: options.response_timeout,
            is_closed: AtomicBool::new(false),
        })
    }

    /// One command.
    pub(crate) async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Failure> {
        let value = self.send(command).await?;
        let odd = |_| Failure::Internal("redis answered otherwise than it should");
        redis::from_redis_value(value).map_err(odd)
    }

    /// One step; a second time when the server has not seen the script.
    pub(crate) async fn run<T: FromRedisValue>(
        &self,
        script: &Script,
        call: &Cmd,
    ) -> Result<T, Failure> {
        match self.ask(call).await {
            Err(Failure::Redis(error)) if is_unknown_script(&error) => {
                self.ask(&script.introduction(call)).await
            }
            answer => answer,
        }
    }

    async fn send(&self, command: &Cmd) -> Result<Value, Failure> {
        if self.is_closed() {
            return Err(Failure::Closed);
        }
        let _place = match self.in_flight.try_acquire() {
            Ok(place) => place,
            Err(_) => timeout(self.response_timeout, self.in_flight.acquire())
                .await
                .map_err(|_| Failure::Busy)?
                .map_err(|_| Failure::Closed)?,
        };
        let answer = match &self.way {
            Way::Single(supervised) => {
                // The first attempt to connect anew may take several times as long.
                let connection = timeout(self.response_timeout, supervised.connection()).await;
                let connecting = |_| Failure::Away("connecting to redis takes long".into());
                let (mut connection, generation) = connection.map_err(connecting)??;
                let answer = answer_of(&mut connection, command).await;
                if answer.as_ref().is_err_and(has_lost_its_way) {
                    supervised.lost(generation);
                }
                answer
            }
            Way::Cluster(connection) => answer_of(&mut connection.clone(), command).await,
        };
        Ok(answer?)
    }

    /// A connection of its own, which is not replaced when it is lost. What the server sends by itself,
    /// and the end, is handed to `on_push`.
    pub(crate) async fn dial_apart(
        &self,
        on_push: impl Fn(PushInfo) + Send + Sync + 'static,
    ) -> Result<MultiplexedConnection, Failure> {
        Ok(Dialer::new(&self.options)?.dial(on_push).await?)
    }

    /// The number of the connection that requests take at present; always the same in a cluster.
    pub(crate) fn generation(&self) -> Result<u64, Failure> {
        if self.is_closed() {
            return Err(Failure::Closed);
        }
        match &self.way {
            Way::Single(supervised) => supervised.generation(),
            Way::Cluster(_) => Ok(0),
        }
    }

    /// Whether all requests go to one server.
    pub(crate) const fn is_single(&self) -> bool {
        matches!(self.way, Way::Single(_))
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    /// From now on every request fails; those that are on their way are answered.
    pub(crate) fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
        self.in_flight.close();
        if let Way::Single(supervised) = &self.way {
            supervised.close();
        }
    }
}

/// The answer, or the error that the server answered with.
async fn answer_of(
    connection: &mut impl ConnectionLike,
    command: &Cmd,
) -> Result<Value, RedisError> {
    let answer = connection.req_packed_command(command).await?;
    answer.extract_error()
}

fn is_unknown_script(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}
