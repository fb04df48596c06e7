//! The clients of `docs/clients.md`, taken out of that page as they stand, against a real server; and
//! the class that users of the system before came with.
//!
//! The scripts in `tests/clients` need Node 20 or later and no packages: what a client imports from
//! elsewhere (React's hooks, axios, secure storage) is in `stand_ins`. Every request goes to the server.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::json;

use crate::support::{SERVICE_KEY, Server, command};

const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients");
const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/clients.md");
/// Of one site with the server, as `app.example.org` is with `auth.example.org`.
const ALLOWED_ORIGIN: &str = "http://127.0.0.1:5173";

#[test]
fn the_class_for_browsers_keeps_its_tokens_and_refreshes_once() {
    let rotates = [("SESSION_ROTATE", "true"), ("SESSION_ROTATION_GRACE", "0")];
    run("session_client.mjs", &rotates);
}

#[test]
fn in_cookie_mode_no_script_sees_the_token_and_no_other_page_uses_it() {
    let settings = [
        ("SESSION_ALLOWED_ORIGINS", ALLOWED_ORIGIN),
        ("SESSION_ROTATE", "true"),
        ("SESSION_ROTATION_GRACE", "0"),
    ];
    run("cookie_session.mjs", &settings);
}

#[test]
fn the_hook_for_react_shows_the_sessions_and_cleans_up() {
    run("use_session.mjs", &[]);
}

#[test]
fn the_class_for_phones_goes_on_after_a_start() {
    let rotates = [("SESSION_ROTATE", "true"), ("SESSION_ROTATION_GRACE", "0")];
    run("mobile_session.mjs", &rotates);
}

#[test]
fn the_interceptors_for_axios_refresh_once_and_never_loop() {
    run("axios_session.mjs", &[]);
}

#[test]
fn the_class_of_the_quick_start_runs_as_it_is() {
    run("seed.mjs", &[]);
}

#[test]
fn the_python_script_signs_in_and_out() {
    if !is_there("python3") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let workshop = folder.path().join("clients");
    fill(&workshop);
    let mut python = Command::new("python3");
    python.current_dir(&workshop).stdin(Stdio::null());
    let has_httpx = Command::new("python3")
        .args(["-c", "import httpx"])
        .output()
        .is_ok_and(|output| output.status.success());
    if !has_httpx {
        println!("only its syntax is checked: python3 has no httpx");
        let compiled = python.args(["-m", "py_compile", "session_client.py"]);
        passed(&compiled.output().expect("python3 runs"));
        return;
    }
    let server = serve(&folder.path().join("data"), &[]);
    let mut client = server.connect();
    let account = json!({"email": "ada@example.org", "password": "a plain sentence of the tests"});
    let (status, registered) = client.post("/auth/register", &account).expect("an answer");
    assert_eq!(status, 201, "{registered}");
    let user_id = registered["user_id"].as_str().expect("a text").to_owned();
    let output = python
        .arg("session_client.py")
        .env("NO_PROXY", "127.0.0.1")
        .env("SESSIOND_URL", format!("http://{}", server.address))
        .env("SESSIOND_EMAIL", "ada@example.org")
        .env("SESSIOND_PASSWORD", "a plain sentence of the tests")
        .output()
        .expect("python3 runs");
    passed(&output);
    let told = String::from_utf8(output.stdout).expect("text");
    let lines: Vec<&str> = told.lines().collect();
    assert!(
        lines[0].starts_with("* ") && lines[0].contains(" python "),
        "{told}"
    );
    assert_eq!(&lines[1..], ["refreshed; 1 live", "signed out"]);
    let path = format!("/sessions/user/{user_id}/sessions");
    let (_, live) = client.get(&path).expect("an answer");
    assert_eq!(live, json!([]), "none is left");
    let stats = client.get("/sessions/stats").expect("an answer").1;
    assert_eq!(stats["total_sessions"], 1, "and there was one: {stats}");
}

/// Runs a script beside the blocks of the page, against a server of its own.
fn run(script: &str, settings: &[(&str, &str)]) {
    if !has_node() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let server = serve(&folder.path().join("data"), settings);
    let workshop = folder.path().join("clients");
    fill(&workshop);
    let output = Command::new("node")
        .arg(workshop.join(script))
        .env("SESSIOND_URL", format!("http://{}", server.address))
        .env("SESSIOND_SERVICE_KEY", SERVICE_KEY)
        .env("ALLOWED_ORIGIN", ALLOWED_ORIGIN)
        .stdin(Stdio::null())
        .output()
        .expect("node runs");
    passed(&output);
}

fn passed(output: &Output) {
    let (told, errors) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{told}\n{errors}");
}

/// A server that takes registrations, and cookies over http.
fn serve(data_dir: &Path, settings: &[(&str, &str)]) -> Server {
    let mut command = command(data_dir);
    command
        .env("SESSION_REGISTRATION", "true")
        .env("RATE_LIMIT_REGISTRATION", "100/3600")
        .env("SESSION_SECURE_COOKIES", "false")
        .envs(settings.iter().copied());
    Server::start(&mut command)
}

/// The blocks of the page, the scripts, and the stand-ins where an import looks for packages.
fn fill(workshop: &Path) {
    fs::create_dir_all(workshop).expect("a folder can be made");
    let page = fs::read_to_string(PAGE).expect("the page is there");
    for (name, text) in blocks(&page) {
        fs::write(workshop.join(name), text).expect("a file can be written");
    }
    for script in files(Path::new(SCRIPTS)) {
        let name = script.file_name().expect("a file has a name");
        fs::copy(&script, workshop.join(name)).expect("a script can be copied");
    }
    for stand_in in files(&Path::new(SCRIPTS).join("stand_ins")) {
        let name = stand_in.file_stem().expect("a file has a name");
        let package = workshop.join("node_modules").join(name);
        fs::create_dir_all(&package).expect("a folder can be made");
        fs::copy(&stand_in, package.join("index.mjs")).expect("a stand-in can be copied");
        let manifest = json!({"exports": "./index.mjs"}).to_string();
        fs::write(package.join("package.json"), manifest).expect("a file can be written");
    }
}

fn files(folder: &Path) -> impl Iterator<Item = std::path::PathBuf> {
    let entries = fs::read_dir(folder).expect("the scripts are there");
    let paths = entries.map(|entry| entry.expect("a folder can be read").path());
    paths.filter(|path| path.is_file())
}

/// The named blocks of a page: `<!-- file: name -->`, and below it what stands between the fences.
fn blocks(page: &str) -> Vec<(&str, &str)> {
    let parts = page.split("<!-- file: ").skip(1);
    let blocks = parts.map(|part| {
        let (name, rest) = part
            .split_once(" -->\n```")
            .expect("a fence follows a name");
        let (_, text) = rest.split_once('\n').expect("a fence is a line");
        let end = text.find("\n```\n").expect("a fence is closed");
        (name, &text[..=end])
    });
    blocks.collect()
}

/// Without node the scripts are skipped: a newcomer needs Rust alone. `SESSIOND_NEEDS_NODE` makes that a
/// failure.
fn has_node() -> bool {
    let found = is_there("node");
    assert!(
        found || !real_provider::node::is_needed(),
        "node is needed to test the clients"
    );
    found
}

fn is_there(program: &str) -> bool {
    let found = real_provider::node::version(program).is_some();
    if !found {
        println!("skipped: {program} is not installed");
    }
    found
}
