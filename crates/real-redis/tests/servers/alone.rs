//! One server.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::panic::catch_unwind;
use std::time::Duration;

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
    let info = server.command(&["INFO", "server"]);
    assert!(info.contains(&format!("process_id:{}\r\n", server.process_id())));
}

#[test]
fn it_is_reached_from_this_machine_alone_and_keeps_nothing() {
    let Some(mut server) = RedisServer::start(&ServerOptions::default()) else {
        return;
    };
    assert_eq!(
        server.command(&["CONFIG", "GET", "bind"]),
        "bind\n127.0.0.1"
    );
    assert_eq!(server.command(&["CONFIG", "GET", "save"]), "save\n");
    assert_eq!(server.command(&["SET", "key", "value"]), "OK");
    server.stop();
    server.start_again();
    assert_eq!(server.command(&["GET", "key"]), "");
}

#[test]
fn what_was_appended_is_there_after_a_kill() {
    let Some(mut server) = RedisServer::start(&ServerOptions::default().append_only_always())
    else {
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

#[test]
fn it_appends_as_often_as_it_is_told() {
    for (options, sync) in [
        (ServerOptions::default().append_only(), "everysec"),
        (ServerOptions::default().append_only_always(), "always"),
    ] {
        let Some(server) = RedisServer::start(&options) else {
            return;
        };
        let (words, is_on) = (["CONFIG", "GET", "appendonly"], "appendonly\nyes");
        assert_eq!(server.command(&words), is_on);
        let said = server.command(&["CONFIG", "GET", "appendfsync"]);
        assert_eq!(said, format!("appendfsync\n{sync}"));
    }
}

#[test]
fn an_orderly_end_loses_nothing() {
    let Some(mut server) = RedisServer::start(&ServerOptions::default().append_only()) else {
        return;
    };
    for _ in 0..2 {
        assert_eq!(server.command(&["RPUSH", "list", "value"]).len(), 1);
        server.stop();
        assert!(server.try_command(&["PING"]).is_err());
        let log = std::fs::read_to_string(server.folder().join("log")).expect("a log");
        assert!(log.contains("User requested shutdown"), "{log}");
        server.start_again();
    }
    assert_eq!(server.command(&["LLEN", "list"]), "2");
}

#[test]
fn a_server_that_ended_by_itself_is_started_again() {
    let Some(mut server) = RedisServer::start(&ServerOptions::default().append_only()) else {
        return;
    };
    assert_eq!(server.command(&["SET", "key", "value"]), "OK");
    assert!(server.try_command(&["SHUTDOWN"]).is_err());
    let folder = server.folder().to_owned();
    server.start_again();
    assert_eq!(server.command(&["GET", "key"]), "value");
    assert_eq!(server.folder(), folder);
}

#[test]
fn a_paused_server_takes_connections_and_answers_when_it_goes_on() {
    let Some(mut server) = RedisServer::start(&ServerOptions::default()) else {
        return;
    };
    server.pause();
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port())).expect("a port");
    stream.write_all(b"PING\r\n").expect("it takes the command");
    let mut answer = [0; 7];
    let limit = |milliseconds| Some(Duration::from_millis(milliseconds));
    stream.set_read_timeout(limit(200)).expect("a limit");
    assert!(stream.read(&mut answer).is_err(), "it does not answer");
    server.resume();
    stream.set_read_timeout(limit(10_000)).expect("a limit");
    stream.read_exact(&mut answer).expect("it answers");
    assert_eq!(&answer, b"+PONG\r\n");

    // No end waits for one that is paused.
    server.pause();
    server.stop();
    server.start_again();
    server.pause();
    server.kill();
    server.start_again();
    assert_eq!(server.command(&["PING"]), "PONG");
}

#[test]
fn a_setting_is_the_servers() {
    let options = ServerOptions::default()
        .setting("maxmemory-policy", "allkeys-lru")
        .setting("appendonly", "yes");
    let Some(server) = RedisServer::start(&options) else {
        return;
    };
    let policy = server.command(&["CONFIG", "GET", "maxmemory-policy"]);
    assert_eq!(policy, "maxmemory-policy\nallkeys-lru");
    let appends = server.command(&["CONFIG", "GET", "appendonly"]);
    assert_eq!(appends, "appendonly\nyes");
}

#[test]
fn a_server_that_does_not_start_tells_why() {
    let Some(_) = RedisServer::start(&ServerOptions::default()) else {
        return;
    };
    let options = ServerOptions::default().setting("no-such-setting", "yes");
    let panicked = catch_unwind(|| RedisServer::start(&options)).expect_err("it does not start");
    let said = panicked.downcast::<String>().expect("text");
    assert!(said.contains("no-such-setting"), "{said}");
}

#[test]
fn a_password_is_wanted_and_in_the_address_and_in_no_debug_text() {
    let Some(server) = RedisServer::start(&ServerOptions::default().password("open-sesame")) else {
        return;
    };
    let port = server.port();
    assert_eq!(
        server.url(),
        format!("redis://:open-sesame@127.0.0.1:{port}")
    );
    assert_eq!(server.command(&["PING"]), "PONG");
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("a port");
    stream.write_all(b"PING\r\n").expect("it takes the command");
    let mut answer = [0; 7];
    stream.read_exact(&mut answer).expect("it answers");
    assert_eq!(&answer, b"-NOAUTH");
    assert!(!format!("{server:?}").contains("sesame"));
}
