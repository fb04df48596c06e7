//! Where a command finds the installation that it is about: in the data folder, where nobody has it, or
//! else behind the server that has.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use crate::data_dir::{DataDir, DataDirError, Holder};
use crate::settings::Settings;

/// How long a command waits for another one, or for a server that is starting, and how often it looks.
const LOOKS: u32 = 100;
const LOOKS_EVERY: Duration = Duration::from_millis(100);

/// How an installation is worked on.
pub(crate) enum Reached {
    /// The data folder is this process' now.
    Folder(DataDir),
    Server(SocketAddr),
}

/// The data folder or the server that has it. Another command, and a server that is starting, are waited
/// for.
pub(crate) fn reach(settings: &Settings) -> Result<Reached, DataDirError> {
    let mut looks = 0;
    loop {
        match DataDir::take(&settings.data_dir) {
            Ok(mut data_dir) => {
                data_dir.sign(Holder::command())?;
                return Ok(Reached::Folder(data_dir));
            }
            Err(DataDirError::InUse {
                holder: Holder::Server { address, .. },
                ..
            }) => return Ok(Reached::Server(reachable(address))),
            Err(DataDirError::InUse { .. }) if looks < LOOKS => {
                looks += 1;
                std::thread::sleep(LOOKS_EVERY);
            }
            Err(error) => return Err(error),
        }
    }
}

/// A server that listens everywhere is reached without leaving the machine.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_listens_everywhere_is_reached_by_loopback() {
        for (listens, reached) in [
            ("0.0.0.0:80", "127.0.0.1:80"),
            ("[::]:80", "[::1]:80"),
            ("192.0.2.1:80", "192.0.2.1:80"),
        ] {
            let address = reachable(listens.parse().unwrap());
            assert_eq!(address, reached.parse().unwrap());
        }
    }
}
