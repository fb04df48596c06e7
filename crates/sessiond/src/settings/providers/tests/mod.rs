mod good;
mod refused;

use std::collections::HashMap;
use std::ffi::OsString;

use crate::command_line::Options;
use crate::settings::source::Sources;
use crate::settings::{BadSettings, Settings};

/// What must not be repeated.
const SECRET: &str = "hunter2";

/// The settings of this file, unless it is empty, and of this environment.
fn read(file: &str, environment: &[(&str, &str)]) -> Result<Settings, Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("sessiond.toml");
    std::fs::write(&config, file).unwrap();
    let options = Options {
        listen: None,
        data_dir: None,
        config: (!file.is_empty()).then_some(config),
    };
    let environment: HashMap<OsString, OsString> = environment
        .iter()
        .map(|(name, value)| (name.into(), value.into()))
        .collect();
    let settings = Sources::of(&options, environment).and_then(Settings::of);
    settings.map_err(|BadSettings(lines)| {
        let path = folder.path().display().to_string();
        lines.iter().map(|line| line.replace(&path, "")).collect()
    })
}

fn refused(file: &str, environment: &[(&str, &str)]) -> Vec<String> {
    let lines = read(file, environment).unwrap_err();
    assert!(!lines.concat().contains(SECRET), "{lines:?}");
    lines
}

/// The parts that people may see, and whether there is a secret.
fn shown(settings: &Settings) -> Vec<(String, Option<&str>, bool)> {
    let providers = settings.providers.iter();
    let shown = providers.map(|one| {
        let token_endpoint = one.token_endpoint.as_deref();
        (
            one.name.to_string(),
            token_endpoint,
            one.client_secret.is_some(),
        )
    });
    shown.collect()
}

const GOOD: &str = r#"
[providers.acme]
issuer = "https://id.acme.example"
token_endpoint = "https://id.acme.example/token"
authorization_endpoint = "https://id.acme.example/login?theme=dark"
introspection_endpoint = "https://id.acme.example/introspect"
revocation_endpoint = "https://id.acme.example/revoke"
jwks_uri = "https://id.acme.example/keys"
client_id = "sessiond"
client_secret = "hunter2"
client_authentication = "post"
scopes = ["openid", "offline_access"]
prompt = "consent"
parameters = { audience = "api & more", max_age = 60 }
names_itself = true
timeout = 3
ca_file = "/no/such/file"
"#;
