//! One server.

use real_redis::{RedisServer, ServerOptions};

#[test]
fn it_starts_empty_and_answers() {
    let Some(server) = RedisServer::start(&ServerOptions::default()) else {
        return;
    };
    assert_eq!(server.url(), format!("redis://127.0.0.1:{}", server.port()));
    assert_eq!(server.command(&["DBSIZE"]), "0");
    assert_eq!(server.command(&["SET", "a key", "a\nvalue"]), "OK");
    assert_eq!(server.command(&["GET", "a key"]), "a\nvalue");
    let id = server.command(&["INFO", "server"]);
    assert!(id.contains(&format!("process_id:{}\r\n", server.process_id())));
}

#[test]
fn what_was_appended_is_there_after_a_kill() {
    let options = ServerOptions::default().append_only_always();
    let Some(mut server) = RedisServer::start(&options) else {
        return;
    };
    let (url, process) = (server.url(), server.process_id());
    assert_eq!(server.command(&["SET", "key", "value"]), "OK");
    server.kill();
    assert!(server.try_command(&["PING"]).is_err());
    server.start_again();
    assert_eq!(server.url(), url);
    assert_ne!(server.process_id(), process);
    assert_eq!(server.command(&["GET", "key"]), "value");
}
