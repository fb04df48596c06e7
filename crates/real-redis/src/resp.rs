//! As much of the Redis protocol (RESP 2) as one command at a time needs.

use std::io::{self, BufRead, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// For connecting, and then for each part of an answer.
const LIMIT: Duration = Duration::from_secs(5);

/// What comes back for one command on a connection of its own, as `redis-cli --raw` prints it: an
/// array has one element in each line, "nothing" is empty, and an error is its text.
pub(crate) fn ask(port: u16, login: Option<(&str, &str)>, words: &[&str]) -> io::Result<String> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let stream = TcpStream::connect_timeout(&address, LIMIT)?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.set_write_timeout(Some(LIMIT))?;
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    if let Some((user, password)) = login {
        let said = exchange(&mut reader, &["AUTH", user, password])?;
        if said != "OK" {
            return Ok(said);
        }
    }
    exchange(&mut reader, words)
}

fn exchange(stream: &mut BufReader<TcpStream>, words: &[&str]) -> io::Result<String> {
    stream.get_mut().write_all(&request(words))?;
    reply(stream)
}

fn request(words: &[&str]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n{word}\r\n", word.len()).as_bytes());
    }
    bytes
}

fn reply(stream: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    stream.read_line(&mut line)?;
    let line = line.strip_suffix("\r\n").ok_or_else(cut_off)?;
    let (kind, rest) = line.split_at_checked(1).ok_or_else(cut_off)?;
    let count = || rest.parse::<i64>().map_err(io::Error::other);
    match kind {
        "+" | "-" | ":" => Ok(rest.to_owned()),
        "$" => match usize::try_from(count()?) {
            Ok(length) => bulk(stream, length),
            Err(_) => Ok(String::new()),
        },
        "*" => {
            let parts: io::Result<Vec<String>> = (0..count()?).map(|_| reply(stream)).collect();
            Ok(parts?.join("\n"))
        }
        _ => Err(io::Error::other("the answer is not of the Redis protocol")),
    }
}

fn bulk(stream: &mut impl BufRead, length: usize) -> io::Result<String> {
    let mut bytes = vec![0; length + 2];
    stream.read_exact(&mut bytes)?;
    bytes.truncate(length);
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn cut_off() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the answer ended early")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(answer: &str) -> io::Result<String> {
        reply(&mut answer.as_bytes())
    }

    #[test]
    fn a_command_is_an_array_of_strings_with_their_length_in_bytes() {
        let bytes = request(&["SET", "käse", ""]);
        let text = "*3\r\n$3\r\nSET\r\n$5\r\nkäse\r\n$0\r\n\r\n";
        assert_eq!(String::from_utf8(bytes).expect("text"), text);
    }

    #[test]
    fn every_kind_of_answer_is_read() {
        for (answer, shown) in [
            ("+OK\r\n", "OK"),
            ("-ERR no\r\n", "ERR no"),
            (":42\r\n", "42"),
            ("$4\r\na\r\nb\r\n", "a\r\nb"),
            ("$-1\r\n", ""),
            ("*-1\r\n", ""),
            ("*3\r\n:1\r\n*2\r\n+a\r\n$1\r\nb\r\n$-1\r\n", "1\na\nb\n"),
        ] {
            assert_eq!(read(answer).expect(answer), shown);
        }
    }

    #[test]
    fn an_answer_that_is_cut_off_or_of_another_protocol_is_an_error() {
        for answer in [
            "",
            "+OK",
            "$4\r\nab",
            "*2\r\n:1\r\n",
            "HTTP/1.1 200\r\n",
            "\r\n",
        ] {
            assert!(read(answer).is_err(), "{answer:?}");
        }
    }
}
