//! The provider ends with whoever started it.

use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;

use real_provider::{Options, RealProvider};

/// Set where this program was started by the test below, to be killed by it.
const HOLDS: &str = "REAL_PROVIDER_TEST_HOLDS";

#[tokio::test]
async fn a_dropped_provider_is_gone() {
    let Some(provider) = RealProvider::start(Options::default()).await else {
        return;
    };
    let address = address(provider.issuer());
    assert!(TcpStream::connect(address).is_ok());
    drop(provider);
    assert!(TcpStream::connect(address).is_err());
}

#[tokio::test]
async fn a_provider_is_gone_after_a_panic() {
    let panicking = tokio::spawn(async {
        let provider = RealProvider::start(Options::default()).await;
        let issuer = provider
            .as_ref()
            .map(|provider| provider.issuer().to_owned());
        std::panic::panic_any(issuer);
    });
    let panicked = panicking.await.expect_err("it panics").into_panic();
    let Some(issuer) = panicked
        .downcast::<Option<String>>()
        .expect("its issuer")
        .as_deref()
        .map(address)
    else {
        return;
    };
    assert!(TcpStream::connect(issuer).is_err());
}

#[test]
fn a_provider_is_gone_when_its_test_is_killed() {
    let mut test = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "lifetime::holds_a_provider", "--nocapture"])
        .env(HOLDS, "yes")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("this program runs");
    let lines = BufReader::new(test.stdout.take().expect("a pipe")).lines();
    let mut lines = lines.map(|line| line.expect("text"));
    let told = lines.find(|line| line.contains("issuer http://") || line.contains("skipped: "));
    test.kill().expect("it can be killed");
    test.wait().expect("it can be waited for");
    let told = told.expect("it says what it holds");
    let Some((_, issuer)) = told.split_once("issuer ") else {
        println!("{told}");
        return;
    };
    // Nobody tells when it is gone; the time-out of the test says that it never was.
    while TcpStream::connect(address(issuer)).is_ok() {
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[tokio::test]
async fn holds_a_provider() {
    if std::env::var_os(HOLDS).is_none() {
        return;
    }
    let Some(provider) = RealProvider::start(Options::default()).await else {
        return;
    };
    println!("issuer {}", provider.issuer());
    std::future::pending::<()>().await;
}

fn address(issuer: &str) -> SocketAddr {
    let address = issuer.strip_prefix("http://").expect("plain http");
    address.parse().expect("an address")
}
