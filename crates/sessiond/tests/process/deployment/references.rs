//! Whatever a Kubernetes object names must be there: else its pods wait for ever.

use serde_json::Value;

use super::files::{at, list, object, objects, word};

/// Everything under this key, however deep.
fn under<'a>(value: &'a Value, key: &str, found: &mut Vec<&'a Value>) {
    match value {
        Value::Object(map) => {
            found.extend(map.get(key));
            map.values().for_each(|value| under(value, key, found));
        }
        Value::Array(list) => list.iter().for_each(|value| under(value, key, found)),
        _ => {}
    }
}

fn all<'a>(objects: &'a [Value], key: &str) -> Vec<&'a Value> {
    let mut found = Vec::new();
    objects
        .iter()
        .for_each(|object| under(object, key, &mut found));
    found
}

#[test]
fn every_key_of_a_secret_is_in_it_and_none_is_left_over() {
    let objects = objects();
    let used = all(&objects, "secretKeyRef");
    for reference in &used {
        let secret = object("Secret", word(reference, "/name"));
        at(&secret, &format!("/stringData/{}", word(reference, "/key")));
    }
    let secret = object("Secret", "sessiond");
    for name in at(&secret, "/stringData").as_object().unwrap().keys() {
        assert!(
            used.iter().any(|reference| reference["key"] == **name),
            "{name}"
        );
    }
}

#[test]
fn every_config_map_is_there() {
    let objects = objects();
    let of_environment = all(&objects, "configMapRef");
    assert_eq!(of_environment.len(), 1);
    for reference in of_environment {
        object("ConfigMap", word(reference, "/name"));
    }
    // As a volume. The objects themselves are of that kind too, but have it as a word.
    let of_volumes = all(&objects, "configMap");
    assert_eq!(of_volumes.len(), 1);
    for reference in of_volumes {
        object("ConfigMap", word(reference, "/name"));
    }
}

#[test]
fn every_mount_has_a_volume() {
    for object in objects() {
        let Some(pod) = object.pointer("/spec/template/spec") else {
            continue;
        };
        let mut volumes: Vec<_> = list(pod, "/volumes")
            .iter()
            .map(|v| word(v, "/name"))
            .collect();
        if let Some(claims) = object.pointer("/spec/volumeClaimTemplates") {
            let claims = claims.as_array().unwrap().iter();
            volumes.extend(claims.map(|claim| word(claim, "/metadata/name")));
        }
        let mounts: Vec<_> = list(pod, "/containers/0/volumeMounts")
            .iter()
            .map(|mount| word(mount, "/name"))
            .collect();
        for mount in &mounts {
            assert!(volumes.contains(mount), "{mount}");
        }
        for volume in &volumes {
            assert!(mounts.contains(volume), "{volume} is mounted nowhere");
        }
    }
}

#[test]
fn every_selector_finds_its_pods() {
    let label = |kind, name, pointer: &str| at(&object(kind, name), pointer).clone();
    for (kind, name) in [("Deployment", "sessiond"), ("StatefulSet", "redis")] {
        let labels = label(kind, name, "/spec/template/metadata/labels");
        assert_eq!(label(kind, name, "/spec/selector/matchLabels"), labels);
        assert_eq!(label("Service", name, "/spec/selector"), labels);
    }
    let labels = label("Deployment", "sessiond", "/spec/template/metadata/labels");
    let budget = label(
        "PodDisruptionBudget",
        "sessiond",
        "/spec/selector/matchLabels",
    );
    assert_eq!(budget, labels);
    let spread = "/spec/template/spec/topologySpreadConstraints/0/labelSelector/matchLabels";
    assert_eq!(label("Deployment", "sessiond", spread), labels);
    assert_ne!(
        labels,
        label("StatefulSet", "redis", "/spec/template/metadata/labels")
    );
    assert_eq!(label("StatefulSet", "redis", "/spec/serviceName"), "redis");
}
