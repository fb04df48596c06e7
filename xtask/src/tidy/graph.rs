//! What `cargo metadata` says, cut down to what the rules ask for.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use crate::process::{Failure, Outcome};

/// An index into [`Graph::packages`].
pub(super) type Id = usize;

/// Every package of the tree, each with the dependencies that it declares.
#[derive(Debug, Default)]
pub(super) struct Graph {
    pub(super) packages: Vec<Package>,
}

#[derive(Debug, Default)]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) manifest: String,
    pub(super) is_member: bool,
    /// Runs in the compiler and is linked into nothing.
    pub(super) is_proc_macro: bool,
    pub(super) features: BTreeMap<String, Vec<String>>,
    pub(super) dependencies: Vec<Dependency>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Dependency {
    /// The name that the manifest gives it, which features refer to.
    pub(super) alias: String,
    pub(super) package: Id,
    pub(super) kind: Kind,
    pub(super) optional: bool,
    pub(super) features: Vec<String>,
    pub(super) default_features: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) enum Kind {
    #[default]
    Normal,
    Build,
    Dev,
}

impl Graph {
    /// Reads the output of `cargo metadata --format-version 1`.
    pub(super) fn parse(json: &[u8]) -> Outcome<Self> {
        let metadata: Value = serde_json::from_slice(json)
            .map_err(|error| Failure::new(format!("`cargo metadata` is no JSON: {error}")))?;
        let packages = list(&metadata["packages"]);
        let ids: HashMap<&str, Id> = packages
            .iter()
            .enumerate()
            .map(|(id, package)| (text(&package["id"]), id))
            .collect();
        let nodes: HashMap<&str, &Value> = list(&metadata["resolve"]["nodes"])
            .iter()
            .map(|node| (text(&node["id"]), node))
            .collect();
        let members = list(&metadata["workspace_members"]);
        let packages = packages
            .iter()
            .map(|package| Package {
                name: text(&package["name"]).to_owned(),
                manifest: text(&package["manifest_path"]).to_owned(),
                is_member: members.contains(&package["id"]),
                is_proc_macro: list(&package["targets"]).iter().any(|target| {
                    list(&target["kind"])
                        .iter()
                        .any(|kind| kind == "proc-macro")
                }),
                features: features(&package["features"]),
                dependencies: dependencies(
                    package,
                    nodes.get(text(&package["id"])),
                    &ids,
                    packages,
                ),
            })
            .collect();
        Ok(Self { packages })
    }

    pub(super) fn members(&self) -> impl Iterator<Item = (Id, &Package)> {
        self.packages
            .iter()
            .enumerate()
            .filter(|(_, package)| package.is_member)
    }
}

/// What the package declares, each matched with what cargo chose for it. A declaration that cargo
/// chose nothing for is an optional one that no feature in the workspace turns on.
fn dependencies(
    package: &Value,
    node: Option<&&Value>,
    ids: &HashMap<&str, Id>,
    packages: &[Value],
) -> Vec<Dependency> {
    let Some(node) = node else { return Vec::new() };
    let chosen: Vec<(&str, Id)> = list(&node["deps"])
        .iter()
        .filter_map(|dep| Some((text(&dep["name"]), *ids.get(text(&dep["pkg"]))?)))
        .collect();
    list(&package["dependencies"])
        .iter()
        .filter_map(|declared| {
            let alias = declared["rename"]
                .as_str()
                .unwrap_or(text(&declared["name"]));
            let named = |(_, id): &&(&str, Id)| packages[*id]["name"] == declared["name"];
            // Two versions of one package differ in their alias, if at all.
            let aliased = |(name, _): &&(&str, Id)| *name == alias.replace('-', "_");
            let (_, package) = chosen
                .iter()
                .find(|choice| named(choice) && aliased(choice))
                .or_else(|| chosen.iter().find(named))?;
            Some(Dependency {
                alias: alias.to_owned(),
                package: *package,
                kind: kind(&declared["kind"]),
                optional: declared["optional"] == true,
                features: texts(&declared["features"]),
                default_features: declared["uses_default_features"] == true,
            })
        })
        .collect()
}

fn kind(value: &Value) -> Kind {
    match value.as_str() {
        Some("dev") => Kind::Dev,
        Some("build") => Kind::Build,
        _ => Kind::Normal,
    }
}

fn features(value: &Value) -> BTreeMap<String, Vec<String>> {
    let entries = value.as_object().into_iter().flatten();
    entries
        .map(|(name, needs)| (name.clone(), texts(needs)))
        .collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn texts(value: &Value) -> Vec<String> {
    list(value)
        .iter()
        .map(|item| text(item).to_owned())
        .collect()
}
