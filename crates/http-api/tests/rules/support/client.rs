use async_trait::async_trait;
use chrono::TimeDelta;
use scripted_provider::{Endpoint, ScriptedProvider};
use session_core::ports::{Introspection, TokenProvider};
use session_core::{ProviderFailure, ProviderToken, TokenAnswer, TokenKind, token_answer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Speaks HTTP to the tests' provider.
pub(crate) struct HttpProvider {
    address: std::net::SocketAddr,
    token_path: String,
    client: [(&'static str, String); 2],
}

impl HttpProvider {
    pub(crate) fn of(provider: &ScriptedProvider) -> Self {
        let url = provider.url(Endpoint::Token);
        Self {
            address: provider.address(),
            token_path: url.strip_prefix(provider.issuer()).unwrap().to_owned(),
            client: [
                ("client_id", provider.client_id()),
                ("client_secret", provider.client_secret().unwrap()),
            ],
        }
    }

    async fn post(&self, path: &str, form: &[(&str, String)]) -> Result<Vec<u8>, ProviderFailure> {
        let lost = |error: std::io::Error| ProviderFailure::Ambiguous(error.kind().to_string());
        let body = serde_urlencoded::to_string(form).unwrap();
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n\r\n{body}",
            self.address,
            body.len(),
        );
        let mut stream = TcpStream::connect(self.address)
            .await
            .map_err(|error| ProviderFailure::Unavailable(error.kind().to_string()))?;
        stream.write_all(request.as_bytes()).await.map_err(lost)?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.map_err(lost)?;
        Ok(answer)
    }
}

#[async_trait]
impl TokenProvider for HttpProvider {
    async fn refresh(&self, refresh_token: &ProviderToken) -> Result<TokenAnswer, ProviderFailure> {
        let mut form = vec![
            ("grant_type", "refresh_token".to_owned()),
            ("refresh_token", refresh_token.expose().to_owned()),
        ];
        form.extend(self.client.clone());
        let answer = self.post(&self.token_path, &form).await?;
        let answer = String::from_utf8(answer).unwrap();
        let Some((head, body)) = answer.split_once("\r\n\r\n") else {
            return Err(ProviderFailure::Ambiguous("no answer".into()));
        };
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let retry_after = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("retry-after").then_some(value)
        });
        let retry_after = retry_after.map(|value| TimeDelta::seconds(value.parse().unwrap()));
        token_answer(status, retry_after, body.as_bytes())
    }

    async fn introspect(
        &self,
        _: &ProviderToken,
        _: TokenKind,
    ) -> Result<Option<Introspection>, ProviderFailure> {
        Ok(None)
    }

    async fn revoke(&self, _: &ProviderToken, _: TokenKind) -> Result<bool, ProviderFailure> {
        Ok(false)
    }
}
