//! What becomes of requests while Redis, or the way to it, is not as it should be.

mod damage;
mod life;
mod own;
mod proxy;
mod refusals;
mod restarts;
mod round_trips;
mod secured;
mod silence;
mod urls;
