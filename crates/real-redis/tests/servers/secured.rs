//! Servers with TLS and users.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use real_redis::{RedisServer, ServerOptions, install};

/// What `redis-cli` is told by a server, or of its trouble, with these arguments in front.
fn ask(server: &RedisServer, password: Option<&str>, arguments: &[&str]) -> String {
    let programs = install::ensure().expect("there is a server");
    let mut cli = Command::new(programs.cli.expect("there is a client"));
    cli.args(["-p", &server.port().to_string(), "--tls"])
        .args(arguments);
    if let Some(password) = password {
        cli.env("REDISCLI_AUTH", password);
    }
    let output = cli.stdin(Stdio::null()).output().expect("it runs");
    let said = [output.stdout, output.stderr].concat();
    String::from_utf8(said).expect("text").trim_end().to_owned()
}

fn ca(server: &RedisServer) -> &str {
    let tls = server.tls().expect("it has certificates");
    tls.ca.to_str().expect("text")
}

fn password(server: &RedisServer) -> String {
    let url = server.url();
    let rest = url
        .strip_prefix("rediss://sessiond:")
        .expect("TLS and a user");
    let (password, place) = rest.split_once('@').expect("a password");
    assert_eq!(place, format!("127.0.0.1:{}", server.port()));
    password.to_owned()
}

#[test]
fn nobody_gets_in_but_the_user_with_the_password_over_tls() {
    let Some(server) = RedisServer::start(&ServerOptions::default().secured()) else {
        return;
    };
    let (ca, password) = (ca(&server), password(&server));
    let user = ["--cacert", ca, "--user", "sessiond", "PING"];
    assert_eq!(ask(&server, Some(&password), &user), "PONG");
    let wrong = ask(&server, Some("wrong"), &user);
    assert!(
        wrong.contains("WRONGPASS") && wrong.contains("NOAUTH"),
        "{wrong}"
    );
    let nobody = ask(&server, None, &["--cacert", ca, "PING"]);
    assert!(nobody.starts_with("NOAUTH"), "{nobody}");
    let default = ask(&server, Some(&password), &["--cacert", ca, "PING"]);
    assert!(default.contains("WRONGPASS"), "{default}");
    let distrusting = ask(&server, Some(&password), &user[2..]);
    assert!(
        distrusting.contains("certificate verify failed"),
        "{distrusting}"
    );

    let mut plain = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port())).expect("a port");
    plain
        .set_read_timeout(Some(Duration::from_secs(10)))
        .expect("a limit");
    plain.write_all(b"PING\r\n").expect("it is sent");
    let mut answer = Vec::new();
    // Closed at once, or reset.
    let _ = plain.read_to_end(&mut answer);
    assert!(!answer.windows(4).any(|part| part == b"PONG"));
}

#[test]
fn the_user_has_the_rights_of_a_store_on_its_own_keys() {
    let options = ServerOptions::default()
        .secured()
        .keys("one:*")
        .keys("{two}:*");
    let Some(server) = RedisServer::start(&options) else {
        return;
    };
    let (ca, password) = (ca(&server), password(&server));
    let ask = |words: &[&str]| {
        let user = ["--cacert", ca, "--user", "sessiond"];
        ask(&server, Some(&password), &[&user, words].concat())
    };
    for words in [
        &["SET", "one:key", "value", "PX", "60000"][..],
        &["HSET", "{two}:hash", "field", "value"],
        &["ZADD", "one:sorted", "1", "member"],
        &["EVAL", "return redis.call('GET', KEYS[1])", "1", "one:key"],
        &["SCRIPT", "LOAD", "return 1"],
        &["FUNCTION", "LIST"],
        &["PUBLISH", "one:channel", "message"],
        &["CLIENT", "ID"],
        &["INFO", "memory"],
        &["WAIT", "0", "1"],
        &["DEL", "one:key", "{two}:hash"],
    ] {
        let said = ask(words);
        assert!(!said.contains("NOPERM"), "{words:?}: {said}");
    }
    for words in [
        &["GET", "three:key"][..],
        &[
            "EVAL",
            "return redis.call('GET', KEYS[1])",
            "1",
            "three:key",
        ],
        &["PUBLISH", "three:channel", "message"],
        &["KEYS", "*"],
        &["FLUSHALL"],
        &["CONFIG", "GET", "save"],
        &["ACL", "LIST"],
        &["REPLICAOF", "NO", "ONE"],
        &["SHUTDOWN"],
    ] {
        let said = ask(words);
        assert!(said.contains("NOPERM"), "{words:?}: {said}");
    }
}

#[test]
fn every_key_is_the_users_where_none_is_named() {
    let Some(server) = RedisServer::start(&ServerOptions::default().secured()) else {
        return;
    };
    let password = password(&server);
    let user = ["--cacert", ca(&server), "--user", "sessiond"];
    for words in [&["SET", "any", "value"][..], &["PUBLISH", "any", "message"]] {
        let said = ask(&server, Some(&password), &[&user, words].concat());
        assert!(!said.contains("NOPERM"), "{words:?}: {said}");
    }
}

#[test]
fn a_certificate_of_the_client_is_wanted_where_that_is_asked_for() {
    let options = ServerOptions::default().secured().client_certificates();
    let Some(server) = RedisServer::start(&options) else {
        return;
    };
    let (password, tls) = (password(&server), server.tls().expect("certificates"));
    let user = ["--cacert", ca(&server), "--user", "sessiond"];
    let without = ask(&server, Some(&password), &[&user[..], &["PING"]].concat());
    assert!(!without.contains("PONG"), "{without}");
    let [cert, key] = [&tls.client_cert, &tls.client_key].map(|file| file.to_str().expect("text"));
    let with = ["--cert", cert, "--key", key, "PING"];
    assert_eq!(
        ask(&server, Some(&password), &[&user[..], &with].concat()),
        "PONG"
    );
}

#[test]
fn commands_of_tests_are_an_administrators_and_work_over_tls() {
    let Some(server) = RedisServer::start(&ServerOptions::default().secured()) else {
        return;
    };
    assert_eq!(server.command(&["ACL", "WHOAMI"]), "admin");
    assert_eq!(server.command(&["RPUSH", "list", "a", "b c"]), "2");
    assert_eq!(server.command(&["LRANGE", "list", "0", "-1"]), "a\nb c");
    assert_eq!(server.command(&["GET", "nothing"]), "");
    assert!(server.command(&["GET", "list"]).starts_with("WRONGTYPE "));
}

#[test]
fn a_password_is_new_each_time_and_nowhere_to_be_seen() {
    let options = ServerOptions::default().secured();
    let (Some(server), Some(other)) = (RedisServer::start(&options), RedisServer::start(&options))
    else {
        return;
    };
    let secret = password(&server);
    assert!(secret.len() >= 32);
    assert_ne!(secret, password(&other));
    assert!(!format!("{server:?}").contains(&secret));
    let file = server.folder().join("redis.conf");
    assert!(fs::read_to_string(&file).expect("a file").contains(&secret));
    let mode = |path| {
        fs::metadata(path)
            .expect("it is there")
            .permissions()
            .mode()
            & 0o077
    };
    assert_eq!(mode(file.as_path()), 0, "others can read the file");
    assert_eq!(mode(server.folder()), 0, "others can look into the folder");
    let line = fs::read_to_string(format!("/proc/{}/cmdline", server.process_id()));
    assert!(!line.unwrap_or_default().contains(&secret));
}
