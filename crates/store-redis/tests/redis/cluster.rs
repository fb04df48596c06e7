//! The cluster that these tests share.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::Arc;

use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use store_redis::{Options, RedisStore, Topology};

/// Where it is: several addresses in one.
pub(crate) fn url() -> String {
    let cluster = real_redis::shared::cluster();
    let cluster = cluster.expect("there is no Redis to test with, for the reason above");
    cluster.url().to_owned()
}

/// A prefix that no other test has: numbers of processes come again while the servers run.
pub(crate) fn prefix() -> String {
    let number = RandomState::new().build_hasher().finish();
    format!("test-{number:x}")
}

/// A store over nothing.
pub(crate) async fn store() -> Arc<RedisStore> {
    Arc::new(opened(&url(), &prefix()).await.expect("redis answers"))
}

/// A store in the cluster of this address.
pub(crate) async fn opened(url: &str, prefix: &str) -> Result<RedisStore, store_redis::OpenError> {
    let options = Options::from_url(url).expect("a URL");
    let options = options.topology(Topology::Cluster).prefix(prefix);
    RedisStore::open(options).await
}

/// The cluster itself.
pub(crate) async fn raw() -> ClusterConnection {
    let url = url();
    let nodes = url.trim_start_matches("redis://").split(',');
    let nodes = nodes.map(|node| format!("redis://{node}"));
    let client = ClusterClient::new(nodes.collect::<Vec<_>>()).expect("addresses");
    let connection = client.get_async_connection().await;
    connection.expect("redis answers")
}
