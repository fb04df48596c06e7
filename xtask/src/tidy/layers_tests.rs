//! The rules against made-up metadata, in the shape that cargo prints.

use serde_json::{Value, json};

use super::*;

#[test]
fn a_clean_tree_breaks_no_rule() {
    let tree = Tree::new()
        .member("session-core", &[])
        .member("app", &[dep("session-core")]);
    assert_eq!(tree.findings(), Vec::<String>::new());
}

#[test]
fn a_forbidden_dependency_is_found() {
    let tree = Tree::new()
        .member("session-core", &[dep("tokio")])
        .package("tokio", &[], json!({}));
    assert_eq!(
        tree.findings(),
        ["session-core: must not reach tokio by session-core → tokio"]
    );
}

#[test]
fn a_forbidden_dependency_is_found_behind_another_one() {
    let tree = Tree::new()
        .member("session-core", &[dep("innocent")])
        .package("innocent", &[dep("sqlx-core")], json!({}))
        .package("sqlx-core", &[], json!({}));
    assert_eq!(
        tree.findings(),
        ["session-core: must not reach sqlx-core by session-core → innocent → sqlx-core"]
    );
}

#[test]
fn a_dependency_for_tests_is_exempt_and_one_for_building_is_not() {
    let tree = |kind: &str| {
        let mut tokio = dep("tokio");
        tokio["kind"] = json!(kind);
        Tree::new()
            .member("session-core", &[tokio])
            .package("tokio", &[], json!({}))
    };
    assert_eq!(tree("dev").findings().len(), 0);
    assert_eq!(tree("build").findings().len(), 1);
}

#[test]
fn a_feature_that_only_another_crate_turns_on_does_not_count() {
    let mut with_rng = dep("uuid");
    with_rng["features"] = json!(["rng"]);
    let rand = || {
        let mut rand = dep("rand");
        rand["optional"] = json!(true);
        rand
    };
    let features = json!({"rng": ["dep:rand"], "default": ["rng"]});
    let tree = |core: Value| {
        Tree::new()
            .member("session-core", &[core])
            .member("app", &[with_rng.clone()])
            .package("uuid", &[rand()], features.clone())
            .package("rand", &[], json!({}))
    };
    assert_eq!(tree(dep("uuid")).findings(), Vec::<String>::new());
    let mut with_default = dep("uuid");
    with_default["uses_default_features"] = json!(true);
    assert_eq!(
        tree(with_default).findings(),
        [
            "session-core: must not reach rand by session-core → uuid → rand",
            "session-core: must not turn on the feature `rng` of uuid",
        ]
    );
}

#[test]
fn a_feature_of_the_crate_itself_counts() {
    let mut tokio = dep("tokio");
    tokio["optional"] = json!(true);
    let tree = Tree::new()
        .member("session-core", &[tokio])
        .package("tokio", &[], json!({}));
    let on = tree.with_features("session-core", json!({"io": ["dep:tokio"]}));
    assert_eq!(on.findings().len(), 1);
}

#[test]
fn the_clock_of_chrono_is_kept_out_of_the_core() {
    let mut chrono = dep("chrono");
    chrono["features"] = json!(["clock"]);
    let tree = Tree::new().member("session-core", &[chrono]).package(
        "chrono",
        &[],
        json!({"clock": ["now"], "now": []}),
    );
    assert_eq!(
        tree.findings(),
        ["session-core: must not turn on the feature `clock` of chrono"]
    );
}

#[test]
fn the_use_cases_reach_a_database_through_an_adapter_alone() {
    let tree = |deps: &[Value]| {
        Tree::new()
            .member("app", deps)
            .member("store-sqlite", &[dep("sqlx")])
            .package("sqlx", &[], json!({}))
    };
    assert_eq!(
        tree(&[dep("store-sqlite")]).findings(),
        Vec::<String>::new()
    );
    assert_eq!(
        tree(&[dep("store-sqlite"), dep("sqlx")]).findings(),
        ["app: must not reach sqlx by app → sqlx"]
    );
}

#[test]
fn the_face_names_no_store_and_no_store_another() {
    let tree = Tree::new()
        .member("http-api", &[dep("app"), dep("store-memory")])
        .member("app", &[dep("store-memory")])
        .member("store-memory", &[dep("store-sqlite")])
        .member("store-sqlite", &[]);
    assert_eq!(
        tree.findings(),
        [
            "http-api: must not reach store-memory by http-api → store-memory",
            "store-memory: must not reach store-sqlite by store-memory → store-sqlite",
        ]
    );
}

#[test]
fn the_contract_is_for_tests_alone() {
    let tree = Tree::new()
        .member("sessiond", &[dep("store-contract")])
        .member("store-contract", &[]);
    assert_eq!(tree.findings().len(), 1);
}

#[test]
fn what_is_real_is_for_tests_and_the_chores() {
    for real in ["real-provider", "real-redis"] {
        let tree = |name: &str| Tree::new().member(name, &[dep(real)]).member(real, &[]);
        assert_eq!(
            tree("sessiond").findings(),
            [format!(
                "sessiond: must not reach {real} by sessiond → {real}"
            )]
        );
        assert_eq!(tree("xtask").findings(), Vec::<String>::new());
    }
}

#[test]
fn a_crate_without_a_row_is_found() {
    let tree = Tree::new().member("surprise", &[]);
    assert_eq!(
        tree.findings(),
        ["surprise: has no row in xtask/src/tidy/layers.rs"]
    );
}

/// Builds the output of `cargo metadata`, package by package.
struct Tree {
    packages: Vec<Value>,
}

fn dep(name: &str) -> Value {
    json!({
        "name": name, "rename": null, "kind": null, "optional": false,
        "features": [], "uses_default_features": false,
    })
}

impl Tree {
    fn new() -> Self {
        Self {
            packages: Vec::new(),
        }
    }

    fn member(mut self, name: &str, deps: &[Value]) -> Self {
        self.packages.push(json!({
            "id": name, "name": name, "manifest_path": "", "features": {},
            "targets": [{"kind": ["lib"]}], "dependencies": deps, "member": true,
        }));
        self
    }

    fn package(self, name: &str, deps: &[Value], features: Value) -> Self {
        let mut tree = self.member(name, deps).with_features(name, features);
        for package in &mut tree.packages {
            if package["name"] == name {
                package["member"] = json!(false);
            }
        }
        tree
    }

    fn with_features(mut self, name: &str, features: Value) -> Self {
        for package in &mut self.packages {
            if package["name"] == name {
                package["features"] = features.clone();
            }
        }
        self
    }

    /// The place and the rule of each finding, without its reason.
    fn findings(&self) -> Vec<String> {
        let nodes: Vec<Value> = self.packages.iter().map(node).collect();
        let members: Vec<&Value> = self
            .packages
            .iter()
            .filter(|package| package["member"] == true)
            .map(|package| &package["id"])
            .collect();
        let metadata = json!({
            "packages": self.packages,
            "workspace_members": members,
            "resolve": {"nodes": nodes},
        });
        let graph = Graph::parse(metadata.to_string().as_bytes()).expect("it is JSON");
        check(&graph)
            .iter()
            .map(|finding| format!("{}: {}", finding.place, finding.what))
            .collect()
    }
}

/// Cargo's choice for each declaration, as its resolver would note it.
fn node(package: &Value) -> Value {
    let deps: Vec<Value> = package["dependencies"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|dep| {
            let alias = dep["name"].as_str().expect("a name").replace('-', "_");
            json!({"name": alias, "pkg": dep["name"]})
        })
        .collect();
    json!({"id": package["id"], "deps": deps})
}
