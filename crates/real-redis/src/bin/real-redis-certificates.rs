//! Makes the certificates of servers with TLS, for `cargo xtask test`, which is built without what
//! makes them.

fn main() -> std::io::Result<()> {
    real_redis::TlsFiles::made().map(|_| ())
}
