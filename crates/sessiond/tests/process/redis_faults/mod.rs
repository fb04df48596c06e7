//! Servers whose Redis goes away, comes back, or is another one then.

mod away;
mod empty;
mod failover;
mod load;
mod node;
mod warnings;
