//! Debian's package: installed as root, and otherwise unpacked into `target/real-redis/debian`.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::install::{Absent, Search};
use crate::waiting::within;

/// What `redis-server` is made of, but for what every Debian has.
const PACKAGES: [&str; 4] = ["redis-server", "redis-tools", "liblzf1", "libjemalloc2"];

/// Some ten seconds are usual.
const LIMIT: Duration = Duration::from_secs(180);

/// Installs with a policy that starts no service: a server on the usual port is nothing that tests
/// should leave behind. A policy that is there already stays, whatever it says.
const INSTALL: &str = r#"
policy=$0
if [ ! -e "$policy" ]; then
    trap 'rm -f -- "$policy"' EXIT
    trap 'exit 130' HUP INT TERM
    printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy" || exit
fi
apt-get install -y --no-install-recommends redis-server
"#;

/// True where the package can be fetched.
pub(crate) fn is_here(search: &Search) -> bool {
    search.program("apt-get").is_some() && search.program("dpkg").is_some()
}

/// Fetches the package.
pub(crate) fn fetch(search: &Search) -> Result<(), Absent> {
    // What is said from here on is of this attempt.
    File::create(search.folder.join("apt.log"))?;
    match is_root(search) {
        true => install(search),
        false => unpack(search),
    }
}

/// The folders with shared libraries of what was unpacked, as in `LD_LIBRARY_PATH`.
pub(crate) fn libraries(unpacked: &Path) -> OsString {
    let all = unpacked.join("usr/lib");
    let mut folders: Vec<PathBuf> = fs::read_dir(&all)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_dir())
        .collect();
    folders.push(all);
    // A folder whose name has a colon in it cannot be named there at all.
    std::env::join_paths(folders).unwrap_or_default()
}

fn is_root(search: &Search) -> bool {
    let output = command(search, "id").arg("-u").output();
    output.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

fn install(search: &Search) -> Result<(), Absent> {
    let install = || {
        let mut sh = command(search, "sh");
        sh.args(["-c", INSTALL]).arg(&search.policy);
        run(search, sh, "apt-get install redis-server")
    };
    install().or_else(|_| {
        // A fresh image has no lists of packages, and an old one old ones.
        let mut update = command(search, "apt-get");
        update.arg("update");
        run(search, update, "apt-get update")?;
        install()
    })
}

fn unpack(search: &Search) -> Result<(), Absent> {
    let packages = search.folder.join("packages");
    // What was left of another attempt may be of another version.
    let _ = fs::remove_dir_all(&packages);
    fs::create_dir_all(&packages)?;
    download(search, &packages, &[]).or_else(|_| {
        // As in `install`, but with lists of our own: those of the system are for root to change.
        let own = own_lists(&search.folder)?;
        let mut update = command(search, "apt-get");
        update.args(&own).arg("update");
        run(search, update, "apt-get update")?;
        download(search, &packages, &own)
    })?;
    let unfinished = search.folder.join("debian.unfinished");
    let _ = fs::remove_dir_all(&unfinished);
    for entry in fs::read_dir(&packages)? {
        let mut dpkg = command(search, "dpkg");
        dpkg.arg("-x").arg(entry?.path()).arg(&unfinished);
        run(search, dpkg, "dpkg -x")?;
    }
    let _ = fs::remove_dir_all(&packages);
    let unpacked = search.folder.join("debian");
    let _ = fs::remove_dir_all(&unpacked);
    // Its name says that all of it is there.
    Ok(fs::rename(unfinished, unpacked)?)
}

fn download(search: &Search, folder: &Path, options: &[String]) -> Result<(), Absent> {
    let mut download = command(search, "apt-get");
    download.current_dir(folder).args(options);
    download.arg("download").args(PACKAGES);
    run(search, download, "apt-get download redis-server")
}

/// Has apt keep its lists and its cache in a folder of ours.
fn own_lists(folder: &Path) -> Result<Vec<String>, Absent> {
    let apt = folder.join("apt");
    fs::create_dir_all(apt.join("lists/partial"))?;
    fs::create_dir_all(apt.join("cache/archives/partial"))?;
    let option = |name: &str, folder: PathBuf| format!("-oDir::{name}={}", folder.display());
    Ok(vec![
        option("State::Lists", apt.join("lists")),
        option("Cache", apt.join("cache")),
    ])
}

/// A program that finds others on the search's path alone.
fn command(search: &Search, name: &str) -> Command {
    let mut command = Command::new(search.program(name).unwrap_or_else(|| name.into()));
    command
        .env("PATH", &search.path)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null());
    command
}

/// Runs to the end, with all it says in `apt.log`.
fn run(search: &Search, mut command: Command, name: &str) -> Result<(), Absent> {
    let path = search.folder.join("apt.log");
    let begins = fs::metadata(&path)?.len();
    let log = File::options().append(true).open(&path)?;
    let mut child = command.stdout(log.try_clone()?).stderr(log).spawn()?;
    let Some(status) = within(LIMIT, || child.try_wait().transpose()) else {
        // Fails only where it has just ended by itself.
        let _ = child.kill();
        let _ = child.wait();
        let limit = LIMIT.as_secs();
        return Err(Absent(format!("`{name}` took longer than {limit} s")));
    };
    if status?.success() {
        return Ok(());
    }
    let said = fs::read(&path)?;
    let said = usize::try_from(begins)
        .ok()
        .and_then(|begins| said.get(begins..));
    let said = String::from_utf8_lossy(said.unwrap_or_default()).into_owned();
    let error = said.lines().find(|line| line.starts_with("E: "));
    let first = error.or(said.lines().last()).unwrap_or("without a word");
    Err(Absent(format!(
        "`{name}` failed: {first}; all it said is in target/real-redis/apt.log"
    )))
}
