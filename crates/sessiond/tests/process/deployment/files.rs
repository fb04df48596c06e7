//! Reading the files.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::Value;

pub(super) const KUBERNETES: [&str; 3] = [
    "kubernetes.yaml",
    "kubernetes-secret.yaml",
    "kubernetes-redis.yaml",
];

/// The top of the repository.
pub(super) fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
    root.expect("this crate is in a workspace").to_owned()
}

pub(super) fn folder() -> PathBuf {
    root().join("docs/deploy")
}

/// The names of all files in the folder.
pub(super) fn all() -> Vec<String> {
    let names = fs::read_dir(folder()).unwrap();
    let mut names: Vec<_> = names
        .map(|entry| entry.unwrap())
        // Keys and what belongs to git alone may lie here too.
        .filter(|entry| entry.file_type().unwrap().is_file())
        .map(|entry| entry.file_name().into_string().unwrap())
        .filter(|name| !name.ends_with(".env"))
        .collect();
    names.sort();
    names
}

pub(super) fn text(name: &str) -> String {
    let path = folder().join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The documents of a YAML file. A key that is there twice is an error.
pub(super) fn documents(name: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(&text(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

pub(super) fn compose() -> Value {
    let mut documents = documents("compose.yaml");
    assert_eq!(documents.len(), 1);
    documents.remove(0)
}

/// Everything that Kubernetes is told.
pub(super) fn objects() -> Vec<Value> {
    KUBERNETES.into_iter().flat_map(documents).collect()
}

/// The one object of a kind and a name.
pub(super) fn object(kind: &str, name: &str) -> Value {
    let mut found = objects();
    found.retain(|object| object["kind"] == kind && object["metadata"]["name"] == name);
    assert_eq!(found.len(), 1, "{kind} {name}");
    found.remove(0)
}

/// What is at a JSON pointer, which must be there.
pub(super) fn at<'a>(value: &'a Value, pointer: &str) -> &'a Value {
    let found = value.pointer(pointer);
    found.unwrap_or_else(|| panic!("there is no {pointer} in {value}"))
}

pub(super) fn word<'a>(value: &'a Value, pointer: &str) -> &'a str {
    let found = at(value, pointer).as_str();
    found.unwrap_or_else(|| panic!("{pointer} is no text in {value}"))
}

pub(super) fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    let found = at(value, pointer).as_array();
    found.unwrap_or_else(|| panic!("{pointer} is no list in {value}"))
}

pub(super) fn keys(value: &Value) -> Vec<String> {
    let map = value.as_object();
    let map = map.unwrap_or_else(|| panic!("no map: {value}"));
    map.keys().cloned().collect()
}

/// The instructions of the Dockerfile, without comments and broken lines.
pub(super) fn dockerfile() -> Vec<(String, String)> {
    let text = text("Dockerfile");
    let lines = text.lines().filter(|line| !line.trim().starts_with('#'));
    let whole = lines.collect::<Vec<_>>().join("\n").replace("\\\n", " ");
    let instructions = whole.lines().filter(|line| !line.trim().is_empty());
    let split = |line: &str| {
        let (name, rest) = line.split_once(' ').expect("an instruction has arguments");
        let rest = rest.split_whitespace().collect::<Vec<_>>().join(" ");
        (name.to_owned(), rest)
    };
    instructions.map(split).collect()
}

/// What the Dockerfile says in its last stage.
pub(super) fn last_stage() -> Vec<(String, String)> {
    let mut instructions = dockerfile();
    let from = instructions.iter().rposition(|(name, _)| name == "FROM");
    instructions.split_off(from.expect("there is a stage"))
}

/// The arguments of the one instruction of the last stage with this name.
pub(super) fn of_image(name: &str) -> String {
    let mut found = last_stage();
    found.retain(|(instruction, _)| instruction == name);
    assert_eq!(found.len(), 1, "{name} of the image");
    found.remove(0).1
}

/// The environment that the image sets.
pub(super) fn image_environment() -> BTreeMap<String, String> {
    let pairs = of_image("ENV");
    let pairs = pairs.split(' ').map(|pair| pair.split_once('=').unwrap());
    pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// Where the server listens in its container.
pub(super) fn listens() -> SocketAddr {
    image_environment()["SESSION_LISTEN"].parse().unwrap()
}

/// The number of the image's user.
pub(super) fn image_user() -> u64 {
    let user = of_image("USER");
    let (user, group) = user.split_once(':').expect("user and group");
    assert_eq!(user, group);
    user.parse().expect("a number, so that it can be checked")
}

/// Says nothing of whether the tag can be moved; `latest` and its like are no version.
#[track_caller]
pub(super) fn assert_is_pinned(image: &str) {
    let (name, tag) = image.rsplit_once(':').expect("an image has a tag");
    let has_version = |text: &str| text.bytes().any(|byte| byte.is_ascii_digit());
    // Distroless has the version in the name.
    let of_name = name.rsplit('/').next().unwrap();
    let in_name = of_name
        .rsplit_once("-debian")
        .is_some_and(|(_, v)| has_version(v));
    let in_tag = tag.starts_with(|first: char| first.is_ascii_digit()) && tag.contains('.');
    assert!(in_name || in_tag, "{image} is pinned to no version");
}
