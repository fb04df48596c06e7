//! The provider's own thread: its port, its connections, and what goes wrong on them.

use std::cell::Cell;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::mpsc as std_mpsc;
use std::task::{Context, Poll};
use std::thread;

use http_body::{Body, Frame};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::sleep;

use crate::endpoints::{endpoint, work};
use crate::state::{Shared, instant};
use crate::{Answer, Call, Fault};

const MAX_REQUEST_BYTES: usize = 256 * 1024;

/// The way to the provider's thread. The thread ends with it.
#[derive(Debug)]
pub(crate) struct Thread {
    commands: mpsc::UnboundedSender<(Command, std_mpsc::Sender<()>)>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Command {
    /// Closes the port and every connection.
    GoAway,
    /// Opens the port again.
    ComeBack,
}

impl Thread {
    pub(crate) fn start(listener: StdListener, shared: Shared) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (commands, received) = mpsc::unbounded_channel();
        thread::Builder::new()
            .name("scripted-provider".to_owned())
            .spawn(move || {
                let running = run(listener, address, shared, received);
                runtime.block_on(LocalSet::new().run_until(running));
            })?;
        Ok(Self { commands })
    }

    /// Has a command carried out, and waits until it is.
    pub(crate) fn tell(&self, command: Command) {
        let (done, is_done) = std_mpsc::channel();
        self.commands
            .send((command, done))
            .expect("the thread lives as long as this");
        is_done.recv().expect("the thread lives as long as this");
    }
}

async fn run(
    listener: StdListener,
    address: SocketAddr,
    shared: Shared,
    mut commands: mpsc::UnboundedReceiver<(Command, std_mpsc::Sender<()>)>,
) {
    let mut port = Some(TcpListener::from_std(listener).expect("a listener"));
    let mut connections = JoinSet::new();
    let mut count = 0;
    loop {
        tokio::select! {
            command = commands.recv() => match command {
                None => return,
                Some((Command::GoAway, done)) => {
                    port = None;
                    connections.shutdown().await;
                    let _ = done.send(());
                }
                Some((Command::ComeBack, done)) => {
                    if port.is_none() {
                        port = Some(TcpListener::bind(address).await.expect("the same port"));
                    }
                    let _ = done.send(());
                }
            },
            stream = accept(port.as_ref()) => {
                count += 1;
                let _ = stream.set_nodelay(true);
                connections.spawn_local(connection(stream, count, shared.clone()));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn accept(port: Option<&TcpListener>) -> TcpStream {
    let Some(port) = port else {
        return std::future::pending().await;
    };
    loop {
        if let Ok((stream, _)) = port.accept().await {
            return stream;
        }
    }
}

/// Serves a connection until either side closes it.
async fn connection(stream: TcpStream, number: u64, shared: Shared) {
    let is_reset = Rc::new(Cell::new(false));
    let reset = Rc::clone(&is_reset);
    let service = service_fn(move |request| {
        let shared = shared.clone();
        let reset = Rc::clone(&reset);
        Box::pin(async move { answer(request, number, &shared, &reset).await })
    });
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    // An error is what the script asked for, or the client's own affair.
    let _ = poll_fn(|cx| connection.poll_without_shutdown(cx)).await;
    if is_reset.get() {
        let stream = connection.into_parts().io.into_inner();
        let _ = stream.set_zero_linger();
    }
}

async fn answer(
    request: Request<Incoming>,
    connection: u64,
    shared: &Shared,
    reset: &Cell<bool>,
) -> Result<Response<Text>, Broken> {
    let Some(endpoint) = endpoint(request.uri().path()) else {
        return Ok(response(Answer::status(404), Text::whole));
    };
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, MAX_REQUEST_BYTES).collect().await;
    let body = body.map_err(|_| Broken)?.to_bytes();
    let query = parts.uri.query().unwrap_or_default().as_bytes();
    let form = if parts.method == "GET" { query } else { &body };
    let call = Call {
        endpoint,
        at: instant(),
        time: shared.lock().settings.now(),
        connection,
        method: parts.method.to_string(),
        target: parts.uri.to_string(),
        headers: parts
            .headers
            .iter()
            .map(|(name, value)| {
                let value = String::from_utf8_lossy(value.as_bytes());
                (name.to_string(), value.into_owned())
            })
            .collect(),
        form: serde_urlencoded::from_bytes(form).unwrap_or_default(),
        answered: None,
    };
    let (number, fault) = {
        let mut state = shared.lock();
        state.calls.push(call.clone());
        (state.calls.len() - 1, state.script.take(endpoint))
    };
    let done = || work(&mut shared.lock(), &call);
    let usual = |answer| response(answer, Text::whole);
    let response = match fault {
        None => usual(done()),
        Some(Fault::Status(status)) => usual(Answer::status(status)),
        Some(Fault::Instead(answer)) => usual(answer),
        Some(Fault::Replace(answer)) => {
            done();
            usual(answer)
        }
        Some(Fault::Delay(time)) => {
            sleep(time).await;
            usual(done())
        }
        Some(Fault::AnswerLate(time)) => {
            let answer = done();
            sleep(time).await;
            usual(answer)
        }
        Some(Fault::HoldBefore(held)) => {
            held.hold().await;
            usual(done())
        }
        Some(Fault::HoldAfter(held)) => {
            let answer = done();
            held.hold().await;
            usual(answer)
        }
        Some(Fault::DropBefore) => return Err(Broken),
        Some(Fault::DropAfter) => {
            done();
            return Err(Broken);
        }
        Some(Fault::ResetAfter) => {
            done();
            reset.set(true);
            return Err(Broken);
        }
        Some(Fault::Truncate) => response(done(), Text::half),
        Some(Fault::Oversize(surplus)) => {
            let mut answer = done();
            answer.body.resize(answer.body.len() + surplus, b' ');
            usual(answer)
        }
    };
    shared.lock().answered(number, response.status().as_u16());
    Ok(response)
}

fn response(answer: Answer, text: fn(Bytes) -> Text) -> Response<Text> {
    let mut response = Response::builder()
        .status(answer.status)
        .header("content-length", answer.body.len());
    for (name, value) in &answer.headers {
        response = response.header(name, value);
    }
    let body = text(answer.body.into());
    response.body(body).expect("an answer that HTTP can carry")
}

/// A body, or half of one.
#[derive(Debug)]
struct Text {
    rest: Option<Bytes>,
    is_cut: bool,
    is_sent: bool,
}

impl Text {
    fn whole(bytes: Bytes) -> Self {
        Self {
            rest: (!bytes.is_empty()).then_some(bytes),
            is_cut: false,
            is_sent: false,
        }
    }

    fn half(bytes: Bytes) -> Self {
        Self {
            is_cut: true,
            ..Self::whole(bytes.slice(..bytes.len() / 2))
        }
    }
}

impl Body for Text {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        if let Some(bytes) = self.rest.take() {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        if !self.is_cut {
            return Poll::Ready(None);
        }
        if !self.is_sent {
            // What came so far goes out before the connection breaks.
            self.is_sent = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Err(Broken)))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_none() && !self.is_cut
    }
}

/// The connection ends here.
#[derive(Debug)]
struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the script breaks the connection")
    }
}

impl std::error::Error for Broken {}
