//! `Dockerfile`.

use std::fs;
use std::path::Path;

use super::files::{assert_is_pinned, dockerfile, image_environment, image_user, last_stage};
use super::files::{listens, of_image, root, text};

/// Debian's releases by name and number.
const DEBIAN: [(&str, &str); 2] = [("bookworm", "12"), ("trixie", "13")];

fn stages() -> Vec<String> {
    let mut instructions = dockerfile();
    instructions.retain(|(name, _)| name == "FROM");
    let image = |from: String| from.split(' ').next().unwrap().to_owned();
    instructions
        .into_iter()
        .map(|(_, from)| image(from))
        .collect()
}

#[test]
fn it_builds_with_the_toolchain_of_the_repository() {
    let toolchain = fs::read_to_string(root().join("rust-toolchain.toml")).unwrap();
    let toolchain: toml::Table = toolchain.parse().unwrap();
    let version = toolchain["toolchain"]["channel"].as_str().unwrap();
    assert!(stages()[0].starts_with(&format!("rust:{version}-")));
}

/// A program that was linked with a newer glibc does not start.
#[test]
fn it_runs_on_the_debian_that_it_was_built_on() {
    let [build, run] = <[String; 2]>::try_from(stages()).expect("two stages");
    assert_is_pinned(&build);
    assert_is_pinned(&run);
    let (_, number) = DEBIAN
        .iter()
        .find(|(name, _)| build.ends_with(name))
        .unwrap();
    assert!(run.contains(&format!("-debian{number}:")), "{build}, {run}");
}

#[test]
fn nothing_of_the_builder_is_in_it_but_the_program() {
    let copies = last_stage();
    let copies = copies.iter().filter(|(name, _)| name == "COPY");
    let copies: Vec<_> = copies.map(|(_, what)| what.as_str()).collect();
    let program = env!("CARGO_BIN_EXE_sessiond");
    let program = Path::new(program).file_name().unwrap().to_str().unwrap();
    let user = image_user();
    assert_eq!(
        copies,
        [
            format!("--from=build /out/{program} /usr/local/bin/{program}"),
            format!("--from=build --chown={user}:{user} /empty/ /"),
        ]
    );
    assert_eq!(of_image("ENTRYPOINT"), format!("[\"{program}\"]"));
    assert!(last_stage().iter().all(|(name, _)| name != "RUN"));
    let run = dockerfile()
        .into_iter()
        .find(|(name, _)| name == "RUN")
        .unwrap()
        .1;
    for step in [
        format!("cargo build --locked --release --package {program} "),
        format!("install -D target/release/{program} /out/{program} "),
    ] {
        assert!(run.contains(&step), "{run}");
    }
}

#[test]
fn its_data_folder_is_its_users_alone() {
    assert_ne!(image_user(), 0);
    let folder = &image_environment()["SESSION_DATA_DIR"];
    let made = format!("install -d -m 0700 /empty{folder}");
    let run = dockerfile()
        .into_iter()
        .find(|(name, _)| name == "RUN")
        .unwrap()
        .1;
    assert!(run.ends_with(&made), "{run}");
}

#[test]
fn it_listens_for_others_on_the_port_that_it_exposes() {
    assert!(listens().ip().is_unspecified());
    assert_eq!(of_image("EXPOSE"), listens().port().to_string());
}

/// What a layer held once, it holds for ever.
#[test]
fn no_secret_can_get_into_a_layer() {
    assert!(
        dockerfile()
            .iter()
            .all(|(name, _)| name != "ARG" && name != "ADD")
    );
    let environment: Vec<_> = image_environment().into_keys().collect();
    assert_eq!(environment, ["SESSION_DATA_DIR", "SESSION_LISTEN"]);
    // From the repository come sources alone, whatever else lies there.
    let ignore = text("Dockerfile.dockerignore");
    let mut lines = ignore.lines().filter(|line| !line.starts_with('#'));
    assert_eq!(lines.next(), Some("*"));
    assert!(lines.all(|line| line.starts_with('!')));
}

#[test]
fn what_it_is_built_from_is_there_and_is_everything() {
    let mut copied = Vec::new();
    for (name, what) in dockerfile() {
        if name == "COPY" && !what.contains("--from=") {
            let (sources, _) = what.rsplit_once(' ').unwrap();
            copied.extend(sources.split(' ').map(str::to_owned));
        }
    }
    let ignore = text("Dockerfile.dockerignore");
    for source in &copied {
        assert!(root().join(source).exists(), "{source}");
        assert!(
            ignore.lines().any(|line| line == format!("!{source}")),
            "{source}"
        );
    }
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let manifest: toml::Table = manifest.parse().unwrap();
    let members = manifest["workspace"]["members"].as_array().unwrap();
    let members = members.iter().map(|member| member.as_str().unwrap());
    let members = members.map(|member| member.split('/').next().unwrap());
    for needed in members.chain([".cargo", "Cargo.lock", "Cargo.toml"]) {
        assert!(copied.iter().any(|source| source == needed), "{needed}");
    }
}
