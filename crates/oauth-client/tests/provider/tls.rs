//! Requirement 37: who answers must be who was asked.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use oauth_client::{ClientAuthentication, OAuthClient, ProviderSettings};
use rcgen::{CertificateParams, KeyPair};
use session_core::RefreshOutcome;
use session_core::ports::{Clock, TokenProvider as _};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};

use crate::sample::{TestClock, name, token};

/// A token endpoint behind a certificate that it signed itself.
struct Server {
    address: SocketAddr,
    requests: Arc<AtomicUsize>,
    folder: TempDir,
    task: JoinHandle<()>,
}

impl Server {
    async fn start(change: impl FnOnce(&mut CertificateParams)) -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("a name");
        change(&mut params);
        let certificate = params.self_signed(&key).expect("a certificate");
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("ca.pem"), certificate.pem()).expect("a file");
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        let chain = vec![CertificateDer::from(certificate)];
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(chain, key.into())
            .expect("a configuration");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let requests = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&requests);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    continue;
                };
                let mut bytes = [0; 4096];
                if stream.read(&mut bytes).await.unwrap_or(0) == 0 {
                    continue;
                }
                counted.fetch_add(1, Ordering::SeqCst);
                let answer =
                    "HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n{\"access_token\":\"a\"}";
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        });
        Self {
            address,
            requests,
            folder,
            task,
        }
    }

    fn client(&self, host: &str, ca_file: Option<PathBuf>) -> OAuthClient {
        client(host, self.address.port(), ca_file)
    }

    fn ca_file(&self) -> Option<PathBuf> {
        Some(self.folder.path().join("ca.pem"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn client(host: &str, port: u16, ca_file: Option<PathBuf>) -> OAuthClient {
    let mut settings = ProviderSettings::new(name(), "client");
    settings.token_endpoint = Some(format!("https://{host}:{port}/token"));
    settings.client_authentication = ClientAuthentication::None;
    settings.connect_timeout = Duration::from_millis(2000);
    settings.ca_file = ca_file;
    OAuthClient::new(settings, TestClock::new() as Arc<dyn Clock>).expect("good settings")
}

async fn is_refused(server: &Server, client: &OAuthClient) {
    let failure = client.refresh(&token("secret")).await.expect_err("refused");
    assert_eq!(failure.outcome(), RefreshOutcome::Unavailable, "{failure}");
    assert!(failure.to_string().contains("certificate"), "{failure}");
    assert_eq!(server.requests.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_refused_before_anything_is_sent() {
    let server = Server::start(|_| {}).await;
    is_refused(&server, &server.client("127.0.0.1", None)).await;
}

#[tokio::test]
async fn one_that_the_operator_vouches_for_is_taken() {
    let server = Server::start(|_| {}).await;
    let client = server.client("127.0.0.1", server.ca_file());
    assert!(client.refresh(&token("secret")).await.is_ok());
    assert_eq!(server.requests.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn one_of_another_host_or_another_time_is_refused() {
    let server = Server::start(|_| {}).await;
    is_refused(&server, &server.client("localhost", server.ca_file())).await;
    let expired = |params: &mut CertificateParams| {
        params.not_before = rcgen::date_time_ymd(2001, 1, 1);
        params.not_after = rcgen::date_time_ymd(2002, 1, 1);
    };
    let server = Server::start(expired).await;
    is_refused(&server, &server.client("127.0.0.1", server.ca_file())).await;
}

/// Nothing is sent before the other side has shown who it is: so nothing can be in doubt.
#[tokio::test]
async fn a_server_that_says_nothing_is_unavailable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let failure = client("127.0.0.1", port, None)
        .refresh(&token("secret"))
        .await;
    let failure = failure.expect_err("no answer");
    assert_eq!(failure.outcome(), RefreshOutcome::Unavailable, "{failure}");
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_is_unavailable() {
    let provider = scripted_provider::ScriptedProvider::start();
    let port = provider.address().port();
    let failure = client("127.0.0.1", port, None)
        .refresh(&token("secret"))
        .await;
    let failure = failure.expect_err("no TLS");
    assert_eq!(failure.outcome(), RefreshOutcome::Unavailable, "{failure}");
}
