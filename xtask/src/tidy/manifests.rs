//! What every crate of the workspace owes: shared lints, documented items, a place in the picture.

use std::fs;
use std::path::Path;

use super::graph::{Graph, Package};
use super::{Finding, shown};
use crate::process::Outcome;

const PICTURE: &str = "docs/architecture.md";

pub(super) fn check(root: &Path, graph: &Graph) -> Outcome<Vec<Finding>> {
    // A picture that is not there names no crate, which is then what is found.
    let picture = fs::read_to_string(root.join(PICTURE)).unwrap_or_default();
    let mut findings = Vec::new();
    for (_, package) in graph.members() {
        findings.extend(named(package, &picture));
        findings.extend(lints(root, package)?);
        findings.extend(documented(root, package)?);
    }
    Ok(findings)
}

fn named(package: &Package, picture: &str) -> Option<Finding> {
    let name = &package.name;
    let found =
        picture.contains(&format!("`{name}`")) || picture.contains(&format!("`crates/{name}`"));
    (!found).then(|| Finding {
        place: name.clone(),
        what: format!("is not named in {PICTURE}"),
        why: "a newcomer finds each crate in the picture, and so knows where a change goes",
    })
}

fn lints(root: &Path, package: &Package) -> Outcome<Option<Finding>> {
    let manifest = Path::new(&package.manifest);
    Ok(
        (!inherits_lints(&fs::read_to_string(manifest)?)).then(|| Finding {
            place: shown(root, manifest),
            what: "lacks `[lints] workspace = true`".to_owned(),
            why: "cargo warns of no lint that a crate forgot to inherit",
        }),
    )
}

fn inherits_lints(manifest: &str) -> bool {
    let mut section = String::new();
    manifest
        .lines()
        .map(|line| line.replace(' ', ""))
        .any(|line| {
            if line.starts_with('[') {
                section.clone_from(&line);
            }
            (section == "[lints]" && line == "workspace=true") || line == "lints.workspace=true"
        })
}

fn documented(root: &Path, package: &Package) -> Outcome<Option<Finding>> {
    let library = Path::new(&package.manifest).with_file_name("src/lib.rs");
    if !library.is_file() {
        return Ok(None);
    }
    Ok(
        (!denies_missing_docs(&fs::read_to_string(&library)?)).then(|| Finding {
            place: shown(root, &library),
            what: "lacks `#![deny(missing_docs)]`".to_owned(),
            why: "others build on the libraries, and read their documentation first",
        }),
    )
}

fn denies_missing_docs(source: &str) -> bool {
    source.lines().any(|line| {
        (line.starts_with("#![deny(") || line.starts_with("#![forbid("))
            && line.contains("missing_docs")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lints_are_inherited_in_either_spelling_and_nowhere_else() {
        assert!(inherits_lints(
            "[package]\nname = \"a\"\n\n[lints]\nworkspace = true\n"
        ));
        assert!(inherits_lints("lints.workspace = true\n[package]\n"));
        assert!(!inherits_lints(
            "[dependencies.serde]\nworkspace = true\n[lints]\n"
        ));
    }

    #[test]
    fn a_comment_about_missing_docs_denies_nothing() {
        assert!(denies_missing_docs("//! Docs.\n#![deny(missing_docs)]\n"));
        assert!(!denies_missing_docs(
            "// #![deny(missing_docs)]\n#![warn(missing_docs)]\n"
        ));
    }
}
