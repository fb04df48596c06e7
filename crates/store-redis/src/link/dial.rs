use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType};
use redis::{
    AsyncConnectionConfig, Client, ClientTlsConfig, ConnectionAddr, ConnectionInfo, ErrorKind,
    IntoConnectionInfo as _, ProtocolVersion, PushInfo, RedisConnectionInfo, RedisError,
    TlsCertificates, TlsMode,
};
use rustls::crypto::CryptoProvider;
use tokio::time::timeout;

use crate::options::{Login, Options, Tls, Topology};

/// Commands that may be queued for the connection before callers wait.
const QUEUED: usize = 1024;
/// Bytes that may be queued for the socket before they are written.
const WRITTEN_AT_ONCE: usize = 64 * 1024;

/// Connects to the one server that is to be spoken to, whichever that is at the time.
pub(crate) struct Dialer {
    target: Target,
    config: AsyncConnectionConfig,
    limit: Duration,
}

enum Target {
    /// The first that can be reached: there is one, or any node of a cluster will do.
    Servers(Vec<Client>),
    /// Asked anew each time: a failover makes another server the primary.
    Primary {
        sentinels: Box<SentinelClient>,
        /// Who it was when it was last asked.
        dialed: Option<ConnectionAddr>,
    },
}

impl Dialer {
    pub(crate) fn new(options: &Options) -> Result<Self, RedisError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(options.connect_timeout))
            .set_response_timeout(Some(options.response_timeout))
            .set_pipeline_buffer_size(QUEUED)
            .set_write_backpressure_boundary(WRITTEN_AT_ONCE);
        choose_cryptography(options);
        let (target, dials) = match &options.topology {
            Topology::Sentinel { service } => {
                let client = sentinels(options, service)?;
                let target = Target::Primary {
                    sentinels: Box::new(client),
                    dialed: None,
                };
                (target, options.addresses.len() + 2)
            }
            Topology::Standalone | Topology::Cluster => {
                let client = |at| -> Result<Client, RedisError> {
                    let info = info(options, at)?;
                    match certificates(options) {
                        Some(certificates) => Client::build_with_tls(info, certificates),
                        None => Client::open(info),
                    }
                };
                let clients = options.addresses.iter().map(client);
                let clients: Vec<_> = clients.collect::<Result<_, _>>()?;
                let dials = clients.len();
                (Target::Servers(clients), dials)
            }
        };
        let dials = u32::try_from(dials).unwrap_or(u32::MAX);
        Ok(Self {
            target,
            config,
            limit: options.connect_timeout * dials,
        })
    }

    /// Connects, within a time. What the server sends by itself, and the end of the connection, is
    /// handed to `on_push`.
    pub(crate) async fn dial(
        &mut self,
        on_push: impl Fn(PushInfo) + Send + Sync + 'static,
    ) -> Result<MultiplexedConnection, RedisError> {
        let config = self.config.clone().set_push_sender(move |push| {
            on_push(push);
            Ok::<(), redis::aio::SendError>(())
        });
        let dial = async {
            match &mut self.target {
                Target::Servers(clients) => {
                    let mut outcome = Err(no_address());
                    for client in clients {
                        let dial = client.get_multiplexed_async_connection_with_config(&config);
                        outcome = dial.await;
                        if outcome.is_ok() {
                            break;
                        }
                    }
                    outcome
                }
                Target::Primary { sentinels, dialed } => {
                    let client = sentinels.async_get_client().await?;
                    *dialed = Some(client.get_connection_info().addr().clone());
                    client
                        .get_multiplexed_async_connection_with_config(&config)
                        .await
                }
            }
        };
        match timeout(self.limit, dial).await {
            Ok(connected) => connected,
            Err(_) => Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()),
        }
    }

    /// Whether Sentinels say by now that another server is the primary. One that was cut off from the
    /// others may not know that it is none any more, and would answer with what was true once.
    pub(super) async fn is_outdated(&mut self) -> bool {
        let Target::Primary { sentinels, dialed } = &mut self.target else {
            return false;
        };
        match timeout(self.limit, sentinels.async_get_client()).await {
            Ok(Ok(client)) => dialed.as_ref() != Some(client.get_connection_info().addr()),
            // Nobody to ask: what there is goes on.
            Ok(Err(_)) | Err(_) => false,
        }
    }
}

/// A connection to each node of a cluster.
pub(super) async fn cluster(options: &Options) -> Result<ClusterConnection, RedisError> {
    choose_cryptography(options);
    let nodes = options.addresses.iter().map(|at| info(options, at));
    let nodes: Vec<_> = nodes.collect::<Result<_, _>>()?;
    let mut builder = ClusterClient::builder(nodes)
        .connection_timeout(options.connect_timeout)
        .response_timeout(options.response_timeout)
        .overall_response_timeout(Some(options.response_timeout))
        .use_protocol(ProtocolVersion::RESP3)
        .write_backpressure_boundary(WRITTEN_AT_ONCE)
        .max_retry_wait(200)
        .min_retry_wait(20);
    if let Some(certificates) = certificates(options) {
        builder = builder.tls(TlsMode::Secure).certs(certificates);
    }
    builder.build()?.get_async_connection().await
}

fn sentinels(options: &Options, service: &str) -> Result<SentinelClient, RedisError> {
    let addresses = options.addresses.iter().map(|at| address(options, at));
    let mut builder = SentinelClientBuilder::new(addresses, service, SentinelServerType::Master)?
        .set_client_to_redis_db(options.database)
        .set_client_to_redis_protocol(ProtocolVersion::RESP3);
    if let Some(name) = &options.login.username {
        builder = builder.set_client_to_redis_username(name);
    }
    if let Some(password) = &options.login.password {
        builder = builder.set_client_to_redis_password(password.as_str());
    }
    if let Some(name) = &options.sentinel_login.username {
        builder = builder.set_client_to_sentinel_username(name);
    }
    if let Some(password) = &options.sentinel_login.password {
        builder = builder.set_client_to_sentinel_password(password.as_str());
    }
    if let Some(certificates) = certificates(options) {
        builder = builder
            .set_client_to_redis_tls_mode(TlsMode::Secure)
            .set_client_to_redis_certificates(certificates.clone())
            .set_client_to_sentinel_tls_mode(TlsMode::Secure)
            .set_client_to_sentinel_certificates(certificates);
    }
    builder.build()
}

fn info(options: &Options, at: &(String, u16)) -> Result<ConnectionInfo, RedisError> {
    let Login { username, password } = &options.login;
    let mut redis = RedisConnectionInfo::default()
        .set_db(options.database)
        .set_protocol(ProtocolVersion::RESP3)
        .set_lib_name("sessiond", env!("CARGO_PKG_VERSION"));
    if let Some(username) = username {
        redis = redis.set_username(username);
    }
    if let Some(password) = password {
        redis = redis.set_password(password.as_str());
    }
    let info = address(options, at).into_connection_info()?;
    Ok(info.set_redis_settings(redis))
}

fn address(options: &Options, (host, port): &(String, u16)) -> ConnectionAddr {
    let port = match port {
        0 => Options::default_port(&options.topology),
        port => *port,
    };
    let host = host.clone();
    if options.tls.is_some() {
        ConnectionAddr::TcpTls {
            host,
            port,
            insecure: false,
            tls_params: None,
        }
    } else {
        ConnectionAddr::Tcp(host, port)
    }
}

/// Without a choice of the program that this is a part of, the client of Redis would panic.
fn choose_cryptography(options: &Options) {
    if options.tls.is_some() && CryptoProvider::get_default().is_none() {
        // Somebody else may have chosen in between, which is as good.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    }
}

fn certificates(options: &Options) -> Option<TlsCertificates> {
    let Tls {
        authorities,
        identity,
    } = options.tls.clone()?;
    Some(TlsCertificates {
        client_tls: identity.map(|(certificate, key)| ClientTlsConfig {
            client_cert: certificate,
            client_key: key.to_vec(),
        }),
        root_cert: authorities,
    })
}

fn no_address() -> RedisError {
    (ErrorKind::InvalidClientConfig, "no address is given").into()
}
