//! `kubernetes.yaml` and the files beside it.

use serde_json::{Value, json};

use super::files::{assert_is_pinned, at, image_environment, image_user, list, listens, object};
use super::files::{objects, word};
use crate::support::{Server, command};

fn pod() -> Value {
    object("Deployment", "sessiond")["spec"]["template"]["spec"].clone()
}

/// The pods of all workloads.
fn pods() -> Vec<Value> {
    let objects = objects();
    let pods = objects
        .iter()
        .filter_map(|object| object.pointer("/spec/template/spec"));
    let pods: Vec<_> = pods.cloned().collect();
    assert_eq!(pods.len(), 2);
    pods
}

#[test]
fn three_replicas_of_which_two_stay() {
    let deployment = object("Deployment", "sessiond");
    assert_eq!(*at(&deployment, "/spec/replicas"), 3);
    assert_eq!(
        *at(&deployment, "/spec/strategy/rollingUpdate/maxUnavailable"),
        0
    );
    let budget = object("PodDisruptionBudget", "sessiond");
    assert_eq!(*at(&budget, "/spec/minAvailable"), 2);
    // One Redis is one: more would know nothing of each other.
    assert_eq!(*at(&object("StatefulSet", "redis"), "/spec/replicas"), 1);
}

/// A restart because Redis is away would help nobody: so only readiness asks it.
#[test]
fn probes_ask_routes_that_the_server_has() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&mut command(folder.path()));
    let pod = pod();
    for (probe, path) in [
        ("startupProbe", "/health"),
        ("livenessProbe", "/health"),
        ("readinessProbe", "/ready"),
    ] {
        let asks = at(&pod, &format!("/containers/0/{probe}/httpGet"));
        assert_eq!(*asks, json!({"path": path, "port": "http"}), "{probe}");
        let answer = server.connect().without_key().get(path);
        assert_eq!(answer.unwrap().0, 200, "{path}");
    }
}

#[test]
fn ports_agree() {
    let pod = pod();
    let ports = at(&pod, "/containers/0/ports");
    let port = listens().port();
    assert_eq!(*ports, json!([{"name": "http", "containerPort": port}]));
    let service = object("Service", "sessiond");
    assert_eq!(*at(&service, "/spec/ports/0/targetPort"), "http");
    assert_eq!(service["spec"].get("type"), None, "for the cluster alone");
    // Redis is where the settings say.
    let settings = object("ConfigMap", "sessiond");
    let service = object("Service", "redis");
    let port = at(&service, "/spec/ports/0/port");
    let name = word(&service, "/metadata/name");
    let url = word(&settings, "/data/REDIS_URL");
    assert!(url.starts_with(&format!("redis://{name}:{port}/")), "{url}");
    let redis = object("StatefulSet", "redis");
    let of_pod = at(&redis, "/spec/template/spec/containers/0/ports/0");
    assert_eq!(of_pod["containerPort"], *port);
    assert_eq!(of_pod["name"], service["spec"]["ports"][0]["targetPort"]);
}

#[test]
fn nobody_is_root_and_nobody_has_rights_to_spare() {
    for pod in pods() {
        assert_eq!(pod["automountServiceAccountToken"], false);
        // A Service named `redis` would put variables of its own among the settings.
        assert_eq!(pod["enableServiceLinks"], false);
        let user = at(&pod, "/securityContext/runAsUser").as_u64().unwrap();
        let group = at(&pod, "/securityContext/runAsGroup").as_u64().unwrap();
        assert!(user > 0 && group > 0);
        assert_eq!(*at(&pod, "/securityContext/fsGroup"), group);
        assert_eq!(*at(&pod, "/securityContext/runAsNonRoot"), true);
        assert_eq!(
            *at(&pod, "/securityContext/seccompProfile/type"),
            "RuntimeDefault"
        );
        for container in list(&pod, "/containers") {
            assert_is_pinned(word(container, "/image"));
            assert_eq!(
                container["securityContext"],
                json!({
                    "allowPrivilegeEscalation": false,
                    "readOnlyRootFilesystem": true,
                    "capabilities": {"drop": ["ALL"]},
                })
            );
            for amount in ["requests/cpu", "requests/memory", "limits/memory"] {
                at(container, &format!("/resources/{amount}"));
            }
        }
    }
}

#[test]
fn the_pod_is_made_for_the_image() {
    let pod = pod();
    let image = word(&pod, "/containers/0/image");
    assert_eq!(image, concat!("sessiond:", env!("CARGO_PKG_VERSION")));
    assert_eq!(*at(&pod, "/securityContext/runAsUser"), image_user());
    let mounts = at(&pod, "/containers/0/volumeMounts");
    let folder = &image_environment()["SESSION_DATA_DIR"];
    assert_eq!(*mounts, json!([{"name": "data", "mountPath": folder}]));
    assert_eq!(
        *at(&pod, "/volumes"),
        json!([{"name": "data", "emptyDir": {"sizeLimit": "16Mi"}}])
    );
}

/// What a node makes for itself, the others do not know.
#[test]
fn keys_are_the_same_on_all_nodes() {
    let pod = pod();
    let given = list(&pod, "/containers/0/env");
    for name in [
        "SESSION_SERVICE_KEYS",
        "SESSION_ADMIN_KEYS",
        "SESSION_ACCESS_TOKEN_KEYS",
        "SESSION_ENCRYPTION_KEYS",
    ] {
        assert!(
            given.iter().any(|variable| variable["name"] == name),
            "{name}"
        );
    }
}
