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

#[test]
fn the_class_for_browsers_keeps_its_tokens_and_refreshes_once() {
    let rotates = [("SESSION_ROTATE", "true"), ("SESSION_ROTATION_GRACE", "0")];
    run("session_client.mjs", &rotates);
}

#[test]
fn the_class_of_the_quick_start_runs_as_it_is() {
    run("seed.mjs", &[]);
}

/// Runs a script beside the blocks of the page, against a server of its own.
fn run(script: &str, settings: &[(&str, &str)]) {
    if !is_there("node") {
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
        let (name, rest) = part.split_once(" -->\n```").expect("a fence follows a name");
        let (_, text) = rest.split_once('\n').expect("a fence is a line");
        let end = text.find("\n```\n").expect("a fence is closed");
        (name, &text[..=end])
    });
    blocks.collect()
}

/// Whether a program can be run. Where it cannot, tests are skipped by hand, and fail in CI.
fn is_there(program: &str) -> bool {
    let found = Command::new(program)
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success());
    if !found {
        assert!(
            std::env::var_os("CI").is_none(),
            "{program} is needed to test the clients"
        );
        println!("skipped: {program} is not installed");
    }
    found
}
