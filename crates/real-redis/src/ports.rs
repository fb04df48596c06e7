//! Free ports that stay free: a server that was killed finds its own again.

use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

use crate::folders;

/// Below the ports that systems give to outgoing connections, which could take one while its server
/// is down.
const FIRST: u16 = 18_000;
const COUNT: u16 = 12_000;

/// A port of the loopback interface that no other process with this target folder takes, for as
/// long as the value lives.
#[derive(Debug)]
pub(crate) struct Port {
    pub(crate) number: u16,
    /// The operating system lets go of it with the process, at the latest.
    _lock: File,
}

/// Reserves a port that is free.
pub(crate) fn reserve() -> io::Result<Port> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let folder = folders::top().join("ports");
    fs::create_dir_all(&folder)?;
    // Processes that start at once begin to search at different places.
    let start = std::process::id().wrapping_mul(97) % u32::from(COUNT);
    let start = u16::try_from(start).unwrap_or_default();
    for _ in 0..COUNT {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let number = FIRST + start.wrapping_add(step) % COUNT;
        let lock = File::create(folder.join(number.to_string()))?;
        if lock.try_lock().is_ok() && TcpListener::bind((Ipv4Addr::LOCALHOST, number)).is_ok() {
            return Ok(Port {
                number,
                _lock: lock,
            });
        }
    }
    Err(io::Error::other("no port is free"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_nobody_elses_until_it_is_let_go_of() {
        let (first, second) = (reserve().expect("a port"), reserve().expect("a port"));
        assert_ne!(first.number, second.number);
        // Nothing listens on it, and all the same another process would pass it over.
        let file = folders::top().join("ports").join(first.number.to_string());
        let file = File::open(file).expect("it is there");
        assert!(file.try_lock().is_err());
        drop(first);
        assert!(file.try_lock().is_ok());
    }

    #[test]
    fn a_port_that_a_stranger_listens_on_is_passed_over() {
        let port = reserve().expect("a port");
        let next = FIRST + (port.number - FIRST + 1) % COUNT;
        // Where it is taken already, it is passed over for that.
        let _stranger = TcpListener::bind((Ipv4Addr::LOCALHOST, next));
        assert_ne!(reserve().expect("a port").number, next);
    }
}
