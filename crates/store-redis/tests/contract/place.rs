//! Where Redis runs for these tests. They share its servers, each with a prefix of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use store_redis::{Options, RedisStore};

/// A store over nothing, on one server.
pub(crate) async fn standalone() -> Arc<RedisStore> {
    let server = real_redis::shared::standalone().expect("it said why there is none");
    fresh(Options::from_url(server.url()).expect("a URL")).await
}

/// The same on a cluster, where sessions are spread over hash slots.
pub(crate) async fn cluster() -> Arc<RedisStore> {
    let url = std::env::var("SESSIOND_TEST_REDIS_CLUSTER").expect("a cluster");
    let options = Options::from_url(&url).expect("a URL");
    fresh(options.topology(store_redis::Topology::Cluster)).await
}

async fn fresh(options: Options) -> Arc<RedisStore> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let prefix = format!("test-{}-{count}", std::process::id());
    let store = RedisStore::open(options.prefix(prefix)).await;
    Arc::new(store.expect("redis answers"))
}
