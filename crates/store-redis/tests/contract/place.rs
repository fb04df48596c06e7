//! Where Redis runs for these tests. They share its servers, each with a prefix of its own.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::Arc;
use std::time::Duration;

use real_redis::shared::{self, Shared};
use store_redis::{Options, RedisStore, Topology};

/// A store over nothing, on one server.
pub(crate) async fn standalone() -> Arc<RedisStore> {
    fresh(shared::standalone(), |_| Topology::Standalone).await
}

/// The same on the primary that Sentinels tell of.
pub(crate) async fn sentinel() -> Arc<RedisStore> {
    let watched = |redis: &Shared| Topology::Sentinel {
        service: redis.service().expect("it has a name").to_owned(),
    };
    fresh(shared::sentinel(), watched).await
}

/// The same on a cluster, where sessions are spread over hash slots.
pub(crate) async fn cluster() -> Arc<RedisStore> {
    fresh(shared::cluster(), |_| Topology::Cluster).await
}

async fn fresh(
    redis: Option<Shared>,
    topology: impl FnOnce(&Shared) -> Topology,
) -> Arc<RedisStore> {
    // Numbers of processes come again while the servers run.
    let number = RandomState::new().build_hasher().finish();
    let redis = redis.expect("there is no Redis to test with, for the reason above");
    let options = Options::from_url(redis.url())
        .expect("a URL")
        .topology(topology(&redis))
        // No contract is about a server that is slow: the machine may be.
        .timeouts(Duration::from_secs(20), Duration::from_secs(20))
        .prefix(format!("test-{number:x}"));
    let store = RedisStore::open(options).await;
    Arc::new(store.expect("redis answers"))
}
