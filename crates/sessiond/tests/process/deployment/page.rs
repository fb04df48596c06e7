//! `README.md` of the folder.

use std::fs;

use super::files::{self, compose, list, root, text};

/// The settings that the page makes from files, each with its file in the folder of keys.
pub(super) fn made_settings() -> Vec<(String, String)> {
    let page = text("README.md");
    let lines = page
        .lines()
        .filter_map(|line| line.trim().strip_prefix("echo \""));
    let made: Vec<_> = lines
        .map(|line| {
            let (name, file) = line.split_once("=$(cat keys/").unwrap();
            (
                name.to_owned(),
                file.strip_suffix(")\"").unwrap().to_owned(),
            )
        })
        .collect();
    assert!(!made.is_empty());
    made
}

/// The commands of the page that begin so, word by word.
pub(super) fn commands(beginning: &str) -> Vec<Vec<String>> {
    let page = text("README.md");
    // In a block after a prompt, in a sentence between backticks.
    let pieces = page
        .split(['`', '\n'])
        .map(|piece| piece.trim_start_matches("$ "));
    let commands = pieces.filter(|piece| piece.starts_with(beginning));
    commands
        .map(|command| command.split(' ').map(str::to_owned).collect())
        .collect()
}

#[test]
fn it_names_every_file() {
    let page = text("README.md");
    for file in files::all() {
        let is_listed = page.contains(&format!("[{file}]({file})"));
        assert!(
            is_listed || file == "README.md" || file == ".gitignore",
            "{file}"
        );
    }
}

#[test]
fn its_links_lead_somewhere() {
    let page = text("README.md");
    let links = page
        .split("](")
        .skip(1)
        .map(|rest| rest.split([')', '#']).next().unwrap());
    for link in links {
        assert!(files::folder().join(link).exists(), "{link}");
    }
}

#[test]
fn it_is_found() {
    for (page, link) in [
        ("README.md", "](docs/deploy/README.md)"),
        ("docs/architecture.md", "](deploy/README.md)"),
    ] {
        let text = fs::read_to_string(root().join(page)).unwrap();
        assert!(text.contains(link), "{page}");
    }
}

#[test]
fn it_makes_the_files_that_compose_and_kubernetes_read() {
    let page = text("README.md");
    let compose = compose();
    for file in list(&compose, "/services/sessiond/env_file") {
        let file = file.as_str().unwrap();
        assert!(page.contains(&format!(" > {file}\n")), "{file} is not made");
        assert!(
            page.contains(&format!("--from-env-file={file}")),
            "{file} is not read"
        );
    }
    for file in [
        " -f docs/deploy/Dockerfile ",
        " -f docs/deploy/compose.yaml ",
    ] {
        assert!(page.contains(file), "{file}");
    }
    for command in commands("kubectl apply") {
        assert!(root().join(&command[3]).is_file(), "{command:?}");
    }
}
