//! Many nodes, one truth: three servers over one Redis.

mod caches;
mod channel;
mod counting;
mod cuts;
mod ending;
mod keys;
mod limits;
mod nodes;
mod renewals;
mod strict;
