//! One request and its whole answer, for the bench's own questions.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::chance::Chance;
use super::traffic::Traffic;
use crate::process::{Failure, Outcome};

#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

/// The first request of `traffic`, which must be answered well.
pub(super) fn ask(address: SocketAddr, traffic: &Traffic) -> Outcome<Answer> {
    let mut request = Vec::new();
    traffic.fill(0, &mut Chance::new(1), &mut request);
    let answer = send(address, &request)?;
    if (200..300).contains(&answer.status) {
        Ok(answer)
    } else {
        let asked = String::from_utf8_lossy(&request);
        let line = asked.lines().next().unwrap_or_default().to_owned();
        Err(Failure::new(format!(
            "{line} was answered {}: {}",
            answer.status, answer.body
        )))
    }
}

/// True if `GET path` is answered with 200.
pub(super) fn is_ok(address: SocketAddr, path: &str) -> bool {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    send(address, request.as_bytes()).is_ok_and(|answer| answer.status == 200)
}

fn send(address: SocketAddr, request: &[u8]) -> Outcome<Answer> {
    let mut stream = TcpStream::connect(address)?;
    // Mass operations may take long, but none of them a minute.
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    stream.write_all(request)?;
    let mut bytes = Vec::new();
    let mut piece = [0; 16 * 1024];
    loop {
        let read = stream.read(&mut piece)?;
        bytes.extend_from_slice(&piece[..read]);
        if let Some(extent) = Extent::of(&bytes)?
            && bytes.len() >= extent.total()
        {
            return Ok(answer(&bytes, extent));
        }
        if read == 0 {
            return Err(Failure::new("the connection was closed within an answer"));
        }
    }
}

/// Where an answer's parts lie in what was read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Extent {
    pub(super) status: u16,
    pub(super) head: usize,
    pub(super) body: usize,
}

impl Extent {
    pub(super) fn total(self) -> usize {
        self.head + self.body
    }

    /// `None` while the head is not complete.
    pub(super) fn of(bytes: &[u8]) -> Outcome<Option<Self>> {
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
            return Ok(None);
        };
        let head = std::str::from_utf8(&bytes[..end])
            .map_err(|_| Failure::new("an answer's head is not text"))?;
        let status = head.get(9..12).and_then(|digits| digits.parse().ok());
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length")
                .then(|| value.trim().parse().ok())?
        });
        match (status, length) {
            (Some(status), Some(body)) => Ok(Some(Self {
                status,
                head: end + 4,
                body,
            })),
            _ => Err(Failure::new(
                "an answer came without a status or a content-length",
            )),
        }
    }
}

fn answer(bytes: &[u8], extent: Extent) -> Answer {
    let head = String::from_utf8_lossy(&bytes[..extent.head]).into_owned();
    let headers = head
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
        .collect();
    let body = String::from_utf8_lossy(&bytes[extent.head..extent.total()]).into_owned();
    Answer {
        status: extent.status,
        headers,
        body,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_where_its_content_length_says() {
        let bytes = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno";
        let extent = Extent::of(bytes).unwrap().unwrap();
        assert_eq!((extent.status, extent.total()), (401, bytes.len()));
        assert_eq!(Extent::of(&bytes[..30]).unwrap(), None);
    }
}
