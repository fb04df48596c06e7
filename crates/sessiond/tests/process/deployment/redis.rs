//! `redis.conf`, and the two ways in which it is used.

use serde_json::Value;

use super::files::{compose, list, object, text, word};

/// Where the file is in the container.
const CONF: &str = "/usr/local/etc/redis/redis.conf";

/// The last word on a directive, as Redis takes it.
fn directive(name: &str) -> String {
    let text = text("redis.conf");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let said = lines.filter_map(|line| line.split_once(' '));
    let said: Vec<_> = said.filter(|(directive, _)| *directive == name).collect();
    assert_eq!(said.len(), 1, "{name}: {said:?}");
    said[0].1.to_owned()
}

fn pod() -> Value {
    object("StatefulSet", "redis")["spec"]["template"]["spec"].clone()
}

fn mebibytes(size: &str) -> u64 {
    let digits = size.trim_end_matches(|c: char| !c.is_ascii_digit());
    let number: u64 = digits.parse().unwrap();
    match &size[digits.len()..] {
        "mb" | "Mi" | "m" => number,
        "gb" | "Gi" | "g" => number * 1024,
        unit => panic!("{unit} is no unit that this test knows"),
    }
}

#[test]
fn nothing_that_was_acknowledged_is_lost() {
    assert_eq!(directive("appendonly"), "yes");
    assert_eq!(directive("appendfsync"), "always");
}

#[test]
fn a_full_redis_refuses_and_forgets_nothing() {
    assert_eq!(directive("maxmemory-policy"), "noeviction");
    // Half of what it may take is for rewriting the file: else it is killed before it is full.
    let full = mebibytes(&directive("maxmemory"));
    let compose = compose();
    assert!(2 * full <= mebibytes(word(&compose, "/services/redis/mem_limit")));
    assert!(2 * full <= mebibytes(word(&pod(), "/containers/0/resources/limits/memory")));
}

#[test]
fn its_data_outlives_the_container() {
    let folder = directive("dir");
    let compose = compose();
    let volumes = list(&compose, "/services/redis/volumes");
    assert_eq!(
        volumes,
        [format!("./redis.conf:{CONF}:ro"), format!("redis:{folder}")]
    );
    let set = object("StatefulSet", "redis");
    let claimed = word(&set, "/spec/volumeClaimTemplates/0/metadata/name");
    let pod = pod();
    let mounts = list(&pod, "/containers/0/volumeMounts");
    let data = mounts
        .iter()
        .find(|mount| mount["mountPath"] == folder)
        .unwrap();
    assert_eq!(data["name"], claimed);
}

#[test]
fn kubernetes_has_the_same_file_in_the_same_place() {
    let map = object("ConfigMap", "redis");
    assert_eq!(word(&map, "/data/redis.conf"), text("redis.conf"));
    let pod = pod();
    let mounts = list(&pod, "/containers/0/volumeMounts");
    let conf = mounts
        .iter()
        .find(|mount| mount["name"] == "redis-conf")
        .unwrap();
    assert_eq!(format!("{}/redis.conf", word(conf, "/mountPath")), CONF);
}

/// The list of processes is for everybody to see. `exec`, since else the shell would be told to stop, and
/// Redis would not.
#[test]
fn its_password_is_on_no_command_line() {
    let compose = compose();
    let pod = pod();
    for (command, password) in [
        (
            list(&compose, "/services/redis/command"),
            "$$REDIS_PASSWORD",
        ),
        (list(&pod, "/containers/0/command"), "$REDIS_PASSWORD"),
    ] {
        let script = format!("exec redis-server {CONF} - <<END\nrequirepass {password}\nEND\n");
        assert_eq!(command, ["sh", "-c", &script]);
    }
}

/// `-e`: what Redis refuses is a failure too, such as an answer while it still reads its file.
#[test]
fn it_is_healthy_when_it_answers_who_knows_the_password() {
    let asks = |password: &str| format!("REDISCLI_AUTH={password} redis-cli -e ping");
    let compose = compose();
    let test = list(&compose, "/services/redis/healthcheck/test");
    assert_eq!(test, ["CMD-SHELL", &asks("$$REDIS_PASSWORD")]);
    let pod = pod();
    for probe in ["startupProbe", "readinessProbe"] {
        let command = list(&pod, &format!("/containers/0/{probe}/exec/command"));
        assert_eq!(command, ["sh", "-c", &asks("$REDIS_PASSWORD")], "{probe}");
    }
    // It may read for minutes, which nobody is to cut short.
    assert!(pod["containers"][0].get("livenessProbe").is_none());
}

#[test]
fn it_is_the_same_redis_in_both() {
    let (compose, pod) = (compose(), pod());
    let image = word(&compose, "/services/redis/image");
    assert!(image.starts_with("redis:7."), "{image}");
    assert_eq!(word(&pod, "/containers/0/image"), image);
}
