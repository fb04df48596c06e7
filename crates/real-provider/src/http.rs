//! Plain HTTP to this machine, off the async threads.

use std::time::Duration;

use ureq::http::{Request, Response};

/// Longer than any delay that a test asks for.
const LIMIT: Duration = Duration::from_secs(40);

/// Asks once, follows nothing. Panics where no answer comes.
pub(crate) async fn ask(request: Request<String>) -> Response<String> {
    let asked = format!("{} {}", request.method(), request.uri().path());
    let answer = tokio::task::spawn_blocking(move || {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .timeout_global(Some(LIMIT))
            .build()
            .into();
        let (head, mut body) = agent.run(request)?.into_parts();
        Ok::<_, ureq::Error>(Response::from_parts(head, body.read_to_string()?))
    });
    let answer = answer.await.expect("asking does not panic");
    answer.unwrap_or_else(|error| panic!("the provider did not answer {asked}: {error}"))
}
