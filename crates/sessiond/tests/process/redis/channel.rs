//! What stands between a node and Redis, and takes from the node what it would hear without asking.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use memchr::memmem;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::time::sleep;

/// How long an answer takes to be read, before the connection that it came on is reset.
const HEARD: Duration = Duration::from_millis(30);

/// What becomes of connections that subscribe. All others are as good as without us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// They are carried like the others.
    None,
    /// What Redis says on them is lost, and nobody is told: no end, no reset.
    Silent,
    /// They are reset, and so is each new one as soon as Redis has answered it.
    Reset,
    /// They are reset, and on each new one the wish to subscribe gets no answer.
    NoSubscription,
}

pub(super) struct Channel {
    port: u16,
    cut: watch::Sender<Cut>,
    subscriptions: Arc<AtomicUsize>,
    _runtime: Runtime,
}

impl Channel {
    /// A way to the Redis of this port.
    pub(super) fn to(redis: u16) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (cut, watched) = watch::channel(Cut::None);
        let subscriptions = Arc::default();
        let counted = Arc::clone(&subscriptions);
        runtime.spawn(async move {
            loop {
                let (node, _) = listener.accept().await.unwrap();
                let redis = TcpStream::connect(("127.0.0.1", redis)).await.unwrap();
                tokio::spawn(carry(node, redis, watched.clone(), Arc::clone(&counted)));
            }
        });
        Self {
            port,
            cut,
            subscriptions,
            _runtime: runtime,
        }
    }

    pub(super) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(super) fn cut(&self, cut: Cut) {
        self.cut.send_replace(cut);
    }

    /// How often it was subscribed through here.
    pub(super) fn subscriptions(&self) -> usize {
        self.subscriptions.load(Ordering::Relaxed)
    }
}

async fn carry(
    mut node: TcpStream,
    mut redis: TcpStream,
    mut watched: watch::Receiver<Cut>,
    subscriptions: Arc<AtomicUsize>,
) -> io::Result<()> {
    node.set_nodelay(true)?;
    redis.set_nodelay(true)?;
    let (mut said, mut heard) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    let mut subscribes = false;
    loop {
        let cut = *watched.borrow();
        tokio::select! {
            changed = watched.changed() => {
                if changed.is_err() {
                    return Ok(());
                }
                let cut = *watched.borrow_and_update();
                if subscribes && [Cut::Reset, Cut::NoSubscription].contains(&cut) {
                    return node.set_zero_linger();
                }
            }
            length = node.read(&mut said) => {
                let said = &said[..length?];
                if said.is_empty() {
                    return Ok(());
                }
                if memmem::find(said, b"SUBSCRIBE").is_some() {
                    subscribes = true;
                    subscriptions.fetch_add(1, Ordering::Relaxed);
                }
                if !(subscribes && cut == Cut::NoSubscription) {
                    redis.write_all(said).await?;
                }
            }
            length = redis.read(&mut heard) => {
                let heard = &heard[..length?];
                if heard.is_empty() {
                    return Ok(());
                }
                match cut {
                    Cut::Silent | Cut::NoSubscription if subscribes => {}
                    Cut::Reset if subscribes => {
                        node.write_all(heard).await?;
                        // A reset overtakes what is on its way.
                        sleep(HEARD).await;
                        return node.set_zero_linger();
                    }
                    _ => node.write_all(heard).await?,
                }
            }
        }
    }
}
