//! The cookie that ties a login to the browser (requirements 18 and 49).

use http_api::ApiConfig;

use super::browser::{Bed, callback, query};

#[tokio::test]
async fn a_login_is_tied_to_the_browser_by_a_cookie_of_its_own() {
    let bed = Bed::new();
    let answer = bed.browser().visit("/auth/login/one").await;
    let cookie = answer.header("set-cookie");
    let (pair, attributes) = cookie.split_once("; ").unwrap();
    let (name, value) = pair.split_once('=').unwrap();
    let state = &query(answer.header("location"))["state"];
    assert_eq!(name, format!("__Host-login-{}", app::login_tag(state)));
    assert!(!value.is_empty() && cookie.len() < 4096);
    let attributes: Vec<_> = attributes.split("; ").collect();
    let expected = [
        "Path=/",
        "HttpOnly",
        "SameSite=Lax",
        "Secure",
        "Max-Age=600",
    ];
    assert_eq!(attributes, expected);
    let bed = Bed::with(ApiConfig {
        secure_cookies: false,
        ..ApiConfig::default()
    });
    let mut browser = bed.browser();
    let answer = browser.visit("/auth/login/one").await;
    let cookie = answer.header("set-cookie");
    assert!(
        cookie.starts_with("login-") && !cookie.contains("Secure"),
        "{cookie}"
    );
    let back = callback(&bed.one, answer.header("location"));
    browser.visit(&back).await.ok();
    assert!(browser.logins().is_empty());
}

/// Five at once; whoever begins another loses the one that was begun first.
#[tokio::test]
async fn a_browser_has_a_handful_of_logins_under_way() {
    let bed = Bed::new();
    let mut browser = bed.browser();
    let mut urls = Vec::new();
    for begun in 1..=8 {
        let answer = browser.visit("/auth/login/one").await;
        urls.push(answer.header_values("location")[0].clone());
        let cookies = answer.header_values("set-cookie").len();
        assert_eq!(cookies, if begun <= 5 { 1 } else { 2 }, "{begun}");
        assert_eq!(browser.logins().len(), begun.min(5));
    }
    let lost = browser.visit(&callback(&bed.one, &urls[2])).await;
    assert_eq!(lost.problem(400), "login_failed");
    for url in &urls[3..] {
        browser.visit(&callback(&bed.one, url)).await.ok();
    }
    assert!(browser.logins().is_empty());
    // Whoever sends a hundred has them taken away, a number at a time.
    for number in 0..100 {
        browser.set_cookie(&format!("__Host-login-{number:012}"), "x");
    }
    let answer = browser.visit("/auth/login/one").await;
    assert_eq!(answer.header_values("set-cookie").len(), 17);
    for _ in 0..7 {
        browser.visit("/auth/login/one").await;
    }
    assert_eq!(browser.logins().len(), 5);
}

/// What may pass leaves the login as it was; what is over takes its cookie along, and no other.
#[tokio::test]
async fn the_cookie_goes_with_its_login() {
    let bed = Bed::new();
    let mut browser = bed.browser();
    let other = browser.start("/auth/login/two").await;
    let url = browser.start("/auth/login/one").await;
    assert_eq!(browser.logins().len(), 2);
    let back = callback(&bed.one, &url);
    let denied = back.replace("code=", "error=access_denied&x=");
    assert_eq!(browser.visit(&denied).await.problem(403), "access_denied");
    assert_eq!(browser.logins().len(), 1);
    // A state that this browser never had takes nothing away.
    let unknown = format!("/auth/callback?code=a&state={}", "A".repeat(43));
    let answer = browser.visit(&unknown).await;
    assert_eq!(answer.problem(400), "login_failed");
    assert!(!answer.headers.contains_key("set-cookie"));
    browser.visit(&callback(&bed.two, &other)).await.ok();
    assert!(browser.logins().is_empty());
}

/// Two cookies of one name: somebody put one of them there.
#[tokio::test]
async fn a_browser_that_says_two_things_is_believed_neither() {
    let bed = Bed::new();
    let mut browser = bed.browser();
    let url = browser.start("/auth/login/one").await;
    let name = browser.logins().remove(0);
    let right = browser.cookie(&name).unwrap().to_owned();
    let back = callback(&bed.one, &url);
    let ask = crate::support::Ask::get(&back).header("cookie", format!("{name}={right}; {name}=x"));
    assert_eq!(bed.server.send(ask).await.problem(400), "login_failed");
    let ask =
        crate::support::Ask::get(&back).header("cookie", format!("{name}={right}; {name}={right}"));
    bed.server.send(ask).await.ok();
}
