//! Who may ask for what: the machine by its right name, from our own page, by whoever has the token.
//!
//! A browser sends what any page tells it to, so the name in `Host` is checked against a name that somebody else points
//! at this machine, and `Origin` against other pages; WebSockets know no rule of same origin by themselves.
use super::Core;
use super::assets;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_TYPE, COOKIE, HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// For reading a request and answering it.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Where a connection ends here.
#[derive(Clone, Copy)]
pub(super) struct Here(pub(super) SocketAddr);

/// What every answer carries.
const HEADERS: [(&str, &str); 6] = [
    (
        "content-security-policy",
        "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cache-control", "no-store"),
];

/// Refuses what must not come through, and gives what comes through its time.
pub(super) async fn guard(State(core): State<Arc<Core>>, request: Request, next: Next) -> Response {
    let mut response = match check(&core, &request) {
        Err(refusal) => refusal.into_response(),
        Ok(()) => match tokio::time::timeout(ANSWER_WITHIN, next.run(request)).await {
            Ok(response) => response,
            Err(_) => (StatusCode::REQUEST_TIMEOUT, "the request took too long").into_response(),
        },
    };
    for (name, value) in HEADERS {
        response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    response
}

type Refusal = (StatusCode, &'static str);

fn check(core: &Core, request: &Request) -> Result<(), Refusal> {
    let headers = request.headers();
    let here = request.extensions().get::<Here>().ok_or((StatusCode::INTERNAL_SERVER_ERROR, "no address"))?;
    let host = only(headers, &HOST).filter(|host| is_ours(host, here.0, &core.options.names));
    let host = host.ok_or((
        StatusCode::MISDIRECTED_REQUEST,
        "this machine is not called so: open the address that the program has printed",
    ))?;
    let path = request.uri().path();
    let is_live = path == super::routes::LIVE;
    match *request.method() {
        Method::GET if assets::find(path).is_some() => return Ok(()),
        Method::GET if is_live => {}
        Method::POST if path.starts_with("/api/") => {
            let content = only(headers, &CONTENT_TYPE).unwrap_or_default();
            if content.split(';').next().map(str::trim) != Some("application/json") {
                return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, "content-type: allowed: application/json"));
            }
        }
        Method::GET => return Err((StatusCode::NOT_FOUND, "there is nothing here")),
        _ => return Err((StatusCode::METHOD_NOT_ALLOWED, "allowed: GET of the page, POST of an order")),
    }
    if only(headers, &ORIGIN).and_then(|origin| origin.strip_prefix("http://")) != Some(host) {
        return Err((StatusCode::FORBIDDEN, "only this program's own page may ask"));
    }
    // A stop needs what every order needs, but never waits in line.
    if path != super::routes::STOP && !is_live && !core.pace.allows(Instant::now()) {
        return Err((StatusCode::TOO_MANY_REQUESTS, "too many orders at once: wait a second"));
    }
    if path != super::routes::SESSION && !has_session(core, headers, here.0) {
        return Err((
            StatusCode::UNAUTHORIZED,
            "no session: open the page by the whole address that the program has printed, with #t=",
        ));
    }
    Ok(())
}

/// The only value of a header; none where there are two.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// Whether a browser may call us `host`: by the address at which it reached us, as localhost, or by a name of ours. A name
/// that somebody else has pointed here is none of these.
fn is_ours(host: &str, here: SocketAddr, names: &[String]) -> bool {
    let Some(name) = host.strip_suffix(&format!(":{}", here.port())) else { return false };
    let is_local = here.ip().is_loopback() && name.eq_ignore_ascii_case("localhost");
    let is_address = name == here.ip().to_string() || name == format!("[{}]", here.ip());
    is_local || is_address || names.iter().any(|own| own.eq_ignore_ascii_case(name))
}

/// Cookies know no ports: each program's has a name of its own.
pub(super) fn cookie_name(here: SocketAddr) -> String {
    format!("franka_imit_{}", here.port())
}

fn has_session(core: &Core, headers: &HeaderMap, here: SocketAddr) -> bool {
    let name = cookie_name(here);
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .any(|(key, value)| key == name && core.session.is(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_names_are_ours() {
        let here: SocketAddr = "127.0.0.1:8707".parse().unwrap();
        let names = ["lab-pc".to_owned()];
        for host in ["127.0.0.1:8707", "localhost:8707", "LocalHost:8707", "lab-pc:8707"] {
            assert!(is_ours(host, here, &names), "{host}");
        }
        for host in [
            "127.0.0.1",
            "127.0.0.1:8708",
            "127.0.0.2:8707",
            "evil.example:8707",
            "localhost.evil:8707",
            ":8707",
            "",
        ] {
            assert!(!is_ours(host, here, &names), "{host}");
        }
        let six: SocketAddr = "[::1]:8707".parse().unwrap();
        assert!(is_ours("[::1]:8707", six, &[]) && is_ours("localhost:8707", six, &[]));
        let outside: SocketAddr = "192.168.1.5:8707".parse().unwrap();
        assert!(is_ours("192.168.1.5:8707", outside, &[]) && !is_ours("localhost:8707", outside, &[]));
    }
}
