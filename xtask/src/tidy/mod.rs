//! `cargo xtask tidy`: proves that `docs/architecture.md` tells the truth, and that the habits of
//! the house are kept where no compiler looks.

mod features;
mod graph;
mod layers;
mod manifests;
mod sources;
mod top_level;

use std::fmt;
use std::path::Path;

use crate::process::{self, Failure, Outcome};
use graph::Graph;

pub(crate) fn run() -> Outcome {
    let root = process::root();
    let graph = Graph::parse(&metadata()?)?;
    let mut findings = layers::check(&graph);
    findings.extend(manifests::check(&root, &graph)?);
    findings.extend(sources::check(&root)?);
    findings.extend(top_level::check(&root)?);
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => Ok(()),
        1 => Err(Failure::new("1 rule is broken")),
        many => Err(Failure::new(format!("{many} rules are broken"))),
    }
}

/// One broken rule: where, what, and why the rule is there.
#[derive(Debug)]
struct Finding {
    place: String,
    what: String,
    why: &'static str,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({})", self.place, self.what, self.why)
    }
}

/// With all features, so that an adapter behind a feature is looked at too.
fn metadata() -> Outcome<Vec<u8>> {
    let output = process::cargo()
        .args(["metadata", "--format-version", "1", "--all-features"])
        .stderr(std::process::Stdio::inherit())
        .output()?;
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(Failure::new("`cargo metadata` failed"))
    }
}

/// A path as it is written in the repository, whatever folder that lies in.
fn shown(root: &Path, path: &Path) -> String {
    path.strip_prefix(root)
        .unwrap_or(path)
        .display()
        .to_string()
}
