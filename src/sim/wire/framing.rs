//! Where a request in the stream of a TCP connection ends.
use super::commands::Header;
use super::{Malformed, Request};

/// Largest request this version has is 428 bytes; whatever claims more is no client.
pub const REQUEST_MAX: usize = 1024;

/// The first request of a stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Framed<R = Request> {
    /// Its header.
    pub header: Header,
    /// What it asks for.
    pub request: R,
    /// Its bytes, header included; the next request begins behind them.
    pub length: usize,
}

/// The first request of `bytes` to the robot; `None` while some of it is still to come.
///
/// # Errors
/// A size no request has, an unknown command, a payload of another length than the command's.
pub fn next_request(bytes: &[u8]) -> Result<Option<Framed>, Malformed> {
    next_message(bytes, Header::LEN, Header::decode, Request::decode)
}

/// The same of any protocol with a header of `header_length` bytes.
pub(in crate::sim) fn next_message<R>(
    bytes: &[u8],
    header_length: usize,
    header: impl Fn(&[u8]) -> Result<Header, Malformed>,
    request: impl Fn(u32, &[u8]) -> Result<R, Malformed>,
) -> Result<Option<Framed<R>>, Malformed> {
    let Some(start) = bytes.get(..header_length) else { return Ok(None) };
    let header = header(start)?;
    let length = header.size as usize;
    if !(header_length..=REQUEST_MAX).contains(&length) {
        return Err(Malformed::Value { what: "Header", field: "size" });
    }
    let Some(payload) = bytes.get(header_length..length) else { return Ok(None) };
    let request = request(header.command, payload)?;
    Ok(Some(Framed { header, request, length }))
}
