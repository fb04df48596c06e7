//! `compose.yaml`.

use serde_json::{Value, json};

use super::files::{assert_is_pinned, at, compose, folder, image_environment, image_user};
use super::files::{keys, list, listens, text, word};

fn services() -> Vec<(String, Value)> {
    let services = at(&compose(), "/services").clone();
    let names = keys(&services);
    names
        .into_iter()
        .map(|name| (name.clone(), services[name].clone()))
        .collect()
}

#[test]
fn nothing_is_reached_from_beyond_the_machine() {
    let port = listens().port();
    for (name, service) in services() {
        let ports = service.get("ports").cloned().unwrap_or(json!([]));
        let expected = match name.as_str() {
            "sessiond" => json!([format!("127.0.0.1:{port}:{port}")]),
            _ => json!([]),
        };
        assert_eq!(ports, expected, "{name}");
    }
    assert!(
        compose()
            .pointer("/services/sessiond/network_mode")
            .is_none()
    );
}

#[test]
fn the_image_is_this_version_built_from_this_repository() {
    let compose = compose();
    let image = word(&compose, "/services/sessiond/image");
    assert_eq!(image, concat!("sessiond:", env!("CARGO_PKG_VERSION")));
    let context = folder().join(word(&compose, "/services/sessiond/build/context"));
    assert!(context.join("Cargo.lock").exists());
    let dockerfile = word(&compose, "/services/sessiond/build/dockerfile");
    assert!(context.join(dockerfile).exists(), "{dockerfile}");
}

#[test]
fn every_service_has_the_rights_that_it_needs_and_no_more() {
    for (name, service) in services() {
        assert_is_pinned(word(&service, "/image"));
        assert_eq!(service["read_only"], true, "{name}");
        assert_eq!(service["cap_drop"], json!(["ALL"]), "{name}");
        assert_eq!(
            service["security_opt"],
            json!(["no-new-privileges:true"]),
            "{name}"
        );
        assert_eq!(service["restart"], "unless-stopped", "{name}");
        assert!(service.get("privileged").is_none(), "{name}");
        assert!(service["mem_limit"].is_string(), "{name}");
        // The image of sessiond names its user itself.
        let user = service.get("user").map(|user| user.as_str().unwrap());
        let is_root = user.is_some_and(|user| user.starts_with('0') || user.starts_with("root"));
        assert!(!is_root && (user.is_some() || name == "sessiond"), "{name}");
    }
}

#[test]
fn the_data_folder_can_be_written_by_the_user_of_the_image() {
    let (user, folder) = (image_user(), &image_environment()["SESSION_DATA_DIR"]);
    let compose = compose();
    let mounted = list(&compose, "/services/sessiond/tmpfs");
    let [mounted] = mounted else {
        panic!("{mounted:?}")
    };
    let expected = format!("{folder}:uid={user},gid={user},mode=0700,");
    assert!(
        mounted.as_str().unwrap().starts_with(&expected),
        "{mounted}"
    );
}

#[test]
fn the_server_waits_for_a_redis_that_answers() {
    let compose = compose();
    let needs = at(&compose, "/services/sessiond/depends_on");
    assert_eq!(*needs, json!({"redis": {"condition": "service_healthy"}}));
    let url = word(&compose, "/services/sessiond/environment/REDIS_URL");
    assert!(url.starts_with("redis://redis:6379/"), "{url}");
}

#[test]
fn secrets_are_in_files_that_git_does_not_take() {
    let compose = compose();
    let server = list(&compose, "/services/sessiond/env_file");
    let redis = list(&compose, "/services/redis/env_file");
    // Redis has no business with the keys of the server.
    assert_eq!(redis, ["redis.env"]);
    assert_eq!(server, ["redis.env", "sessiond.env"]);
    assert!(text(".gitignore").lines().any(|line| line == "*.env"));
    assert!(text(".gitignore").lines().any(|line| line == "keys/"));
}

#[test]
fn every_volume_is_declared_or_a_file_of_the_folder() {
    let compose = compose();
    let declared = keys(at(&compose, "/volumes"));
    for (name, service) in services() {
        let volumes = service.get("volumes").cloned().unwrap_or(json!([]));
        for volume in volumes.as_array().unwrap() {
            let source = volume.as_str().unwrap().split(':').next().unwrap();
            let is_there = match source.strip_prefix("./") {
                Some(file) => folder().join(file).is_file(),
                None => declared.iter().any(|volume| volume == source),
            };
            assert!(is_there, "{name}: {source}");
        }
    }
}
