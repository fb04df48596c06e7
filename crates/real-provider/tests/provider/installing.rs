//! Installing, with programs that only look like Node and npm.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use real_provider::install::ensure_in;
use tempfile::TempDir;

/// A folder to install into, and the programs beside it.
struct Bench {
    folder: TempDir,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let bench = Self { folder };
        bench.program("node", "echo v20.12.0");
        bench
    }

    fn program(&self, name: &str, script: &str) -> String {
        let path = self.path(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a mode");
        path.to_str().expect("text").to_owned()
    }

    /// An npm that notes each call, and then does as the script says.
    fn npm(&self, script: &str) {
        let calls = self.path("calls");
        let script = format!(
            "if [ \"$1\" = --version ]; then echo 10.0.0; exit; fi\n\
             echo \"$@\" >> {}\n{script}",
            calls.display(),
        );
        self.program("npm", &script);
    }

    fn ensure(&self) -> Result<String, String> {
        let program = |name| self.path(name).to_str().expect("text").to_owned();
        ensure_in(&self.target(), &program("node"), &program("npm"))
            .map(|installed| installed.node)
            .map_err(|absent| absent.to_string())
    }

    fn calls(&self) -> usize {
        fs::read_to_string(self.path("calls")).map_or(0, |calls| calls.lines().count())
    }

    fn target(&self) -> PathBuf {
        self.path("target")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

#[test]
fn it_is_installed_once_and_again_when_the_list_has_changed() {
    let bench = Bench::new();
    bench.npm("test -f package.json -a -f package-lock.json && mkdir -p node_modules");
    for _ in 0..2 {
        assert_eq!(bench.ensure(), Ok("20.12.0".to_owned()));
        assert_eq!(bench.calls(), 1);
        assert!(bench.target().join("node_modules").is_dir());
    }
    let done = bench.target().join("installed.json");
    let list = fs::read_to_string(&done).expect("the list");
    fs::write(&done, list.replace("9.", "8.")).expect("an older list");
    assert!(bench.ensure().is_ok());
    assert_eq!(bench.calls(), 2);
}

#[test]
fn many_at_once_install_once() {
    let bench = Bench::new();
    bench.npm("sleep 0.2");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert!(bench.ensure().is_ok()));
        }
    });
    assert_eq!(bench.calls(), 1);
}

#[test]
fn what_was_interrupted_is_done_again() {
    let bench = Bench::new();
    bench.npm("mkdir -p node_modules");
    bench.ensure().expect("it is installed");
    let done = bench.target().join("installed.json");
    fs::write(&done, "an older list").expect("a file");
    // As if killed in the middle: npm never came back to say so.
    bench.npm("exit 1");
    bench.ensure().expect_err("npm fails");
    assert!(!done.exists(), "nothing says that all is there");
}

#[test]
fn a_failure_is_told_and_not_tried_again_at_once() {
    let bench = Bench::new();
    bench.npm("echo 'npm error: the registry is out of reach' >&2; exit 1");
    let told = bench.ensure().expect_err("npm fails");
    assert!(
        told.starts_with("`npm ci` failed: npm error: the registry is out of reach;"),
        "{told}"
    );
    let told = bench.ensure().expect_err("npm has failed");
    assert!(
        told.contains("out of reach") && told.contains("less than ten minutes ago"),
        "{told}"
    );
    assert_eq!(bench.calls(), 1);

    let long_ago = std::time::SystemTime::UNIX_EPOCH;
    let failure = fs::File::options()
        .append(true)
        .open(bench.target().join("failed.txt"));
    failure
        .expect("a file")
        .set_modified(long_ago)
        .expect("a time");
    bench.npm("true");
    assert!(bench.ensure().is_ok());
    assert_eq!(bench.calls(), 2);
}

#[test]
fn without_node_or_npm_or_with_an_old_node_nothing_is_tried() {
    let bench = Bench::new();
    assert_eq!(bench.ensure(), Err("npm is not installed".to_owned()));
    bench.npm("true");
    for (version, is_taken) in [
        ("v18.20.0", false),
        ("v20.11.9", false),
        ("nonsense", false),
        ("v20.12.0", true),
        ("v22.0.0", true),
    ] {
        bench.program("node", &format!("echo {version}"));
        assert_eq!(bench.ensure().is_ok(), is_taken, "{version}");
    }
    fs::remove_file(bench.path("node")).expect("it is there");
    assert_eq!(bench.ensure(), Err("node is not installed".to_owned()));
}

#[test]
fn npm_is_asked_for_exactly_what_the_list_names_and_runs_no_scripts() {
    let bench = Bench::new();
    bench.npm("true");
    bench.ensure().expect("it is installed");
    let call = fs::read_to_string(bench.path("calls")).expect("the call");
    assert!(call.starts_with("ci --ignore-scripts "), "{call}");
}

#[test]
fn the_list_names_a_hash_for_each_package_and_no_registry() {
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("node/package-lock.json");
    let list = fs::read_to_string(list).expect("the list");
    assert!(!list.contains("\"resolved\"") && !list.contains("://registry"));
    let list: serde_json::Value = serde_json::from_str(&list).expect("JSON");
    let packages = list["packages"].as_object().expect("packages");
    assert!(packages.contains_key("node_modules/oidc-provider"));
    for (name, package) in packages.iter().filter(|(name, _)| !name.is_empty()) {
        let hash = package["integrity"].as_str().expect("a hash");
        assert!(hash.starts_with("sha512-"), "{name}");
    }
}
