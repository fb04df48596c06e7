//! Finding and fetching the programs, with programs that only look like apt and Redis.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;

use real_redis::install::{Programs, Search};
use tempfile::TempDir;

const REDIS: &str = "echo Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64";

/// A machine's programs in one folder, and what is fetched in another.
struct Machine {
    folder: TempDir,
}

impl Machine {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("bin")).expect("a folder");
        for name in ["sh", "rm", "chmod"] {
            let to = folder.path().join("bin").join(name);
            symlink(PathBuf::from("/bin").join(name), to).expect("a link");
        }
        Self { folder }
    }

    /// A Debian, with a user of this number. Its apt notes each call, and then does as the script
    /// says.
    fn debian(user: u32, apt: &str) -> Self {
        let machine = Self::new();
        machine.program("id", &format!("echo {user}"));
        machine.program("dpkg", "exit 1");
        machine.apt(apt);
        machine
    }

    fn apt(&self, script: &str) {
        let calls = self.path("calls");
        let script = format!(
            "echo \"$DEBIAN_FRONTEND $@\" >>{}\n{script}",
            calls.display()
        );
        self.program("apt-get", &script);
    }

    fn program(&self, name: &str, script: &str) {
        let path = self.path("bin").join(name);
        // A machine whose path is in the script's own way.
        let script = format!("#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n");
        fs::write(&path, script).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a mode");
    }

    /// A script that puts a program there, whose own script has no quotes.
    fn puts(path: &str, script: &str) -> String {
        format!("printf '#!/bin/sh\\n{script}\\n' >{path} && chmod 755 {path}")
    }

    /// A `dpkg -x` that unpacks a server, which needs its libraries.
    fn unpacks(&self, server: &str) {
        let script = Self::puts("\"$3/usr/bin/redis-server\"", server);
        let folders = "mkdir -p \"$3/usr/bin\" \"$3/usr/lib/some-linux-gnu\"";
        self.program(
            "dpkg",
            &format!("test \"$1\" = -x && {folders} && {script}"),
        );
    }

    fn search(&self) -> Search {
        Search {
            folder: self.path("target"),
            path: self.path("bin").into(),
            policy: self.path("policy"),
        }
    }

    fn ensure(&self) -> Result<Programs, String> {
        self.search().ensure().map_err(|absent| absent.to_string())
    }

    fn version(&self) -> Result<String, String> {
        self.ensure().map(|programs| programs.version)
    }

    fn calls(&self) -> Vec<String> {
        let calls = fs::read_to_string(self.path("calls")).unwrap_or_default();
        calls.lines().map(ToOwned::to_owned).collect()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

#[test]
fn what_is_on_the_path_is_taken_and_redis_first() {
    let machine = Machine::debian(0, "exit 1");
    machine.program("valkey-server", "echo Valkey server v=9.1.2 sha=00000000:0");
    assert_eq!(machine.version(), Ok("Valkey 9.1.2".to_owned()));
    machine.program("redis-server", REDIS);
    machine.program("redis-cli", "true");
    let programs = machine.ensure().expect("it is there");
    assert_eq!(programs.version, "Redis 7.0.15");
    assert_eq!(programs.server, machine.path("bin/redis-server"));
    assert_eq!(programs.cli, Some(machine.path("bin/redis-cli")));
    assert!(machine.calls().is_empty() && !machine.path("target").exists());
}

#[test]
fn an_old_server_is_passed_over_and_told_of() {
    let machine = Machine::new();
    machine.program("redis-server", "echo Redis server v=6.0.16 sha=00000000:0");
    let told = machine.version().expect_err("it is too old");
    assert!(
        told.starts_with("Redis 6.0.16 is too old, and neither "),
        "{told}"
    );
    machine.program(
        "valkey-server",
        "echo Valkey server v=10.0.0 sha=00000000:0",
    );
    assert_eq!(machine.version(), Ok("Valkey 10.0.0".to_owned()));
}

#[test]
fn where_nothing_can_be_fetched_it_is_said_how_to_get_one() {
    let machine = Machine::new();
    let told = machine.version().expect_err("there is none");
    assert!(told.contains("brew install redis"), "{told}");
    assert!(!machine.path("target").exists());
}

#[test]
fn root_installs_the_package_and_no_service_starts_meanwhile() {
    let machine = Machine::debian(0, "");
    let server = machine.path("bin/redis-server");
    let puts = Machine::puts(server.to_str().expect("text"), REDIS);
    let policy = machine.path("policy");
    let policy = policy.display();
    machine.apt(&format!("{policy}; test $? = 101 || exit 1; {puts}"));
    assert_eq!(machine.version(), Ok("Redis 7.0.15".to_owned()));
    let call = "noninteractive install -y --no-install-recommends redis-server";
    assert_eq!(machine.calls(), [call]);
    assert!(!machine.path("policy").exists(), "it is taken away again");
}

#[test]
fn a_policy_that_is_there_stays() {
    let machine = Machine::debian(0, "exit 1");
    fs::write(machine.path("policy"), "mine").expect("a file");
    machine.version().expect_err("apt fails");
    let policy = fs::read_to_string(machine.path("policy"));
    assert_eq!(policy.expect("it is there"), "mine");
}

#[test]
fn no_policy_stays_after_a_failure() {
    let machine = Machine::debian(0, "exit 1");
    machine.version().expect_err("apt fails");
    assert!(!machine.path("policy").exists());
}

#[test]
fn root_brings_the_lists_up_to_date_where_the_package_is_not_in_them() {
    let machine = Machine::debian(0, "");
    let lists = machine.path("lists");
    let lists = lists.display();
    let server = machine.path("bin/redis-server");
    let puts = Machine::puts(server.to_str().expect("text"), REDIS);
    machine.apt(&format!(
        "if [ \"$1\" = update ]; then : >{lists}; else test -e {lists} && {puts}; fi"
    ));
    assert_eq!(machine.version(), Ok("Redis 7.0.15".to_owned()));
    let calls = machine.calls();
    let verbs: Vec<&str> = calls
        .iter()
        .filter_map(|call| call.split(' ').nth(1))
        .collect();
    assert_eq!(verbs, ["install", "update", "install"]);
}

#[test]
fn others_unpack_the_package_once() {
    let machine = Machine::debian(1000, ": >redis-server.deb");
    machine
        .unpacks("case $LD_LIBRARY_PATH in *lib/some-linux-gnu*) echo Redis server v=7.2.1;; esac");
    for _ in 0..2 {
        let programs = machine.ensure().expect("it is unpacked");
        assert_eq!(programs.version, "Redis 7.2.1");
        let server = machine.path("target/debian/usr/bin/redis-server");
        assert_eq!(programs.server, server);
        let call = "noninteractive download redis-server redis-tools liblzf1 libjemalloc2";
        assert_eq!(machine.calls(), [call]);
    }
    assert!(!machine.path("target/packages").exists());
}

#[test]
fn others_bring_lists_of_their_own_up_to_date() {
    let machine = Machine::debian(1000, "");
    let lists = machine.path("target/apt/lists");
    let option = format!("-oDir::State::Lists={}", lists.display());
    machine.apt(&format!(
        "test \"$1\" = {option} || exit 100\nif [ \"$3\" = download ]; then : >redis-server.deb; fi"
    ));
    machine.unpacks(REDIS);
    assert_eq!(machine.version(), Ok("Redis 7.0.15".to_owned()));
    assert_eq!(machine.calls().len(), 3);
    assert!(machine.calls()[1].ends_with(" update"));
}

#[test]
fn what_was_interrupted_is_done_again() {
    let machine = Machine::debian(1000, ": >redis-server.deb; : >another.deb");
    // As if killed between the packages.
    machine.unpacks(REDIS);
    let unpack = fs::read_to_string(machine.path("bin/dpkg")).expect("a script");
    let body = unpack.lines().skip(2).collect::<Vec<_>>().join("\n");
    machine.program(
        "dpkg",
        &format!("case $2 in *another*) exit 1;; esac; {body}"),
    );
    machine.version().expect_err("one of two is not unpacked");
    assert!(!machine.path("target/debian").exists());
    fs::remove_file(machine.path("target/failed.txt")).expect("it says so");
    machine.unpacks(REDIS);
    assert_eq!(machine.version(), Ok("Redis 7.0.15".to_owned()));
}

#[test]
fn many_at_once_fetch_once() {
    let machine = Machine::debian(1000, "sleep 0.2; : >redis-server.deb");
    machine.unpacks(REDIS);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert!(machine.ensure().is_ok()));
        }
    });
    assert_eq!(machine.calls().len(), 1);
}

#[test]
fn a_failure_is_told_and_not_tried_again_at_once() {
    let machine = Machine::debian(
        1000,
        "echo Reading; echo E: no route to the mirror >&2; exit 100",
    );
    let told = machine.version().expect_err("apt fails");
    let reason = "`apt-get update` failed: E: no route to the mirror; all it said is in";
    assert!(told.starts_with(reason), "{told}");
    let calls = machine.calls().len();
    let told = machine.version().expect_err("apt has failed");
    let truce = told.contains("no route") && told.contains("less than ten minutes ago");
    assert!(truce, "{told}");
    assert_eq!(machine.calls().len(), calls);

    let failure = fs::File::options()
        .append(true)
        .open(machine.path("target/failed.txt"));
    let long_ago = std::time::SystemTime::UNIX_EPOCH;
    failure
        .expect("a file")
        .set_modified(long_ago)
        .expect("a time");
    machine.apt(": >redis-server.deb");
    machine.unpacks(REDIS);
    assert!(machine.version().is_ok());
}

#[test]
fn a_package_that_does_not_run_here_or_is_old_is_told_of() {
    for (server, reason) in [
        ("exit 127", "but its redis-server does not run here"),
        (
            "echo Redis server v=6.0.16",
            "is Redis 6.0.16, which is too old",
        ),
    ] {
        let machine = Machine::debian(1000, ": >redis-server.deb");
        machine.unpacks(server);
        let told = machine.version().expect_err("it is of no use");
        assert!(told.contains(reason), "{told}");
    }
}
