//! The API's description, and the page that shows it, both from the binary alone.

use crate::support::{Answer, Ask, Server};

/// Every route of the API, as the description must have it.
const ROUTES: &[(&str, &str)] = &[
    ("delete", "/admin/sessions/{id}"),
    ("delete", "/admin/users/{user_id}"),
    ("delete", "/auth/sessions"),
    ("delete", "/auth/sessions/all"),
    ("delete", "/auth/sessions/{session_id}"),
    ("delete", "/sessions/user/{user_id}"),
    ("delete", "/sessions/{session_id}"),
    ("get", "/.well-known/jwks.json"),
    ("get", "/admin/audit"),
    ("get", "/admin/audit/verify"),
    ("get", "/admin/encryption-keys"),
    ("get", "/admin/revocations"),
    ("get", "/admin/security/{user_id}"),
    ("get", "/admin/sessions/{id}"),
    ("get", "/admin/users"),
    ("get", "/admin/users/{user_id}"),
    ("get", "/auth/callback"),
    ("get", "/auth/login/{provider}"),
    ("get", "/auth/me"),
    ("get", "/auth/sessions"),
    ("get", "/auth/sessions/stats"),
    ("get", "/auth/sessions/{session_id}/security"),
    ("get", "/health"),
    ("get", "/health/sessions"),
    ("get", "/ready"),
    ("get", "/sessions/stats"),
    ("get", "/sessions/user/{user_id}/sessions"),
    ("get", "/sessions/validate"),
    ("get", "/sessions/{session_id}"),
    ("get", "/sessions/{session_id}/refreshes"),
    ("get", "/sessions/{session_id}/token"),
    ("patch", "/admin/users/{user_id}"),
    ("patch", "/sessions/{session_id}"),
    ("post", "/admin/cleanup"),
    ("post", "/admin/reencrypt"),
    ("post", "/admin/sessions/{id}/resume"),
    ("post", "/admin/sessions/{id}/suspend"),
    ("post", "/admin/users"),
    ("post", "/auth/backchannel-logout/{provider}"),
    ("post", "/auth/callback"),
    ("post", "/auth/logout"),
    ("post", "/auth/logout-all"),
    ("post", "/auth/password"),
    ("post", "/auth/register"),
    ("post", "/auth/sessions/cleanup"),
    ("post", "/auth/sessions/enhanced-login"),
    ("post", "/auth/sessions/logout"),
    ("post", "/auth/sessions/refresh"),
    ("post", "/auth/sessions/{session_id}/extend"),
    ("post", "/oauth2/introspect"),
    ("post", "/oauth2/revoke"),
    ("post", "/security/rate-limits/{rule}"),
    ("post", "/security/rate-limits/{rule}/reset"),
    ("post", "/sessions/create"),
    ("post", "/sessions/validate/{session_id}"),
    ("post", "/sessions/{session_id}/activity"),
    ("post", "/sessions/{session_id}/extend"),
    ("post", "/sessions/{session_id}/refresh"),
];

/// What asks for no credential.
const OPEN: [&str; 9] = [
    "/.well-known/jwks.json",
    "/auth/backchannel-logout/{provider}",
    "/auth/callback",
    "/auth/login/{provider}",
    "/auth/register",
    "/auth/sessions/enhanced-login",
    "/health",
    "/health/sessions",
    "/ready",
];

#[tokio::test]
async fn the_description_lists_every_route() {
    let server = Server::new();
    let description = server.send(Ask::get("/openapi.json")).await.ok();
    assert!(description["openapi"].as_str().unwrap().starts_with("3."));
    let mut routes = Vec::new();
    for (path, operations) in description["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            routes.push((method.as_str(), path.as_str()));
            let responses = operation["responses"].as_object().unwrap();
            let is_good = |status: &String| status.starts_with('2') || status == "303";
            assert!(responses.keys().any(is_good), "{method} {path}");
            assert!(operation["summary"].is_string(), "{method} {path}");
            // What is not open to everyone says what it wants.
            let is_open = OPEN.contains(&path.as_str());
            let says = operation.get("security").is_some();
            assert_eq!(says, !is_open, "{method} {path}");
        }
    }
    routes.sort_unstable();
    assert_eq!(routes, ROUTES);
}

/// A description of what is not there would be worse than none.
#[tokio::test]
async fn every_described_route_is_there() {
    let server = Server::open();
    for (method, path) in ROUTES {
        let answer = server
            .send(Ask::new(&method.to_uppercase(), path.trim_end()))
            .await;
        let code = match answer.status.as_u16() {
            200 => continue,
            // Without anything of a login, and of a provider that nobody knows.
            400 if *path == "/auth/callback" => continue,
            404 if answer.problem(404) == "provider_not_found" => continue,
            401 => answer.problem(401),
            // Without a body.
            415 if OPEN.contains(path) => continue,
            other => panic!("{method} {path} answers {other}"),
        };
        assert!(
            ["key_required", "token_required", "admin_required"].contains(&&*code),
            "{method} {path}: {code}"
        );
    }
}

#[tokio::test]
async fn every_reference_of_the_description_leads_somewhere() {
    let server = Server::new();
    let text = server.send(Ask::get("/openapi.json")).await.text();
    let description: serde_json::Value = serde_json::from_str(&text).unwrap();
    let references: Vec<_> = quoted_after(&text, "\"$ref\":\"").collect();
    assert!(references.len() > 10);
    for reference in references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(description.pointer(pointer).is_some(), "{reference}");
    }
}

/// What stands between `before` and the next double quote, each time.
fn quoted_after<'a>(text: &'a str, before: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(before)
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
}

async fn asset(server: &Server, name: &str) -> Answer {
    let answer = server.send(Ask::get(&format!("/docs/{name}"))).await;
    assert_eq!(answer.status, 200, "{name}");
    assert!(!answer.body.is_empty(), "{name}");
    answer
}

#[tokio::test]
async fn the_page_comes_whole_from_the_binary() {
    let server = Server::new();
    for path in ["/docs", "/docs/"] {
        let answer = server.send(Ask::get(path)).await;
        assert_eq!(answer.status, 303);
        assert_eq!(answer.header("location"), "/docs/index.html");
    }
    let page = asset(&server, "index.html").await;
    assert!(page.header("content-type").starts_with("text/html"));
    let page = page.text();
    let references = ["src=\"", "href=\""].map(|before| quoted_after(&page, before));
    let references: Vec<_> = references.into_iter().flatten().collect();
    assert!(references.len() >= 4, "{page}");
    for reference in references {
        assert!(!reference.contains("//"), "{reference} is not ours");
        let asset = asset(&server, reference.trim_start_matches("./")).await;
        let media_type = asset.header("content-type");
        let expected = match reference.rsplit('.').next() {
            Some("js") => "text/javascript",
            Some("css") => "text/css",
            Some("png") => "image/png",
            other => panic!("an asset of an unknown kind: {other:?}"),
        };
        assert!(
            media_type.starts_with(expected),
            "{reference}: {media_type}"
        );
    }
    // The page's policy lets no script run that stands in the page itself.
    assert!(
        !page.contains("<script>") && !page.contains(" onload="),
        "{page}"
    );
}

/// The page shows this server's description, and sends it nowhere to be checked.
#[tokio::test]
async fn the_page_shows_our_description_and_asks_nobody_else() {
    let server = Server::new();
    let start = asset(&server, "swagger-initializer.js").await.text();
    assert!(start.contains("\"/openapi.json\""), "{start}");
    assert!(start.contains("\"validatorUrl\": \"none\""), "{start}");
    assert!(
        !start.contains("http:") && !start.contains("https:"),
        "{start}"
    );
    for sheet in ["swagger-ui.css", "index.css"] {
        let sheet = asset(&server, sheet).await.text();
        for outside in ["url(http", "url(\"http", "url(//", "@import"] {
            assert!(!sheet.contains(outside), "{outside}");
        }
    }
}

#[tokio::test]
async fn what_is_no_part_of_the_page_is_not_served() {
    let server = Server::new();
    for name in [
        "nope.js",
        "..%2Fopenapi.json",
        "%2Fetc%2Fpasswd",
        "index.html%00",
    ] {
        let answer = server.send(Ask::get(&format!("/docs/{name}"))).await;
        assert_eq!(answer.problem(404), "no_such_route", "{name}");
    }
    let answer = server.send(Ask::get("/docs/%FF")).await;
    assert!(answer.status.is_client_error(), "{}", answer.status);
}
