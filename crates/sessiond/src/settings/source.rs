use std::collections::HashMap;
use std::ffi::OsString;
use std::path::Path;

use super::BadSettings;
use super::providers::GivenProviders;
use super::table::{RATE_LIMIT_RULE, SETTINGS, WITHOUT_EFFECT, file_name, find};
use crate::command_line::Options;

/// The settings as they were given, by name.
#[derive(Debug)]
pub(crate) struct Sources {
    given: HashMap<String, String>,
    /// Names that look like settings and are none.
    pub(crate) unknown: Vec<String>,
    /// What was given of outside providers.
    pub(crate) providers: GivenProviders,
}

impl Sources {
    /// Flags win over the environment, which wins over the file.
    pub(crate) fn collect(options: &Options) -> Result<Self, BadSettings> {
        let environment: HashMap<OsString, OsString> = std::env::vars_os().collect();
        Self::of(options, environment)
    }

    pub(super) fn of(
        options: &Options,
        environment: HashMap<OsString, OsString>,
    ) -> Result<Self, BadSettings> {
        let mut problems = Vec::new();
        let mut given = HashMap::new();
        let (mut unknown, mut of_providers) = (Vec::new(), Vec::new());
        for (name, value) in environment {
            let Ok(name) = name.into_string() else {
                continue;
            };
            let is_setting = find(&name).is_some() || WITHOUT_EFFECT.contains(&name.as_str());
            let is_of_provider = !is_setting && name.starts_with("PROVIDER_");
            if !is_setting && !is_of_provider {
                if name.starts_with("SESSION_") {
                    unknown.push(name);
                }
                continue;
            }
            match value.into_string() {
                // An empty variable is how shells and Compose files say "not set".
                Ok(value) if value.trim().is_empty() => {}
                Ok(value) if is_of_provider => of_providers.push((name, value)),
                Ok(value) => {
                    given.insert(name, value);
                }
                Err(_) => problems.push(format!("{name} must be UTF-8")),
            }
        }
        let flags = [
            ("SESSION_LISTEN", options.listen.clone().map(OsString::from)),
            (
                "SESSION_DATA_DIR",
                options.data_dir.clone().map(OsString::from),
            ),
            ("SESSION_CONFIG", options.config.clone().map(OsString::from)),
        ];
        for (name, value) in flags {
            match value.map(OsString::into_string) {
                Some(Ok(value)) => {
                    given.insert(name.to_owned(), value);
                }
                Some(Err(_)) => problems.push(format!("{name} must be UTF-8")),
                None => {}
            }
        }
        let mut providers = GivenProviders::default();
        if let Some(path) = given.get("SESSION_CONFIG") {
            for (name, value) in read_file(Path::new(path), &mut providers, &mut problems) {
                given.entry(name).or_insert(value);
            }
        }
        of_providers.sort_unstable();
        unknown.extend(providers.read_environment(of_providers, &mut problems));
        unknown.sort_unstable();
        if problems.is_empty() {
            Ok(Self {
                given,
                unknown,
                providers,
            })
        } else {
            Err(BadSettings(problems))
        }
    }

    /// The given settings whose names begin so, in order.
    pub(crate) fn starting_with(&self, prefix: &str) -> Vec<String> {
        let names = self.given.keys().filter(|name| name.starts_with(prefix));
        let mut names: Vec<_> = names.cloned().collect();
        names.sort_unstable();
        names
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.given.get(name).map(String::as_str)
    }
}

fn read_file(
    path: &Path,
    providers: &mut GivenProviders,
    problems: &mut Vec<String>,
) -> Vec<(String, String)> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            problems.push(format!(
                "SESSION_CONFIG: {} cannot be read: {error}",
                path.display()
            ));
            return Vec::new();
        }
    };
    let table: toml::Table = match text.parse() {
        Ok(table) => table,
        Err(error) => {
            // The first line of the error says what and where; the rest would quote the file.
            let at = toml_position(&text, &error);
            problems.push(format!(
                "SESSION_CONFIG: {} is not TOML: {at}",
                path.display()
            ));
            return Vec::new();
        }
    };
    let mut settings = Vec::new();
    for (key, value) in table {
        if key == "providers" {
            providers.read_file(path, value, problems);
            continue;
        }
        let by_key = SETTINGS
            .iter()
            .find(|setting| setting.name != "SESSION_CONFIG" && file_name(setting.name) == key);
        // Rate limits have names of their own.
        let upper = key.to_ascii_uppercase();
        let rule = find(&upper).filter(|setting| setting.name == RATE_LIMIT_RULE);
        let Some(setting) = by_key.or(rule) else {
            problems.push(format!("{}: there is no setting `{key}`", path.display()));
            continue;
        };
        match as_text(value) {
            Some(value) if setting.name == RATE_LIMIT_RULE => settings.push((upper, value)),
            Some(value) => settings.push((setting.name.to_owned(), value)),
            None => problems.push(format!(
                "{}: `{key}` takes {}",
                path.display(),
                setting.takes
            )),
        }
    }
    settings
}

fn toml_position(text: &str, error: &toml::de::Error) -> String {
    let line = error.span().map_or(1, |span| {
        text.get(..span.start)
            .map_or(1, |before| before.matches('\n').count() + 1)
    });
    format!("line {line}: {}", error.message())
}

pub(super) fn as_text(value: toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(switch) => Some(switch.to_string()),
        toml::Value::Array(items) => {
            let items: Option<Vec<_>> = items.into_iter().map(as_text).collect();
            items.map(|items| items.join(","))
        }
        _ => None,
    }
}
