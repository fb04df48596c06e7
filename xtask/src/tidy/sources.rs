//! Habits that show in the text of a source file.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Finding, shown};
use crate::process::Outcome;

/// Names that say nothing about what is behind them.
const VAGUE: &[&str] = &["common", "helper", "helpers", "misc", "util", "utils"];

/// Written apart, or this file would find itself.
const UNFINISHED: &[&str] = &[concat!("todo", "!("), concat!("unimplemented", "!(")];

pub(super) fn check(root: &Path) -> Outcome<Vec<Finding>> {
    let mut findings = Vec::new();
    for file in rust_files(&[root.join("crates"), root.join("xtask")])? {
        let place = shown(root, &file);
        findings.extend(named(&place));
        findings.extend(in_text(&place, &fs::read_to_string(&file)?));
    }
    Ok(findings)
}

fn rust_files(folders: &[PathBuf]) -> Outcome<Vec<PathBuf>> {
    let mut waiting = folders.to_vec();
    let mut files = Vec::new();
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

fn named(place: &str) -> Option<Finding> {
    let vague = Path::new(place).with_extension("");
    let vague = vague
        .iter()
        .find(|part| VAGUE.iter().any(|name| *part == *name))?;
    Some(vague_name(place.to_owned(), &vague.to_string_lossy()))
}

fn in_text(place: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut before = 0;
    for (number, line) in text.lines().enumerate() {
        let rest = &text[before..];
        before += line.len() + 1;
        let code = line.trim_start();
        if code.starts_with("//") {
            continue;
        }
        let place = || format!("{place}:{}", number + 1);
        if let Some(found) = UNFINISHED.iter().find(|found| code.contains(**found)) {
            findings.push(Finding {
                place: place(),
                what: format!("holds `{found}…)`"),
                why: "what has landed is finished, or is not there",
            });
        }
        if allows_without_reason(code, rest) {
            findings.push(Finding {
                place: place(),
                what: "allows a lint without a reason".to_owned(),
                why: "the next reader cannot tell whether it may go; `#[expect(…, reason)]` can",
            });
        }
        if let Some(name) = module(code).filter(|name| VAGUE.contains(name)) {
            findings.push(vague_name(place(), name));
        }
    }
    findings
}

/// `rest` begins at the line, since an attribute may go on below it.
fn allows_without_reason(code: &str, rest: &str) -> bool {
    let opens = [concat!("#[", "allow("), concat!("#![", "allow(")];
    opens.iter().any(|open| code.starts_with(open))
        && !rest
            .split(']')
            .next()
            .is_some_and(|attribute| attribute.contains("reason"))
}

/// The name of the module that the line declares.
fn module(code: &str) -> Option<&str> {
    let (visibility, rest) = code.split_once("mod ")?;
    let visible = visibility.is_empty() || visibility.starts_with("pub");
    visible.then(|| rest.trim_end_matches([';', '{', ' ']))
}

fn vague_name(place: String, name: &str) -> Finding {
    Finding {
        place,
        what: format!("`{name}` names no subject"),
        why: "a module is named after what it is about, so that a reader can guess where to look",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(text: &str) -> Vec<String> {
        in_text("a.rs", text)
            .into_iter()
            .map(|finding| finding.place)
            .collect()
    }

    #[test]
    fn an_allowed_lint_needs_a_reason_on_whatever_line() {
        let open = concat!("#[", "allow(");
        assert_eq!(
            rules(&format!("\n{open}dead_code)]\nfn f() {{}}")),
            ["a.rs:2"]
        );
        assert!(rules(&format!("{open}\n  dead_code,\n  reason = \"…\"\n)]")).is_empty());
        assert!(rules(&format!("// {open}dead_code)]")).is_empty());
    }

    #[test]
    fn unfinished_code_is_found_and_prose_about_it_is_not() {
        let call = UNFINISHED[0];
        assert_eq!(rules(&format!("fn f() {{ {call}) }}")), ["a.rs:1"]);
        assert!(rules(&format!("/// Never `{call})`.")).is_empty());
    }

    #[test]
    fn a_vague_name_is_found_for_files_folders_and_modules() {
        assert!(named("crates/app/src/utils.rs").is_some());
        assert!(named("crates/app/tests/common/mod.rs").is_some());
        assert!(named("crates/app/src/helpful.rs").is_none());
        assert_eq!(rules("pub(crate) mod helpers;"), ["a.rs:1"]);
        assert!(rules("mod common_name {").is_empty());
    }
}
