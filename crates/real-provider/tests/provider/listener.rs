//! A tiny server that writes down the bodies it is sent.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// Answers each request with one status; ends with the test's runtime.
pub(crate) struct Listener {
    pub(crate) url: String,
    bodies: mpsc::UnboundedReceiver<String>,
}

impl Listener {
    pub(crate) async fn answering(status: u16) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = socket.local_addr().expect("an address");
        let (tell, bodies) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = socket.accept().await {
                let body = read(&mut stream).await;
                let head = format!("HTTP/1.1 {status} \r\ncontent-length: 0\r\n");
                let answer = format!("{head}connection: close\r\n\r\n");
                stream.write_all(answer.as_bytes()).await.expect("a reader");
                tell.send(body).expect("the test listens");
            }
        });
        let url = format!("http://{address}/logout");
        Self { url, bodies }
    }

    /// What has come so far, without waiting.
    pub(crate) fn taken(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.bodies.try_recv().ok()).collect()
    }
}

async fn read(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    let mut buffer = [0; 4096];
    loop {
        let length = stream.read(&mut buffer).await.expect("bytes");
        text.push_str(std::str::from_utf8(&buffer[..length]).expect("text"));
        if let Some((head, body)) = text.split_once("\r\n\r\n")
            && body.len() >= length_of_body(head)
        {
            return body.to_owned();
        }
        assert_ne!(length, 0, "a request ends early: {text}");
    }
}

fn length_of_body(head: &str) -> usize {
    let lines = head.lines().map(str::to_ascii_lowercase);
    let mut lengths = lines.filter_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    lengths.next().unwrap_or(0)
}
