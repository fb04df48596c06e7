//! The server that these tests share.

/// Where it is.
pub(crate) fn url() -> String {
    let server = real_redis::shared::standalone();
    let server = server.expect("there is no Redis to test with, for the reason above");
    server.url().to_owned()
}
