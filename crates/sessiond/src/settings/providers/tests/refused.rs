//! What is said of bad ones.

use std::collections::HashMap;

use super::super::members::{self, MEMBERS};
use super::{SECRET, read, refused};

/// One line for each bad value, which names the setting as it stands there, and never the value.
#[test]
fn each_bad_value_is_told_by_the_name_of_its_setting() {
    let url = "takes an `https` URL; `http` on this machine alone";
    let takes = |name: &str| format!("takes {}", members::find(name).unwrap().takes);
    let bad_urls = [
        "hunter2",
        "http://hunter2.example",
        "ftp://hunter2.example",
        "https://",
        "//hunter2.example",
        "https://hunter2@a.example",
        "https://a.example/#hunter2",
        "https://hunter2 .example",
        "http://localhost.hunter2.example",
        "file:///hunter2",
    ];
    let mut cases: Vec<(&str, &str, String)> = Vec::new();
    for value in bad_urls {
        for member in [
            "issuer",
            "token_endpoint",
            "authorization_endpoint",
            "introspection_endpoint",
            "revocation_endpoint",
            "jwks_uri",
        ] {
            cases.push((member, value, url.to_owned()));
        }
    }
    cases.push(("issuer", "https://a.example/?hunter2", url.to_owned()));
    for (member, values) in [
        ("client_id", vec!["hunter2".repeat(40)]),
        (
            "client_authentication",
            vec!["hunter2".into(), "Basic".into(), "private_key_jwt".into()],
        ),
        (
            "scopes",
            vec![
                "openid hunter2\"".into(),
                "hunter2\\".into(),
                "ä".into(),
                "hunter2".repeat(20),
            ],
        ),
        ("names_itself", vec!["hunter2".into()]),
        ("prompt", vec!["hunter2".repeat(40)]),
        (
            "timeout",
            vec![
                "0".into(),
                "121".into(),
                "-1".into(),
                "1.5".into(),
                "hunter2".into(),
                "1e1".into(),
            ],
        ),
    ] {
        for value in values {
            cases.push((member, value.leak(), takes(member)));
        }
    }
    let good = [
        ("issuer", "https://a.example"),
        ("client_id", "c"),
        ("client_secret", SECRET),
    ];
    for (member, value, problem) in &cases {
        let mut all: HashMap<&str, &str> = good.into();
        all.insert(member, value);
        let variables: Vec<_> = all
            .iter()
            .map(|(name, value)| (format!("PROVIDER_A_{}", name.to_uppercase()), *value))
            .collect();
        let variables: Vec<_> = variables
            .iter()
            .map(|(name, value)| (&**name, *value))
            .collect();
        let name = member.to_uppercase();
        assert_eq!(
            refused("", &variables),
            [format!("PROVIDER_A_{name} {problem}")],
            "{value}"
        );
        let mut file: toml::Table = toml::Table::new();
        for (name, value) in all {
            file.insert(name.to_owned(), value.into());
        }
        let file = format!("[providers.a]\n{file}");
        assert_eq!(
            refused(&file, &[]),
            [format!("providers.a.{member} {problem}")],
            "{value}"
        );
    }
}

#[test]
fn what_is_missing_or_contradicts_itself_is_told() {
    let nothing = refused("[providers.a]", &[]);
    let secret =
        "is missing: give it, or `client_secret_file`, or `client_authentication` as `none`";
    let endpoint = "is missing: give it, or `issuer`";
    let missing = |place: &dyn Fn(&str) -> String| {
        vec![
            format!("{} is missing", place("client_id")),
            format!("{} {secret}", place("client_secret")),
            format!("{} {endpoint}", place("token_endpoint")),
        ]
    };
    let in_environment = |name: &str| format!("PROVIDER_A_{}", name.to_uppercase());
    assert_eq!(
        nothing,
        missing(&in_environment),
        "nothing says where it is to stand"
    );
    let in_file = |name: &str| format!("providers.a.{name}");
    assert_eq!(
        refused("[providers.a]\ntimeout = 5", &[]),
        missing(&in_file)
    );
    assert_eq!(
        refused("", &[("PROVIDER_A_TIMEOUT", "5")]),
        missing(&in_environment)
    );

    let base = "[providers.a]\nissuer = \"https://a.example\"\nclient_id = \"c\"\n";
    let both = format!("{base}client_secret = \"hunter2\"\nclient_secret_file = \"hunter2\"");
    let problem = "contradicts `client_secret`: give one of the two";
    assert_eq!(
        refused(&both, &[]),
        [format!("providers.a.client_secret_file {problem}")]
    );
    let none = format!("{base}client_secret = \"hunter2\"\nclient_authentication = \"none\"");
    let problem = "contradicts the client's secret: give one of the two";
    assert_eq!(
        refused(&none, &[]),
        [format!("providers.a.client_authentication {problem}")]
    );
}

#[test]
fn what_is_no_setting_is_told() {
    let line = |file: &str| {
        let lines = refused(file, &[]);
        assert_eq!(lines.len(), 1, "{lines:?}");
        lines[0].trim_start_matches("/sessiond.toml: ").to_owned()
    };
    assert_eq!(
        line("[providers.acme]\nclient_secert = \"hunter2\""),
        "there is no setting `providers.acme.client_secert`"
    );
    assert_eq!(
        line("[providers.acme.client_id]\nhunter = 2"),
        "`providers.acme.client_id` takes a text"
    );
    assert_eq!(
        line("[providers.acme]\nissuer = [\"hunter2\"]"),
        "`providers.acme.issuer` takes an `https` URL; `http` on this machine alone"
    );
    assert_eq!(
        line("[providers.acme]\nparameters = \"a=hunter2\""),
        "`providers.acme.parameters` takes a table of texts; in the environment \
         `name=value&name=value`, encoded as in a URL"
    );
    assert_eq!(
        line("[providers.acme]\nparameters = { a = [\"hunter2\"] }"),
        "`providers.acme.parameters` takes a table of texts; in the environment \
         `name=value&name=value`, encoded as in a URL"
    );
    assert_eq!(
        line("providers = \"hunter2\""),
        "`providers` takes a table for each provider"
    );
    assert_eq!(
        line("[providers]\nacme = \"hunter2\""),
        "`providers.acme` takes a table"
    );
    for name in ["Acme", "a.b", "ä", ""] {
        let lines = refused(&format!("[providers.\"{name}\"]\nclient_id = \"c\""), &[]);
        let problem =
            "is no name for a provider: it takes 1 to 64 of `a`-`z`, `0`-`9`, `-` and `_`";
        assert_eq!(lines, [format!("providers.{name} {problem}")]);
    }
}

/// The environment is other programs' too: there a name that means nothing is warned about, unless a
/// provider's name stands in it.
#[test]
fn a_variable_that_is_no_setting_is_told_where_its_provider_is_known() {
    let environment = [
        ("PROVIDER_A_ISSUER", "https://a.example"),
        ("PROVIDER_A_CLIENT_ID", "c"),
        ("PROVIDER_A_CLIENT_SECRET", SECRET),
        ("PROVIDER_OTHER", SECRET),
    ];
    let settings = read("", &environment).unwrap();
    assert_eq!(settings.without_effect, ["PROVIDER_OTHER"]);
    let mut misspelt = environment.to_vec();
    misspelt.push(("PROVIDER_A_CLIENT_SECERT", SECRET));
    let lines = refused("", &misspelt);
    assert_eq!(
        lines,
        ["PROVIDER_A_CLIENT_SECERT is no setting of a provider"]
    );

    let alike = "[providers.a-b]\n[providers.a_b]";
    let lines = refused(alike, &[("PROVIDER_A_B_CLIENT_ID", "c")]);
    let problem = "could be of two providers, `a-b` and `a_b`: rename one";
    assert_eq!(lines, [format!("PROVIDER_A_B_CLIENT_ID {problem}")]);
}

/// No variable could be of two members, and none is taken for a setting of all providers.
#[test]
fn a_variable_names_one_member() {
    for member in MEMBERS {
        let variable = members::prefix("acme") + &member.name.to_uppercase();
        assert_eq!(members::split(&variable), Some(("ACME", member.name)));
        let ends_alike = MEMBERS
            .iter()
            .filter(|other| member.name.ends_with(&format!("_{}", other.name)));
        assert_eq!(ends_alike.count(), 0, "{}", member.name);
    }
    for setting in crate::settings::table::SETTINGS {
        assert_eq!(members::split(setting.name), None, "{}", setting.name);
    }
}
