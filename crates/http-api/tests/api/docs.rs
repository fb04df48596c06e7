//! The API's description, and the page that shows it.

use crate::harness::{Answer, TestApi};
use axum::body::Body;
use axum::http::Request;

async fn get(api: &TestApi, path: &str) -> Answer {
    api.send(Request::get(path).body(Body::empty()).expect("a request"))
        .await
}

#[tokio::test]
async fn the_description_names_every_route() {
    let answer = get(&TestApi::new(), "/openapi.json").await;
    let mut routes = Vec::new();
    for (path, methods) in answer.body["paths"].as_object().expect("paths") {
        for method in methods.as_object().expect("methods").keys() {
            routes.push(format!("{} {path}", method.to_uppercase()));
        }
    }
    routes.sort();
    assert_eq!(
        routes,
        [
            "DELETE /sessions/user/{user_id}",
            "DELETE /sessions/{session_id}",
            "GET /health",
            "GET /health/sessions",
            "GET /ready",
            "GET /sessions/stats",
            "GET /sessions/user/{user_id}/sessions",
            "GET /sessions/validate",
            "GET /sessions/{session_id}",
            "PATCH /sessions/{session_id}",
            "POST /sessions/create",
            "POST /sessions/validate/{session_id}",
            "POST /sessions/{session_id}/activity",
            "POST /sessions/{session_id}/extend",
        ]
    );
    assert!(
        answer.body["components"]["schemas"]["Session"]["properties"]["session_id"].is_object()
    );
}

#[tokio::test]
async fn the_page_comes_whole_from_the_binary() {
    let api = TestApi::new();
    let redirect = get(&api, "/docs").await;
    assert_eq!(
        (redirect.status, redirect.header("location")),
        (303, "/docs/index.html")
    );
    let page = get(&api, "/docs/index.html").await;
    let page = page.body.as_str().expect("HTML");
    let mut parts = 0;
    for attribute in ["src=\"", "href=\""] {
        for piece in page.split(attribute).skip(1) {
            let target = piece.split('"').next().expect("an end");
            assert!(!target.contains("//"), "{target} comes from elsewhere");
            let path = format!("/docs/{}", target.trim_start_matches("./"));
            assert_eq!(get(&api, &path).await.status, 200, "{path}");
            parts += 1;
        }
    }
    assert!(parts >= 4, "style sheets and scripts: {parts}");
    let set_up = get(&api, "/docs/swagger-initializer.js").await;
    assert!(
        set_up
            .body
            .as_str()
            .expect("a script")
            .contains("/openapi.json")
    );
    assert_eq!(get(&api, "/docs/nope.js").await.status, 404);
}
