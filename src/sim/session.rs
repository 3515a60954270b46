//! One client at a time over TCP: who may connect, framing, and answers spaced so that no client trips.
use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::marker::PhantomData;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use socket2::SockRef;

use super::wire::commands::{Connect, ConnectStatus, Header};
use super::wire::framing::{Framed, REQUEST_MAX, next_message};
use super::wire::{Malformed, Request, Response};

/// Least time between two answers. libfranka-rs 0.9.0 reads one message per readiness edge: two that are
/// readable at once leave it waiting for ever.
const SPACING: Duration = Duration::from_millis(2);
/// Connections that have not said Connect yet; more wait in the system's queue.
const WAITING_MAX: usize = 16;
/// How long such a connection may stay silent.
const SILENCE_MAX: Duration = Duration::from_secs(10);
/// Pause between attempts to listen again when the port is taken.
const LISTEN_AGAIN: Duration = Duration::from_millis(100);

/// Answers that may wait for their turn; a client that asks faster than it can be answered is read later.
const ANSWERS_MAX: usize = 32;
/// Requests taken at one look, so that a client that never stops asking does not stop time.
const REQUESTS_MAX: usize = 8;

/// What differs between the protocols of the robot and of its hand.
pub(super) trait Protocol {
    /// What a client asks for.
    type Request;
    /// Bytes in front of every message.
    const HEADER: usize;
    /// Reads those bytes.
    fn header(bytes: &[u8]) -> Result<Header, Malformed>;
    /// Reads the rest of a request.
    fn request(command: u32, payload: &[u8]) -> Result<Self::Request, Malformed>;
    /// The request, if it opens a session.
    fn connect(request: &Self::Request) -> Option<Connect>;
    /// The answer to that.
    fn connected(status: ConnectStatus, version: u16, command_id: u32) -> Vec<u8>;
}

/// The robot's own.
#[derive(Debug)]
pub(super) enum RobotProtocol {}

impl Protocol for RobotProtocol {
    type Request = Request;
    const HEADER: usize = Header::LEN;

    fn header(bytes: &[u8]) -> Result<Header, Malformed> {
        Header::decode(bytes)
    }

    fn request(command: u32, payload: &[u8]) -> Result<Request, Malformed> {
        Request::decode(command, payload)
    }

    fn connect(request: &Request) -> Option<Connect> {
        match request {
            Request::Connect(connect) => Some(*connect),
            _ => None,
        }
    }

    fn connected(status: ConnectStatus, version: u16, command_id: u32) -> Vec<u8> {
        Response::Connect { status, version }.encode(command_id)
    }
}

/// What a look at the sockets brought.
#[derive(Debug)]
pub(super) enum Event<R = Request> {
    /// A client's session is open; its states go to `udp`.
    Connected { udp: SocketAddr },
    /// The client asks for something.
    Request { command_id: u32, request: R },
    /// The client has gone, or was dropped because it does not speak the protocol.
    Left,
}

/// A connection and what has come of the message that is on its way.
#[derive(Debug)]
struct Connection {
    stream: TcpStream,
    peer: SocketAddr,
    bytes: Vec<u8>,
    since: Instant,
    /// Answered for good (wrong version): kept until the peer closes, so that it can read the answer.
    refused: bool,
}

/// What reading from a connection ended with.
enum Incoming<R> {
    Nothing,
    Message { header: Header, request: R },
    Closed,
}

/// The TCP side of the robot, or of its hand.
#[derive(Debug)]
pub(super) struct Session<P = RobotProtocol> {
    address: SocketAddr,
    version: u16,
    /// Open only while no client is served: the next one is refused by the kernel and cannot disturb.
    listener: Option<TcpListener>,
    waiting: Vec<Connection>,
    client: Option<Connection>,
    /// Answers to come, each with its earliest time.
    replies: VecDeque<(Instant, Vec<u8>)>,
    last_sent: Instant,
    listen_again: Instant,
    protocol: PhantomData<P>,
}

impl<P: Protocol> Session<P> {
    /// Listens on `address`.
    ///
    /// # Errors
    /// Whatever binding says: the port is in use, or the address is not this machine's.
    pub(super) fn listen(address: SocketAddr, version: u16) -> std::io::Result<Self> {
        let now = Instant::now();
        Ok(Self {
            address,
            version,
            listener: Some(listener(address)?),
            waiting: Vec::new(),
            client: None,
            replies: VecDeque::new(),
            last_sent: now,
            listen_again: now,
            protocol: PhantomData,
        })
    }

    /// The client, while one is served.
    pub(super) fn client(&self) -> Option<SocketAddr> {
        self.client.as_ref().map(|client| client.peer)
    }

    /// Looks at the sockets once, without blocking; `pretend` may name a version to refuse a Connect with.
    pub(super) fn poll(
        &mut self,
        events: &mut Vec<Event<P::Request>>,
        pretend: &mut dyn FnMut() -> Option<u16>,
    ) {
        match self.client.take() {
            Some(mut client) => loop {
                if events.len() >= REQUESTS_MAX || self.replies.len() >= ANSWERS_MAX {
                    break self.client = Some(client);
                }
                match client.receive::<P>() {
                    Ok(Incoming::Nothing) => break self.client = Some(client),
                    Ok(Incoming::Message { header, request }) if P::connect(&request).is_none() => {
                        events.push(Event::Request { command_id: header.command_id, request });
                    }
                    Ok(Incoming::Message { .. }) => {
                        log::warn!("{}: a second Connect on one connection; dropped", client.peer);
                        break self.client_left(events);
                    }
                    Ok(Incoming::Closed) => break self.client_left(events),
                    Err(malformed) => {
                        log::warn!("{}: {malformed}; dropped", client.peer);
                        break self.client_left(events);
                    }
                }
            },
            None => self.admit(events, pretend),
        }
    }

    /// Ends the client's connection from our side; with `reset`, as a machine that has lost it does.
    pub(super) fn hang_up(&mut self, reset: bool) {
        let Some(client) = self.client.take() else { return };
        self.replies.clear();
        if reset && let Err(error) = SockRef::from(&client.stream).set_linger(Some(Duration::ZERO)) {
            log::warn!("{}: closed, not reset: {error}", client.peer);
        }
    }

    /// Whoever sees that the client has gone finds the port open.
    fn client_left(&mut self, events: &mut Vec<Event<P::Request>>) {
        self.replies.clear();
        self.listen_anew();
        events.push(Event::Left);
    }

    fn listen_anew(&mut self) {
        match listener(self.address) {
            Ok(listener) => self.listener = Some(listener),
            Err(error) => {
                log::error!("cannot listen on {} again: {error}; trying on", self.address);
                self.listen_again = Instant::now() + LISTEN_AGAIN;
            }
        }
    }

    /// Accepts connections and serves the first that says Connect with our version.
    fn admit(&mut self, events: &mut Vec<Event<P::Request>>, pretend: &mut dyn FnMut() -> Option<u16>) {
        if self.listener.is_none() && Instant::now() >= self.listen_again {
            self.listen_anew();
        }
        while self.waiting.len() < WAITING_MAX
            && let Some(Ok((stream, peer))) = self.listener.as_ref().map(TcpListener::accept)
        {
            if prepare(&stream).is_ok() {
                let connection =
                    Connection { stream, peer, bytes: Vec::new(), since: Instant::now(), refused: false };
                self.waiting.push(connection);
            }
        }
        let mut i = 0;
        while i < self.waiting.len() {
            match self.greet(i, pretend) {
                Greeting::Wait => i += 1,
                Greeting::Close => drop(self.waiting.swap_remove(i)),
                Greeting::Serve { udp_port, answer } => {
                    // Nobody can connect from here on, and whoever has not said Connect is turned away.
                    self.listener = None;
                    let client = self.waiting.swap_remove(i);
                    self.waiting.clear();
                    events.push(Event::Connected { udp: SocketAddr::new(client.peer.ip(), udp_port) });
                    self.client = Some(client);
                    return self.send(answer, 0);
                }
            }
        }
    }

    fn greet(&mut self, i: usize, pretend: &mut dyn FnMut() -> Option<u16>) -> Greeting {
        let connection = &mut self.waiting[i];
        match connection.receive::<P>() {
            Ok(Incoming::Nothing) if connection.since.elapsed() < SILENCE_MAX => Greeting::Wait,
            Ok(Incoming::Message { header, request }) if !connection.refused => {
                let Some(connect) = P::connect(&request) else { return Greeting::Close };
                let version = pretend().unwrap_or(self.version);
                let fits = connect.version == version;
                let status =
                    if fits { ConnectStatus::Success } else { ConnectStatus::IncompatibleLibraryVersion };
                let answer = P::connected(status, version, header.command_id);
                if fits && connection.has_left() {
                    return Greeting::Close; // serving it would refuse whoever has come after it
                }
                if fits {
                    return Greeting::Serve { udp_port: connect.udp_port, answer };
                }
                log::info!("{}: version {} refused, ours is {version}", connection.peer, connect.version);
                connection.refused = true;
                match connection.stream.write_all(&answer) {
                    Ok(()) => Greeting::Wait,
                    Err(_) => Greeting::Close,
                }
            }
            _ => Greeting::Close,
        }
    }

    /// Queues an answer for `after_ms` from now, behind those already waiting.
    pub(super) fn send(&mut self, answer: Vec<u8>, after_ms: u64) {
        self.replies.push_back((Instant::now() + Duration::from_millis(after_ms), answer));
        self.flush();
    }

    /// Whether an answer given now would leave now.
    pub(super) fn ready(&self) -> bool {
        self.replies.is_empty() && self.last_sent.elapsed() >= SPACING
    }

    /// Sends the next answer if its time has come: never two within [`SPACING`].
    pub(super) fn flush(&mut self) {
        let Some((due, _)) = self.replies.front() else { return };
        let now = Instant::now();
        if now < *due || now < self.last_sent + SPACING {
            return;
        }
        let (Some((_, answer)), Some(client)) = (self.replies.front_mut(), &mut self.client) else { return };
        match client.stream.write(answer) {
            // A client that does not read fast enough gets the rest of a long answer with the next cycles.
            Ok(sent) if sent < answer.len() => {
                answer.drain(..sent);
                return;
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => return,
            // Whoever does not read a few hundred bytes has gone; the next poll finds that out.
            Err(error) => log::warn!("{}: answer not sent: {error}", client.peer),
            Ok(_) => {}
        }
        self.replies.pop_front();
        self.last_sent = now;
    }
}

enum Greeting {
    Wait,
    Close,
    Serve { udp_port: u16, answer: Vec<u8> },
}

impl Connection {
    fn receive<P: Protocol>(&mut self) -> Result<Incoming<P::Request>, Malformed> {
        let mut chunk = [0; REQUEST_MAX];
        loop {
            if let Some(message) = self.take_message::<P>()? {
                return Ok(message);
            }
            match self.stream.read(&mut chunk) {
                Ok(0) => return Ok(Incoming::Closed),
                Ok(read) => self.bytes.extend_from_slice(&chunk[..read]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Incoming::Nothing),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Ok(Incoming::Closed),
            }
        }
    }

    /// Whether the peer has closed already and nothing more is to come.
    fn has_left(&self) -> bool {
        match self.stream.peek(&mut [0]) {
            Ok(unread) => unread == 0,
            Err(error) => !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted),
        }
    }

    /// The first whole message among the bytes so far.
    fn take_message<P: Protocol>(&mut self) -> Result<Option<Incoming<P::Request>>, Malformed> {
        let framed = next_message(&self.bytes, P::HEADER, P::header, P::request)?;
        let Some(Framed { header, request, length }) = framed else { return Ok(None) };
        self.bytes.drain(..length);
        Ok(Some(Incoming::Message { header, request }))
    }
}

/// Rust's listener sets SO_REUSEADDR here, so the connection just closed does not hold the port.
fn listener(address: SocketAddr) -> std::io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn prepare(stream: &TcpStream) -> std::io::Result<()> {
    stream.set_nonblocking(true)?;
    stream.set_nodelay(true)
}
