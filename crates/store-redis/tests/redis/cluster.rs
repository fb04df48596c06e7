//! The cluster that these tests share.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::Arc;

use store_redis::{Options, RedisStore, Topology};

/// Where it is: several addresses in one.
pub(crate) fn url() -> String {
    let cluster = real_redis::shared::cluster();
    let cluster = cluster.expect("there is no Redis to test with, for the reason above");
    cluster.url().to_owned()
}

/// A store over nothing.
pub(crate) async fn store() -> Arc<RedisStore> {
    Arc::new(opened(&url()).await.expect("redis answers"))
}

/// A store over nothing in the cluster of this address.
pub(crate) async fn opened(url: &str) -> Result<RedisStore, store_redis::OpenError> {
    let number = RandomState::new().build_hasher().finish();
    let options = Options::from_url(url).expect("a URL");
    let options = options.topology(Topology::Cluster);
    RedisStore::open(options.prefix(format!("test-{number:x}"))).await
}
