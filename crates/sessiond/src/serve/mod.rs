//! `sessiond serve`: start, run, stop.

mod banner;
mod connections;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use app::wiring::{StoreSettings, WiringError, open_store};
use app::{Background, SessionManager, SystemClock, SystemEntropy};
use http_api::{Api, ApiConfig};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::command_line::Options;
use crate::data_dir::{DataDir, DataDirError};
use crate::keys::{KeyError, Keys};
use crate::logging;
use crate::settings::{BadSettings, Settings, Store};

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
    Store(#[from] WiringError),
    #[error("cannot listen on {address}: {}", listen_problem(source))]
    Listen {
        address: SocketAddr,
        source: io::Error,
    },
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

async fn run(settings: Settings) -> Result<(), ServeError> {
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
    let holder = format!("process {} at http://{address}", std::process::id());
    data_dir.sign(&holder)?;

    let store = open_store(store_settings(&settings, holder)).await?;
    let clock = Arc::new(SystemClock::new());
    let manager = SessionManager::new(store, clock, Arc::new(SystemEntropy), settings.policy);
    let manager = Arc::new(manager);
    let background = Background::start(&manager, settings.cleanup_interval);
    let config = ApiConfig {
        session_header: settings.session_header.clone(),
        secure_cookies: settings.secure_cookies,
        log_requests: settings.log_requests,
        store_name: settings.store.name(),
    };
    let api = Api::new(Arc::clone(&manager), keys.known.clone(), config);
    // From here on a signal is an orderly stop.
    let stop = StopSignals::new().map_err(ServeError::Signals)?;
    banner::print(&settings, address, &keys);

    let draining = api.clone();
    let stopped = async move {
        stop.received().await;
        tracing::info!("stopping");
        draining.start_draining();
        tokio::time::sleep(DRAINING).await;
    };
    connections::serve(listener, api, stopped, FINISHING).await;
    background.stop().await;
    manager.close().await?;
    tracing::info!("stopped");
    // The folder is let go of last, when nothing uses it any more.
    drop(data_dir);
    Ok(())
}

async fn listen(address: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| ServeError::Listen { address, source })
}

fn store_settings(settings: &Settings, holder: String) -> StoreSettings {
    match settings.store {
        Store::Memory => StoreSettings::Memory,
        Store::Sqlite => StoreSettings::Sqlite {
            path: settings.db_path.clone(),
            copies: settings.cache_entries,
            holder,
        },
    }
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
