//! A browser's part of the page, by plain sockets.
#![allow(dead_code, unreachable_pub)] // each test binary uses its part

use super::cli::{Folder, Running};
use serde_json::{Value, json};
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Longer than anything here takes on a busy machine.
pub const DEADLINE: Duration = Duration::from_secs(90);
/// Between two looks at something that is waited for.
const LOOK: Duration = Duration::from_millis(2);

/// The program with its page.
pub struct Served {
    pub program: Running,
    pub at: SocketAddr,
    pub token: String,
}

impl Served {
    /// Starts `line` in `folder` with a page at 127.0.43.`last`, and waits for its address.
    pub fn start(folder: &Folder, line: &str, last: u8) -> Served {
        let mut program = folder.start(&format!("{line} --serve 127.0.43.{last}:0"));
        let begun = Instant::now();
        loop {
            let words = program.words();
            if let Some((at, token)) = words
                .lines()
                .find_map(|line| line.strip_prefix("page     http://"))
                .and_then(|url| url.split_once("/#t="))
            {
                return Served { at: at.parse().expect("an address"), token: token.to_owned(), program };
            }
            assert!(begun.elapsed() < DEADLINE && !program.has_ended(), "no page: {words}");
            std::thread::sleep(LOOK);
        }
    }

    /// Sends `bytes` on a connection of its own and gives the status, 0 when it is closed without one, and everything.
    pub fn raw(&self, bytes: &[u8]) -> (u16, String) {
        let mut stream = self.connect();
        let _ = stream.write_all(bytes); // it may be refused before all of it is sent
        let answer = read_all(&mut stream);
        let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
        (status, answer)
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.at).expect("the page is there");
        stream.set_read_timeout(Some(Duration::from_millis(20))).expect("a time limit");
        stream
    }

    /// A POST as the page itself sends it, with `headers` in the place of its own where they have the same name.
    pub fn post(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> (u16, String) {
        let (host, origin) = (self.at.to_string(), format!("http://{}", self.at));
        let length = body.len().to_string();
        let mut all = vec![
            ("Host", host.as_str()),
            ("Origin", &origin),
            ("Content-Type", "application/json"),
            ("Content-Length", &length),
            ("Connection", "close"),
        ];
        for header in headers {
            all.retain(|(name, _)| name != &header.0);
            all.push(*header);
        }
        let mut request = format!("POST {path} HTTP/1.1\r\n").into_bytes();
        for (name, value) in all.iter().filter(|(_, value)| !value.is_empty()) {
            request.extend(format!("{name}: {value}\r\n").bytes());
        }
        request.extend(b"\r\n");
        request.extend(body);
        self.raw(&request)
    }

    /// Trades the token for the cookie.
    pub fn cookie(&self) -> String {
        let body = json!({ "token": self.token }).to_string();
        let (status, answer) = self.post("/api/session", &[], body.as_bytes());
        assert_eq!(status, 204, "{answer}");
        let cookie = answer.lines().find_map(|line| line.strip_prefix("set-cookie: ")).expect("a cookie");
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
        cookie.split(';').next().expect("its value").to_owned()
    }

    /// Opens a page.
    pub fn page(&self) -> Tab<'_> {
        let cookie = self.cookie();
        let mut stream = self.connect();
        write!(
            stream,
            "GET /api/live HTTP/1.1\r\nHost: {at}\r\nOrigin: http://{at}\r\nCookie: {cookie}\r\nConnection: Upgrade\r\n\
             Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            at = self.at
        )
        .expect("the request is sent");
        let mut tab = Tab {
            served: self,
            stream,
            cookie,
            bytes: Vec::new(),
            client: String::new(),
            now: Value::Null,
            operator: false,
            said: Vec::new(),
            updates: 0,
            plans: 0,
            plan: Value::Null,
            courses: Vec::new(),
        };
        tab.head();
        tab.until("a greeting", |tab| !tab.client.is_empty());
        tab
    }
}

/// A page that is open.
pub struct Tab<'a> {
    pub served: &'a Served,
    stream: TcpStream,
    pub cookie: String,
    bytes: Vec<u8>,
    pub client: String,
    pub now: Value,
    pub operator: bool,
    pub said: Vec<String>,
    pub updates: u64,
    /// How many plans it was given, the last of them, and as what it was displaced since.
    pub plans: u64,
    pub plan: Value,
    pub courses: Vec<Value>,
}

impl Tab<'_> {
    fn head(&mut self) {
        let begun = Instant::now();
        loop {
            if let Some(end) = self.bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&self.bytes[..end]).into_owned();
                assert!(head.starts_with("HTTP/1.1 101"), "{head}");
                self.bytes.drain(..end + 4);
                return;
            }
            assert!(begun.elapsed() < DEADLINE, "no answer");
            self.read();
        }
    }

    fn read(&mut self) {
        let mut some = [0; 16384];
        match self.stream.read(&mut some) {
            Ok(0) => {
                panic!("the page was closed; it was told {:?}\n{}", self.said, self.served.program.words())
            }
            Ok(n) => self.bytes.extend_from_slice(&some[..n]),
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(e) => panic!("{e}"),
        }
    }

    /// The next message of the server that is whole.
    fn message(&mut self) -> Option<Value> {
        let &[_, length, ref rest @ ..] = self.bytes.as_slice() else { return None };
        let (head, length) = match (length, rest) {
            (126, [a, b, ..]) => (4, usize::from(u16::from_be_bytes([*a, *b]))),
            (127, [..]) if rest.len() >= 8 => {
                (10, u64::from_be_bytes(rest[..8].try_into().expect("eight")) as usize)
            }
            (length @ ..126, _) => (2, usize::from(length)),
            _ => return None,
        };
        let text = self.bytes.get(head..head + length)?;
        let value = serde_json::from_slice(text).expect("JSON");
        self.bytes.drain(..head + length);
        Some(value)
    }

    /// Takes what comes, and gives signs of life, until `done`.
    pub fn until(&mut self, what: &str, mut done: impl FnMut(&Tab) -> bool) {
        let begun = Instant::now();
        while !done(self) {
            assert!(
                begun.elapsed() < DEADLINE,
                "{what}: still not so: {} {:?}\n{}",
                self.now,
                self.said,
                self.served.program.words()
            );
            self.read();
            while let Some(message) = self.message() {
                self.take(&message);
                if done(self) {
                    return;
                }
            }
        }
    }

    fn take(&mut self, message: &Value) {
        let (kind, what) = message.as_object().and_then(|m| m.iter().next()).expect("one kind");
        match kind.as_str() {
            "hello" => self.client = what["client"].as_str().expect("a word").to_owned(),
            "role" => self.operator = what["operator"] == true,
            "said" => self.said.push(what["words"].as_str().expect("words").to_owned()),
            "now" => {
                self.now = what.clone();
                self.updates += 1;
                if self.updates.is_multiple_of(8) {
                    self.send(&json!("alive"));
                }
            }
            "plan" => {
                self.plans += 1;
                self.plan = what.clone();
                self.courses.clear();
            }
            "course" => self.courses.push(what.clone()),
            other => panic!("unknown: {other}"),
        }
    }

    /// Sends a word, masked as a browser does.
    pub fn send(&mut self, word: &Value) {
        let text = word.to_string();
        assert!(text.len() < 126);
        let mut frame = vec![0x81, 0x80 | text.len() as u8, 1, 2, 3, 4];
        frame.extend(text.bytes().zip([1, 2, 3, 4].into_iter().cycle()).map(|(byte, mask)| byte ^ mask));
        self.stream.write_all(&frame).expect("the page is open");
    }

    /// Becomes the operator.
    pub fn operate(&mut self) {
        self.send(&json!("take"));
        self.until("the operator", |tab| tab.operator);
    }

    pub fn is(&self, stage: &str) -> bool {
        self.now["stage"] == stage
    }

    pub fn post(&self, path: &str, body: &Value) -> (u16, String) {
        self.served.post(path, &[("Cookie", &self.cookie)], body.to_string().as_bytes())
    }

    /// Asks for a change of what moves.
    pub fn act(&self, change: Value) -> (u16, String) {
        self.post("/api/act", &json!({ "client": self.client, "change": change }))
    }

    /// Asks for a stroke on the original's plane to be followed.
    pub fn imitate(&self, laps: u32) -> (u16, String) {
        self.post("/api/imitate", &json!({ "client": self.client, "drawing": drawing(laps) }))
    }

    /// How fast the arm moves, from its joints in two updates.
    pub fn joints(&self) -> Vec<f64> {
        let q = self.now["q_rad"].as_array().expect("joints");
        q.iter().map(|q| q.as_f64().expect("a number")).collect()
    }
}

/// A wave as a hand would draw it, 0.16 m long, in the plane z = 0.5.
pub fn drawing(laps: u32) -> Value {
    let at = |k: u32| {
        let u = f64::from(k) / 120.0;
        [0.3 + 0.03 * (std::f64::consts::TAU * u).sin(), 0.08 - 0.16 * u, 0.5]
    };
    json!({ "points_m": (0..=120).map(at).collect::<Vec<_>>(), "speed_m_s": 0.1, "laps": laps })
}

fn read_all(stream: &mut TcpStream) -> String {
    let (begun, mut bytes, mut some) = (Instant::now(), Vec::new(), [0; 16384]);
    while begun.elapsed() < DEADLINE {
        match stream.read(&mut some) {
            Ok(0) => break,
            Ok(n) => bytes.extend_from_slice(&some[..n]),
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => break,
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
