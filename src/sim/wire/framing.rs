//! Where a request in the stream of a TCP connection ends.
use super::commands::Header;
use super::{Malformed, Request};

/// Largest request this version has is 428 bytes; whatever claims more is no client.
pub const REQUEST_MAX: usize = 1024;

/// The first request of a stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Framed {
    /// Its header.
    pub header: Header,
    /// What it asks for.
    pub request: Request,
    /// Its bytes, header included; the next request begins behind them.
    pub length: usize,
}

/// The first request of `bytes`; `None` while some of it is still to come.
///
/// # Errors
/// A size no request has, an unknown command, a payload of another length than the command's.
pub fn next_request(bytes: &[u8]) -> Result<Option<Framed>, Malformed> {
    let Some(header) = bytes.get(..Header::LEN) else { return Ok(None) };
    let header = Header::decode(header)?;
    let length = header.size as usize;
    if !(Header::LEN..=REQUEST_MAX).contains(&length) {
        return Err(Malformed::Value { what: "Header", field: "size" });
    }
    let Some(payload) = bytes.get(Header::LEN..length) else { return Ok(None) };
    let request = Request::decode(header.command, payload)?;
    Ok(Some(Framed { header, request, length }))
}
