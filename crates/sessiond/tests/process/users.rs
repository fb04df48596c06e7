//! `sessiond users`: with a server and without one, the same.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::audit::sql;
use crate::support::{Client, Server, command};

const PASSWORD: &str = "nine purple tapirs sing";
const OTHER: &str = "seven green otters hum";

/// A server that makes its own keys, as on the first start on loopback.
fn own_keys(folder: &Path) -> Command {
    let mut command = command(folder);
    command.env_remove("SESSION_SERVICE_KEYS");
    command
}

/// A run of the command with this line on standard input.
fn run(command: &mut Command, arguments: &[&str], line: &str) -> Output {
    let mut child = command
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command runs");
    let mut input = child.stdin.take().expect("a pipe");
    // It may be gone already: not every command reads.
    let _ = input.write_all(line.as_bytes());
    drop(input);
    let output = child.wait_with_output().expect("it ends");
    for told in [&output.stdout, &output.stderr] {
        let told = String::from_utf8_lossy(told);
        let secret = line.trim_end();
        assert!(secret.is_empty() || !told.contains(secret), "{told}");
        assert!(!told.contains("panicked"), "{told}");
    }
    output
}

/// What a command printed that was carried out.
#[track_caller]
fn done(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout.clone()).expect("text")
}

/// The one line of a command that was not.
#[track_caller]
fn refused(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    let told = String::from_utf8(output.stderr.clone()).expect("text");
    assert_eq!(told.lines().count(), 1, "{told}");
    told.trim_end().to_owned()
}

fn users(folder: &Path, arguments: &[&str], line: &str) -> Output {
    let arguments = [&["users"], arguments].concat();
    run(&mut own_keys(folder), &arguments, line)
}

fn line(password: &str) -> String {
    format!("{password}\n")
}

pub(crate) fn login(client: &mut Client, password: &str) -> (u16, Value) {
    let body = json!({"email": "ada@example.org", "password": password});
    let answer = client.request("POST", "/auth/sessions/enhanced-login", "", Some(&body));
    answer.expect("an answer")
}

/// Adds the account that [`login`] signs in to.
pub(crate) fn add_ada(folder: &Path) {
    done(&users(folder, &["add", "ada@example.org"], &line(PASSWORD)));
}

pub(crate) fn sign_in(client: &mut Client) -> Value {
    let (status, signed_in) = login(client, PASSWORD);
    assert_eq!(status, 200, "{signed_in}");
    signed_in
}

/// All that can be done, and what each command prints; whether there is a server makes no difference.
fn every_command(folder: &Path) {
    let add = ["add", "Ada@Example.org", "--role", "editor"];
    let add = [&add[..], &["--permission", "a", "--permission", "b"]].concat();
    let added = done(&users(folder, &add, &line(PASSWORD)));
    let id = added
        .trim_end()
        .strip_prefix("ada@example.org added, user id ")
        .unwrap_or_else(|| panic!("{added}"));
    assert_eq!(id.len(), 36);
    let ada = |state: &str| format!("ada@example.org\teditor\t{state}\t{id}\n");
    assert_eq!(done(&users(folder, &["list"], "")), ada("enabled"));
    done(&users(folder, &["add", "grace@example.org"], &line(OTHER)));
    let listed = done(&users(folder, &["list"], ""));
    assert!(
        listed.starts_with("grace@example.org\tuser\tenabled\t"),
        "newest first: {listed}"
    );
    assert!(listed.ends_with(&ada("enabled")), "{listed}");
    assert_eq!(listed.lines().count(), 2);
    let told = done(&users(folder, &["disable", "ada@example.org"], ""));
    assert_eq!(told, "ada@example.org disabled, and its sessions ended\n");
    assert!(done(&users(folder, &["list"], "")).ends_with(&ada("disabled")));
    let told = done(&users(folder, &["enable", "ADA@example.org"], ""));
    assert_eq!(told, "ada@example.org enabled\n");
    assert!(done(&users(folder, &["list"], "")).ends_with(&ada("enabled")));
    let told = done(&users(folder, &["passwd", "ada@example.org"], &line(OTHER)));
    assert_eq!(
        told,
        "ada@example.org has another password, and its sessions ended\n"
    );
    let told = done(&users(folder, &["delete", "grace@example.org"], ""));
    assert_eq!(told, "grace@example.org deleted, and its sessions ended\n");
    assert_eq!(done(&users(folder, &["list"], "")), ada("enabled"));

    // And what cannot be done, each with one line.
    let unknown = "sessiond: there is no account of eve@example.org";
    for what in ["disable", "enable", "delete", "passwd"] {
        let output = users(folder, &[what, "eve@example.org"], &line(PASSWORD));
        assert_eq!(refused(&output), unknown, "{what}");
        let output = users(folder, &[what, "no address"], &line(PASSWORD));
        let told = refused(&output);
        assert_eq!(told, "sessiond: `email` must be an e-mail address");
    }
    let taken = users(folder, &["add", "ada@example.org"], &line(PASSWORD));
    assert_eq!(
        refused(&taken),
        "sessiond: ada@example.org has an account already"
    );
    for arguments in [["add", "eve@example.org"], ["passwd", "ada@example.org"]] {
        let told = refused(&users(folder, &arguments, "too short\n"));
        assert!(
            told.contains("`password` must have at least 15 characters"),
            "{told}"
        );
        let told = refused(&users(folder, &arguments, "passwordpassword\n"));
        assert!(
            told.contains("is among those that are tried first"),
            "{told}"
        );
        let told = refused(&users(folder, &arguments, ""));
        assert_eq!(told, "sessiond: there is no password on standard input");
        let told = refused(&users(folder, &arguments, &line(&"x".repeat(1025))));
        assert_eq!(told, "sessiond: `password` must be at most 1024 bytes");
    }
    assert_eq!(done(&users(folder, &["list"], "")), ada("enabled"));
}

/// What was done, by whom, through what, as the audit log has it.
fn records(server: &Server, folder: &Path) -> Vec<String> {
    let key = fs::read_to_string(folder.join("admin.key")).unwrap();
    let headers = format!("X-API-Key: {}\r\n", key.trim());
    let path = "/admin/audit?limit=1000";
    let (status, page) = plain(server).request("GET", path, &headers, None).unwrap();
    assert_eq!(status, 200, "{page}");
    let text = page.to_string();
    assert!(!text.contains(PASSWORD) && !text.contains(OTHER));
    let told = |event: &Value| {
        let member = |name: &str| event[name].as_str().unwrap_or("-").to_owned();
        let [actor, action, details, endpoint] =
            ["actor", "action", "details", "endpoint"].map(member);
        format!("{actor} {action} {details} {endpoint}")
    };
    let events = page["events"].as_array().unwrap().iter().rev();
    let of_accounts = events.filter(|event| {
        event["action"]
            .as_str()
            .is_some_and(|a| a.starts_with("user_") || a == "password_changed")
    });
    of_accounts.map(told).collect()
}

/// A connection of a client without a key.
fn plain(server: &Server) -> Client {
    server.connect().without_key()
}

#[test]
fn without_a_server_everything_can_be_done() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(done(&users(folder.path(), &["list"], "")), "");
    every_command(folder.path());
    let server = Server::start(&mut own_keys(folder.path()));
    assert_eq!(login(&mut plain(&server), OTHER).0, 200);
    let expected = [
        "admin user_registered - users add",
        "admin user_registered - users add",
        "admin user_updated account disabled users disable",
        "admin user_updated account enabled users enable",
        "admin password_changed - users passwd",
        "admin user_updated account deleted users delete",
    ];
    assert_eq!(records(&server, folder.path()), expected);
}

#[test]
fn beside_a_server_everything_can_be_done() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&mut own_keys(folder.path()));
    assert_eq!(done(&users(folder.path(), &["list"], "")), "");
    every_command(folder.path());
    assert_eq!(login(&mut plain(&server), OTHER).0, 200);
    let expected = [
        "admin user_registered - /admin/users",
        "admin user_registered - /admin/users",
        "admin user_updated account disabled /admin/users/{user_id}",
        "admin user_updated account enabled /admin/users/{user_id}",
        "admin password_changed - /admin/users/{user_id}",
        "admin user_updated account deleted /admin/users/{user_id}",
    ];
    assert_eq!(records(&server, folder.path()), expected);
}

#[test]
fn a_running_server_goes_by_it_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&mut own_keys(folder.path()));
    let mut client = plain(&server);
    assert_eq!(login(&mut client, PASSWORD).0, 401);
    add_ada(folder.path());
    let token = sign_in(&mut client)["session_id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(client.validate(&token).unwrap().0, 200);
    done(&users(folder.path(), &["disable", "ada@example.org"], ""));
    assert_eq!(client.validate(&token).unwrap().0, 401);
    assert_eq!(login(&mut client, PASSWORD).0, 401);
    done(&users(folder.path(), &["enable", "ada@example.org"], ""));
    assert_eq!(login(&mut client, PASSWORD).0, 200);
    done(&users(
        folder.path(),
        &["passwd", "ada@example.org"],
        &line(OTHER),
    ));
    assert_eq!(login(&mut client, PASSWORD).0, 401);
    assert_eq!(login(&mut client, OTHER).0, 200);
    done(&users(folder.path(), &["delete", "ada@example.org"], ""));
    assert_eq!(login(&mut client, OTHER).0, 401);
}

/// What was done without the server ends sessions that began with it.
#[test]
fn sessions_end_although_no_server_runs() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&mut own_keys(folder.path()));
    add_ada(folder.path());
    let token = sign_in(&mut plain(&server))["session_id"]
        .as_str()
        .unwrap()
        .to_owned();
    server.stop("TERM");
    done(&users(folder.path(), &["disable", "ada@example.org"], ""));
    let server = Server::start(&mut own_keys(folder.path()));
    assert_eq!(plain(&server).validate(&token).unwrap().0, 401);
    assert_eq!(login(&mut plain(&server), PASSWORD).0, 401);
}

#[test]
fn a_server_that_listens_everywhere_is_asked_by_loopback() {
    let folder = tempfile::tempdir().unwrap();
    let admin = "adm_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG";
    for everywhere in ["0.0.0.0:0", "[::]:0"] {
        let settings = || {
            let mut command = command(folder.path());
            command
                .env("SESSION_LISTEN", everywhere)
                .env("SESSION_ADMIN_KEYS", admin);
            command
        };
        let _server = Server::start(&mut settings());
        assert_eq!(done(&run(&mut settings(), &["users", "list"], "")), "");
    }
}

/// The key must go to the server and to nobody else.
#[test]
fn the_environments_proxy_is_not_asked() {
    let folder = tempfile::tempdir().unwrap();
    let _server = Server::start(&mut own_keys(folder.path()));
    let proxy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", proxy.local_addr().unwrap());
    let mut command = own_keys(folder.path());
    for name in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
        command.env(name, &address);
    }
    assert_eq!(done(&run(&mut command, &["users", "list"], "")), "");
    proxy.set_nonblocking(true).unwrap();
    assert!(proxy.accept().is_err(), "nobody came");
}

#[test]
fn what_keeps_the_command_from_the_server_is_one_clear_line() {
    let folder = tempfile::tempdir().unwrap();
    // A server with service keys alone has no admin face for keys.
    let server = Server::start(&mut command(folder.path()));
    let told = refused(&users(folder.path(), &["list"], ""));
    assert!(
        told.contains("set SESSION_ADMIN_KEYS to one of its admin keys"),
        "{told}"
    );
    let mut wrong = command(folder.path());
    wrong.env(
        "SESSION_ADMIN_KEYS",
        "adm_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG",
    );
    let told = refused(&run(&mut wrong, &["users", "list"], ""));
    assert!(
        told.contains(&format!("the server at {} says: ", server.address)),
        "{told}"
    );
    assert!(!told.contains("adm_"), "{told}");
    drop(server);

    let secure = || {
        let mut secure = own_keys(folder.path());
        secure
            .env("SESSION_REQUIRE_HTTPS", "true")
            .env("SESSION_TRUSTED_PROXIES", "10.0.0.0/8");
        secure
    };
    let server = Server::start(&mut secure());
    let told = refused(&run(&mut secure(), &["users", "list"], ""));
    assert!(
        told.contains("takes no plain http (SESSION_REQUIRE_HTTPS)"),
        "{told}"
    );
    drop(server);
    done(&run(&mut secure(), &["users", "list"], ""));
}

#[test]
fn the_memory_store_is_served_beside_a_server_and_refused_without_one() {
    let folder = tempfile::tempdir().unwrap();
    let memory = || {
        let mut memory = own_keys(folder.path());
        memory.env("SESSION_STORE", "memory");
        memory
    };
    let add = ["users", "add", "ada@example.org"];
    let told = refused(&run(&mut memory(), &add, &line(PASSWORD)));
    assert!(
        told.contains("the memory store keeps no accounts between runs"),
        "{told}"
    );
    let server = Server::start(&mut memory());
    done(&run(&mut memory(), &add, &line(PASSWORD)));
    assert_eq!(login(&mut plain(&server), PASSWORD).0, 200);
}

/// The folder of a server that was killed still names its address, where anybody may listen by now.
#[test]
fn nobody_is_sent_to_a_server_that_was_killed() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&mut own_keys(folder.path()));
    let address = server.address.to_string();
    server.kill();
    let lock = folder.path().join("sessiond.lock");
    let left = || fs::read_to_string(&lock).unwrap();
    assert!(left().contains(&address), "{}", left());
    // A start that takes the folder and comes no further: not as far as to an address of its own.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut start = own_keys(folder.path());
    start.env("SESSION_LISTEN", taken.local_addr().unwrap().to_string());
    assert!(refused(&start.output().unwrap()).contains("port is in use"));
    assert_eq!(left(), "");
    done(&users(folder.path(), &["list"], ""));
}

/// More accounts than stand on one page of the store and of the admin face.
#[test]
fn the_list_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    add_ada(folder.path());
    sql(
        &folder.path().join("sessions.db"),
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1100)
         INSERT INTO accounts SELECT unhex(format('%04x', i + 4096) || substr(hex(id), 5)),
             'u' || i || '@example.org', password_hash, metadata, is_disabled, version, created_at,
             password_set_at FROM accounts, n WHERE email = 'ada@example.org'",
    );
    let whole = |listed: &str| {
        assert_eq!(listed.lines().count(), 1101);
        let different: std::collections::HashSet<_> = listed.lines().collect();
        assert_eq!(different.len(), 1101);
    };
    whole(&done(&users(folder.path(), &["list"], "")));
    let _server = Server::start(&mut own_keys(folder.path()));
    whole(&done(&users(folder.path(), &["list"], "")));
}

/// Its door is closed, and the folder is still its own until the last request is done.
#[test]
fn a_server_that_is_stopping_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&mut own_keys(folder.path()));
    add_ada(folder.path());
    let mut slow = std::net::TcpStream::connect(server.address).unwrap();
    let half = "POST /auth/sessions/enhanced-login HTTP/1.1\r\nHost: test\r\n\
        Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{";
    slow.write_all(half.as_bytes()).unwrap();
    let address = server.address;
    let stopping = std::thread::spawn(move || server.stop("TERM"));
    while std::net::TcpStream::connect(address).is_ok() {
        std::thread::sleep(Duration::from_millis(20));
    }
    let list = std::thread::spawn({
        let folder = folder.path().to_owned();
        move || users(&folder, &["list"], "")
    });
    std::thread::sleep(Duration::from_millis(500));
    assert!(
        !stopping.is_finished(),
        "the server has a request to finish"
    );
    assert!(!list.is_finished(), "the command waits");
    drop(slow);
    assert!(done(&list.join().unwrap()).starts_with("ada@example.org\t"));
    assert!(stopping.join().unwrap().0.success());
}

#[test]
fn commands_at_the_same_time_wait_for_each_other() {
    let folder = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for n in 0..6 {
            let folder = folder.path();
            scope.spawn(move || {
                let email = format!("u{n}@example.org");
                done(&users(folder, &["add", &email], &line(PASSWORD)));
            });
        }
    });
    assert_eq!(
        done(&users(folder.path(), &["list"], "")).lines().count(),
        6
    );
}
