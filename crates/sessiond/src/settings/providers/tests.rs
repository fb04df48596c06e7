use std::collections::HashMap;
use std::ffi::OsString;
use std::time::Duration;

use app::wiring::ClientAuthentication;
use chrono::TimeDelta;

use super::members::{self, MEMBERS};
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

#[test]
fn without_any_there_are_none() {
    let settings = read("", &[]).unwrap();
    assert!(settings.providers.is_empty());
    assert!(settings.without_effect.is_empty());
}

#[test]
fn every_member_of_the_file_is_read() {
    let settings = read(GOOD, &[]).unwrap();
    let [acme] = &*settings.providers else {
        panic!("one provider")
    };
    let at = |path: &str| Some(format!("https://id.acme.example{path}"));
    assert_eq!(acme.name.as_str(), "acme");
    assert_eq!(acme.issuer, at(""));
    assert_eq!(acme.token_endpoint, at("/token"));
    assert_eq!(acme.authorization_endpoint, at("/login?theme=dark"));
    assert_eq!(acme.introspection_endpoint, at("/introspect"));
    assert_eq!(acme.revocation_endpoint, at("/revoke"));
    assert_eq!(acme.jwks_uri, at("/keys"));
    assert_eq!(acme.client_id, "sessiond");
    assert!(acme.client_secret.is_some());
    assert_eq!(acme.client_authentication, ClientAuthentication::Post);
    assert_eq!(acme.scopes, ["openid", "offline_access"]);
    let mut parameters = acme.parameters.clone();
    parameters.sort_unstable();
    let expected = [
        ("audience", "api & more"),
        ("max_age", "60"),
        ("prompt", "consent"),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(parameters, expected);
    assert!(acme.names_itself);
    assert_eq!(acme.call_timeout, Duration::from_secs(3));
    assert!(acme.connect_timeout <= acme.call_timeout);
    assert_eq!(acme.ca_file.as_deref(), Some("/no/such/file".as_ref()));
    assert!(!format!("{settings:?}").contains(SECRET));
}

#[test]
fn what_is_left_out_is_the_default() {
    let few = "[providers.acme]\ntoken_endpoint = \"http://127.0.0.1:1/t\"\nclient_id = \"c\"\n\
               client_secret = \"s\"";
    let settings = read(few, &[]).unwrap();
    let [acme] = &*settings.providers else {
        panic!("one provider")
    };
    assert_eq!(acme.client_authentication, ClientAuthentication::Basic);
    assert_eq!(acme.scopes, ["openid"]);
    assert_eq!(acme.parameters, []);
    assert!(!acme.names_itself);
    assert_eq!(acme.call_timeout, Duration::from_secs(20));
    assert_eq!(acme.connect_timeout, Duration::from_secs(5));
    assert_eq!((&acme.issuer, &acme.ca_file), (&None, &None));
}

/// Secrets need not be in the file; and a provider need not be either.
#[test]
fn every_member_may_be_in_the_environment() {
    let settings = read(
        "[providers.my-idp]\nissuer = \"https://a.example\"\nclient_id = \"c\"",
        &[
            ("PROVIDER_MY_IDP_CLIENT_SECRET", "hunter2"),
            ("PROVIDER_MY_IDP_CLIENT_ID", "other"),
            ("PROVIDER_B_2_ISSUER", "https://b.example"),
            ("PROVIDER_B_2_AUTHORIZATION_ENDPOINT", "https://b.example/a"),
            ("PROVIDER_B_2_TOKEN_ENDPOINT", "https://b.example/t"),
            ("PROVIDER_B_2_INTROSPECTION_ENDPOINT", "https://b.example/i"),
            ("PROVIDER_B_2_REVOCATION_ENDPOINT", "https://b.example/r"),
            ("PROVIDER_B_2_JWKS_URI", "https://b.example/k"),
            ("PROVIDER_B_2_CLIENT_ID", "c"),
            ("PROVIDER_B_2_CLIENT_AUTHENTICATION", "none"),
            ("PROVIDER_B_2_SCOPES", " openid  email "),
            ("PROVIDER_B_2_PROMPT", "login"),
            ("PROVIDER_B_2_PARAMETERS", "audience=a%20b&x="),
            ("PROVIDER_B_2_NAMES_ITSELF", "yes"),
            ("PROVIDER_B_2_TIMEOUT", "120"),
            ("PROVIDER_B_2_CA_FILE", "ca.pem"),
            ("PROVIDER_B_2_CLIENT_SECRET", " "),
        ],
    );
    let settings = settings.unwrap();
    let [b, idp] = &*settings.providers else {
        panic!("two providers")
    };
    assert_eq!((b.name.as_str(), idp.name.as_str()), ("b_2", "my-idp"));
    assert_eq!(idp.client_id, "other", "the environment wins");
    assert!(idp.client_secret.is_some());
    let endpoints = [
        &b.authorization_endpoint,
        &b.token_endpoint,
        &b.introspection_endpoint,
        &b.revocation_endpoint,
        &b.jwks_uri,
    ];
    let ends = endpoints.map(|url| url.as_deref().and_then(|url| url.rsplit('/').next()));
    assert_eq!(ends, ["a", "t", "i", "r", "k"].map(Some));
    assert_eq!(b.client_authentication, ClientAuthentication::None);
    assert!(b.client_secret.is_none(), "an empty variable is not set");
    assert_eq!(b.scopes, ["openid", "email"]);
    let parameters = [("audience", "a b"), ("x", ""), ("prompt", "login")];
    let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(b.parameters, parameters);
    assert!(b.names_itself);
    assert_eq!(b.call_timeout, Duration::from_secs(120));
    assert_eq!(b.ca_file.as_deref(), Some("ca.pem".as_ref()));
}

#[test]
fn the_secret_may_be_in_a_file_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    std::fs::write(&file, "hunter2\n").unwrap();
    let name = file.to_str().unwrap();
    let environment = [
        ("PROVIDER_A_ISSUER", "https://a.example"),
        ("PROVIDER_A_CLIENT_ID", "c"),
        ("PROVIDER_A_CLIENT_SECRET_FILE", name),
    ];
    let settings = read("", &environment).unwrap();
    assert!(settings.providers[0].client_secret.is_some());
    for (text, problem) in [("", "is an empty file"), (" \n", "is an empty file")] {
        std::fs::write(&file, text).unwrap();
        let lines = refused("", &environment);
        assert_eq!(lines, [format!("PROVIDER_A_CLIENT_SECRET_FILE {problem}")]);
    }
    std::fs::remove_file(&file).unwrap();
    let lines = refused("", &environment);
    assert_eq!(lines.len(), 1);
    assert!(lines[0].starts_with("PROVIDER_A_CLIENT_SECRET_FILE is a file that cannot be read"));
}

/// The two variables that the systems sessiond replaces know are all that their provider needs.
#[test]
fn the_seeds_variables_make_their_provider() {
    let seeds = [
        ("OPENROUTER_CLIENT_ID", "id"),
        ("OPENROUTER_CLIENT_SECRET", "hunter2"),
    ];
    let settings = read("", &seeds).unwrap();
    let token_endpoint = "https://openrouter.ai/api/v1/auth/token";
    assert_eq!(
        shown(&settings),
        [("openrouter".to_owned(), Some(token_endpoint), true)]
    );
    let openrouter = &settings.providers[0];
    let introspection = "https://openrouter.ai/api/v1/auth/introspect";
    assert_eq!(
        openrouter.introspection_endpoint.as_deref(),
        Some(introspection)
    );
    assert_eq!(
        (openrouter.client_id.as_str(), &openrouter.issuer),
        ("id", &None)
    );
    assert_eq!(
        openrouter.client_authentication,
        ClientAuthentication::Basic
    );
    assert!(settings.without_effect.is_empty());

    // The rest of it is set like that of any other.
    let file = "[providers.openrouter]\ntoken_endpoint = \"http://localhost:1/t\"\n\
                client_authentication = \"post\"";
    let settings = read(file, &seeds).unwrap();
    let openrouter = &settings.providers[0];
    assert_eq!(
        openrouter.token_endpoint.as_deref(),
        Some("http://localhost:1/t")
    );
    assert_eq!(
        openrouter.introspection_endpoint, None,
        "it is another place"
    );
    assert_eq!(openrouter.client_authentication, ClientAuthentication::Post);

    let in_file = "openrouter_client_id = \"id\"\nopenrouter_client_secret = \"hunter2\"";
    assert_eq!(shown(&read(in_file, &[]).unwrap()).len(), 1);
    let by_name = "[providers.openrouter]\nclient_id = \"id\"\nclient_secret = \"hunter2\"";
    assert_eq!(
        shown(&read(by_name, &[]).unwrap())[0].1,
        Some(token_endpoint)
    );

    let twice = "[providers.openrouter]\nclient_id = \"hunter2\"";
    let problem = "contradicts the settings of the provider `openrouter`: give one of the two";
    assert_eq!(
        refused(twice, &seeds),
        [format!("OPENROUTER_CLIENT_ID {problem}")]
    );
    let lines = refused("", &seeds[..1]);
    assert!(
        lines[0].starts_with("OPENROUTER_CLIENT_SECRET is missing"),
        "{lines:?}"
    );
    let lines = refused("", &seeds[1..]);
    assert_eq!(lines, ["OPENROUTER_CLIENT_ID is missing"]);
}

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

#[test]
fn how_tokens_are_renewed_is_set() {
    let tokens = read("", &[]).unwrap().policies.tokens;
    assert_eq!(tokens, app::TokenPolicy::default());
    let settings = read(
        "",
        &[
            ("PROVIDER_REFRESH_AHEAD", "60"),
            ("PROVIDER_TOKEN_GRACE", "0"),
            ("PROVIDER_REFRESH_RATE", "7"),
            ("PROVIDER_MAX_TRIES", "5"),
            ("PROVIDER_RETRY_DELAY", "2"),
            ("PROVIDER_RETRY_MAX_DELAY", "9"),
            ("PROVIDER_REFRESH_RETENTION", "3600"),
        ],
    );
    let tokens = settings.unwrap().policies.tokens;
    assert_eq!(tokens.refresh.proactive, TimeDelta::seconds(60));
    assert_eq!(tokens.refresh.grace, TimeDelta::zero());
    assert_eq!(tokens.rate, 7);
    assert_eq!(tokens.retry.max_tries, 5);
    assert_eq!(tokens.retry.initial_delay, TimeDelta::seconds(2));
    assert_eq!(tokens.retry.max_delay, TimeDelta::seconds(9));
    assert_eq!(tokens.retention, TimeDelta::hours(1));
    for (name, value) in [
        ("PROVIDER_REFRESH_AHEAD", "-1"),
        ("PROVIDER_TOKEN_GRACE", "1.5"),
        ("PROVIDER_REFRESH_RATE", "0"),
        ("PROVIDER_MAX_TRIES", "0"),
        ("PROVIDER_RETRY_DELAY", "0"),
        ("PROVIDER_RETRY_MAX_DELAY", "hunter2"),
        ("PROVIDER_REFRESH_RETENTION", "0"),
    ] {
        let lines = refused("", &[(name, value)]);
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].starts_with(&format!("{name} takes ")), "{lines:?}");
    }
    let lines = refused("", &[("PROVIDER_RETRY_DELAY", "31")]);
    assert_eq!(
        lines,
        ["PROVIDER_RETRY_DELAY must not be over PROVIDER_RETRY_MAX_DELAY"]
    );
}
