//! The top of the repository stays small: it is the first thing that a newcomer sees.

use std::fs;
use std::path::Path;

use super::Finding;
use crate::process::Outcome;

/// As `docs/architecture.md` lists it.
const ALLOWED: &[&str] = &[
    ".cargo",
    ".ci",
    ".gitignore",
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "clippy.toml",
    "crates",
    "deny.toml",
    "docs",
    "rust-toolchain.toml",
    "rustfmt.toml",
    "xtask",
];

pub(super) fn check(root: &Path) -> Outcome<Vec<Finding>> {
    let ignored = fs::read_to_string(root.join(".gitignore")).unwrap_or_default();
    let mut names = Vec::new();
    for entry in fs::read_dir(root)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names
        .iter()
        .filter_map(|name| surplus(name, &ignored))
        .collect())
}

fn surplus(name: &str, ignored: &str) -> Option<Finding> {
    let is_ignored = ignored.lines().any(|line| line.trim_matches('/') == name);
    (name != ".git" && !is_ignored && !ALLOWED.contains(&name)).then(|| Finding {
        place: name.to_owned(),
        what: "does not belong on the top level".to_owned(),
        why: "docs/architecture.md lists what does, and each thing has its folder",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_neither_listed_nor_ignored_is_found() {
        let ignored = "/target\n/data\nproptest-regressions/\n";
        let found: Vec<&str> = ["Cargo.toml", ".git", "target", "data", "notes.txt"]
            .into_iter()
            .filter(|name| surplus(name, ignored).is_some())
            .collect();
        assert_eq!(found, ["notes.txt"]);
    }
}
