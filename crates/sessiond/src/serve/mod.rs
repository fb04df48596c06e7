//! `sessiond serve`: start, run, stop.

mod banner;
mod connections;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use app::{Background, Origin, PublicUrl, Services, SystemEntropy};
use http_api::{Api, ApiConfig};
use session_core::{AuditAction, RiskScore};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::command_line::Options;
use crate::data_dir::{DataDir, DataDirError, Holder};
use crate::keys::{KeyError, Keys};
use crate::logging;
use crate::services::{self, ServicesError, Started};
use crate::settings::{BadSettings, Settings};

/// Between telling probes that the server is going and closing the door: time for a balancer to
/// notice. Short, since a server without one should stop at once too.
const DRAINING: Duration = Duration::from_millis(200);
/// How long requests in flight may take to finish.
const FINISHING: Duration = Duration::from_secs(10);

/// Why the server did not start, or stopped badly.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    #[error(transparent)]
    Settings(#[from] BadSettings),
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    #[error(transparent)]
    Keys(#[from] KeyError),
    #[error(transparent)]
    Services(#[from] ServicesError),
    #[error("cannot listen on {address}: {}", listen_problem(source))]
    Listen {
        address: SocketAddr,
        source: io::Error,
    },
    #[error(
        "SESSION_PUBLIC_URL is needed: users sign in with a provider, which must be told where to send \
         them back to"
    )]
    NoPublicUrl,
    #[error("the runtime cannot be started: {0}")]
    Runtime(io::Error),
    #[error("signals cannot be received: {0}")]
    Signals(io::Error),
    #[error("the last activity of sessions could not be written: {0}")]
    Stop(#[from] app::SessionError),
}

fn listen_problem(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "the port is in use by another program".to_owned(),
        _ => error.to_string(),
    }
}

pub(crate) fn serve(options: Options) -> Result<(), ServeError> {
    let settings = Settings::read(&options)?;
    logging::start(&settings.log_level);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(ServeError::Runtime)?;
    runtime.block_on(run(settings))
}

async fn run(mut settings: Settings) -> Result<(), ServeError> {
    for name in &settings.without_effect {
        tracing::warn!(name, "this setting has no effect in this version");
    }
    let mut data_dir = DataDir::take(&settings.data_dir)?;
    let keys = Keys::load(&settings, &data_dir, &SystemEntropy)?;
    let listener = listen(settings.listen).await?;
    let address = listener.local_addr().map_err(|source| ServeError::Listen {
        address: settings.listen,
        source,
    })?;
    let public_url = &mut settings.policies.provider_logins.public_url;
    *public_url = public_url.take().or(PublicUrl::of_loopback(address));
    let holder = Holder::server(address);
    data_dir.sign(holder)?;

    let Started {
        services,
        token_keys,
        provider_keys,
    } = services::start(&settings, holder).await?;
    check_way_back(&services).await?;
    let following = [
        token_keys.follow(&settings.data_dir),
        provider_keys.follow(&settings.data_dir),
    ];
    let background = Background::start(&services, settings.cleanup_interval);
    record_settings(&services, &settings).await;
    let config = ApiConfig {
        session_header: settings.session_header.clone(),
        secure_cookies: settings.secure_cookies,
        log_requests: settings.log_requests,
        store_name: settings.store.name(),
        trusted_proxies: settings.trusted_proxies.clone(),
        require_https: settings.require_https,
        limit_creates: settings.limit_creates,
        admin_by_role: settings.admin_by_role,
        registration: settings.registration,
        allowed_origins: settings.allowed_origins.clone(),
    };
    let api = Api::new(services.clone(), keys.known.clone(), config);
    // From here on a signal is an orderly stop.
    let stop = StopSignals::new().map_err(ServeError::Signals)?;
    banner::print(&settings, address, &keys);

    let draining = api.clone();
    let stopped = async {
        stop.received().await;
        tracing::info!("stopping");
        // Commands wait for the folder from now on, instead of asking behind a closed door.
        if let Err(error) = data_dir.sign_off() {
            tracing::warn!(%error, "commands still take this server for one that runs");
        }
        draining.start_draining();
        tokio::time::sleep(DRAINING).await;
    };
    connections::serve(listener, api.clone(), stopped, FINISHING).await;
    if tokio::time::timeout(FINISHING, api.finish()).await.is_err() {
        tracing::warn!("some requests that nobody waits for did not finish in time");
    }
    for following in following.into_iter().flatten() {
        following.abort();
    }
    background.stop().await;
    services.close().await?;
    tracing::info!("stopped");
    // The folder is let go of last, when nothing uses it any more.
    drop(data_dir);
    Ok(())
}

/// Whoever signs in with a provider must be able to come back from there.
async fn check_way_back(services: &Services) -> Result<(), ServeError> {
    let logins = &services.provider_logins;
    if logins.are_possible() && logins.policy().public_url.is_none() {
        services.close().await?;
        return Err(ServeError::NoPublicUrl);
    }
    Ok(())
}

/// Leaves a record of what this start decides about security: no keys, no paths.
async fn record_settings(services: &Services, settings: &Settings) {
    let policy = &settings.policies.security;
    let rules: Vec<_> = policy
        .rules
        .iter()
        .map(|rule| {
            let seconds = rule.window().num_seconds();
            format!("{} {}/{seconds}", rule.name(), rule.requests())
        })
        .collect();
    let details = format!(
        "started: security {:?}, audit from {}, terminate above {}, https required {}, rates {}",
        policy.enforcement,
        policy.risk.audit_from,
        policy.risk.terminate_above,
        settings.require_https,
        rules.join(", ")
    );
    let (action, origin) = (AuditAction::ConfigChanged, Origin::system());
    services
        .security
        .log_security_event(action, None, None, &details, RiskScore::ZERO, &origin)
        .await;
}

async fn listen(address: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| ServeError::Listen { address, source })
}

/// SIGINT and SIGTERM.
struct StopSignals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl StopSignals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn received(mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    /// For what is still in memory then: activity and audit events.
    const WRITING: Duration = Duration::from_secs(5);

    /// From the signal until the process ends, at the longest: connections, then requests that nobody
    /// waits for.
    fn stopping() -> Duration {
        DRAINING + FINISHING + FINISHING + WRITING
    }

    #[test]
    fn docker_waits_for_longer_than_a_stop_takes() {
        let compose = include_str!("../../../../docs/deploy/compose.yaml");
        let compose: Value = serde_saphyr::from_str(compose).unwrap();
        let waits = compose["services"]["sessiond"]["stop_grace_period"].as_str();
        let waits = waits.and_then(|waits| waits.strip_suffix('s')?.parse().ok());
        assert!(Duration::from_secs(waits.unwrap()) > stopping());
        let page = include_str!("../../../../docs/deploy/README.md");
        let (_, waits) = page.split_once("--stop-timeout ").unwrap();
        let waits = waits.split(' ').next().unwrap().parse().unwrap();
        assert!(Duration::from_secs(waits) > stopping());
    }

    #[test]
    fn kubernetes_waits_for_longer_than_a_pause_and_a_stop_take() {
        let objects = include_str!("../../../../docs/deploy/kubernetes.yaml");
        let objects: Vec<Value> = serde_saphyr::from_multiple(objects).unwrap();
        let mut of_kind = objects
            .iter()
            .filter(|object| object["kind"] == "Deployment");
        let pod = &of_kind.next().unwrap()["spec"]["template"]["spec"];
        let waits = pod["terminationGracePeriodSeconds"].as_u64().unwrap();
        let pause = &pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"];
        let pause = Duration::from_secs(pause.as_u64().unwrap());
        assert!(Duration::from_secs(waits) > pause + stopping());
    }
}
