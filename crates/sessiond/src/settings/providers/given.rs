//! What was given of providers, wherever it was, before anything is made of it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use zeroize::Zeroizing;

use super::members;
use crate::settings::source::as_text;

/// The members that were given, by the provider's name. A name that is none is kept, to be complained
/// about.
#[derive(Default)]
pub(crate) struct GivenProviders(BTreeMap<String, Given>);

/// The members of one.
pub(crate) type Given = BTreeMap<&'static str, Member>;

/// A value, and what its setting is called where it stands.
pub(crate) struct Member {
    pub(crate) text: Zeroizing<String>,
    pub(crate) place: String,
}

impl GivenProviders {
    /// The tables under `providers` of the settings file.
    pub(crate) fn read_file(
        &mut self,
        path: &Path,
        providers: toml::Value,
        problems: &mut Vec<String>,
    ) {
        let mut complain =
            |problem: String| problems.push(format!("{}: {problem}", path.display()));
        let toml::Value::Table(providers) = providers else {
            complain("`providers` takes a table for each provider".to_owned());
            return;
        };
        for (name, provider) in providers {
            let toml::Value::Table(provider) = provider else {
                complain(format!("`providers.{name}` takes a table"));
                continue;
            };
            let given = self.0.entry(name.clone()).or_default();
            for (key, value) in provider {
                let place = format!("providers.{name}.{key}");
                let Some(member) = members::find(&key) else {
                    complain(format!("there is no setting `{place}`"));
                    continue;
                };
                match member_text(member.name, value) {
                    Some(text) => {
                        given.insert(member.name, Member { text, place });
                    }
                    None => complain(format!("`{place}` takes {}", member.takes)),
                }
            }
        }
    }

    /// What the environment says, which wins over the file. Variables that name no member of a provider
    /// that there is are complained about; those that name nothing are given back.
    pub(crate) fn read_environment(
        &mut self,
        variables: Vec<(String, String)>,
        problems: &mut Vec<String>,
    ) -> Vec<String> {
        let mut left = Vec::new();
        for (variable, text) in variables {
            let Some((capitals, member)) = members::split(&variable) else {
                left.push(variable);
                continue;
            };
            let value = Member {
                text: Zeroizing::new(text),
                place: variable.clone(),
            };
            let prefix = members::prefix(capitals);
            let names = self.0.keys();
            let names: Vec<_> = names
                .filter(|name| members::prefix(name) == prefix)
                .cloned()
                .collect();
            let name = match &*names {
                [] => capitals.to_ascii_lowercase(),
                [name] => name.clone(),
                [one, other, ..] => {
                    problems.push(format!(
                        "{variable} could be of two providers, `{one}` and `{other}`: rename one"
                    ));
                    continue;
                }
            };
            self.0.entry(name).or_default().insert(member, value);
        }
        let is_ours = |variable: &String| {
            let mut names = self.0.keys();
            names.any(|name| variable.starts_with(&members::prefix(name)))
        };
        let (ours, others): (Vec<_>, Vec<_>) = left.into_iter().partition(is_ours);
        problems.extend(
            ours.into_iter()
                .map(|variable| format!("{variable} is no setting of a provider")),
        );
        others
    }

    /// Adds a provider whose members have names of their own; those are given back that it has already.
    pub(crate) fn add(
        &mut self,
        name: &str,
        members: impl IntoIterator<Item = (&'static str, Member)>,
    ) -> Vec<Member> {
        let given = self.0.entry(name.to_owned()).or_default();
        let mut twice = Vec::new();
        for (name, member) in members {
            if given.contains_key(name) {
                twice.push(member);
            } else {
                given.insert(name, member);
            }
        }
        twice
    }

    /// All of them, by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Given)> {
        self.0.iter().map(|(name, given)| (name.as_str(), given))
    }
}

/// The text of a value, as the environment would have it.
fn member_text(name: &str, value: toml::Value) -> Option<Zeroizing<String>> {
    let text = match (name, value) {
        ("scopes", toml::Value::Array(items)) => {
            let items: Option<Vec<_>> = items.into_iter().map(plain_text).collect();
            items?.join(" ")
        }
        ("parameters", toml::Value::Table(table)) => {
            let pairs: Option<Vec<_>> = table
                .into_iter()
                .map(|(name, value)| Some((name, plain_text(value)?)))
                .collect();
            serde_urlencoded::to_string(pairs?).ok()?
        }
        ("parameters", _) => return None,
        (_, value) => plain_text(value)?,
    };
    Some(Zeroizing::new(text))
}

fn plain_text(value: toml::Value) -> Option<String> {
    (!value.is_array()).then(|| as_text(value))?
}

/// Shows no value.
impl fmt::Debug for GivenProviders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}
