//! `--serve`: what may be typed of the page, and opening it.
use super::exit::usage;
use crate::config::Config;
use crate::web::{About, Page};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;

/// What of a command concerns the page.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct Serve {
    /// Serve a page on which the arm is watched and stopped: docs/page.md. `run` is drawn for on it (--trajectory is then
    /// driven first, if given), `teach` has buttons for what is recorded.
    /// [default: 127.0.0.1, port web.port; port 0 takes a free one]
    #[arg(long, value_name = "ADDRESS[:PORT]", num_args = 0..=1, default_missing_value = "127.0.0.1")]
    pub(super) serve: Option<Where>,
    /// Let other machines reach the page: it is not encrypted, and whoever has its address may move the arm.
    #[arg(long, requires = "serve")]
    expose_to_network: bool,
}

/// Where the page is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Where {
    ip: IpAddr,
    port: Option<u16>,
}

impl FromStr for Where {
    type Err = String;

    fn from_str(given: &str) -> Result<Where, String> {
        let whole = given.parse::<SocketAddr>().map(|at| Where { ip: at.ip(), port: Some(at.port()) });
        let name =
            if given == "localhost" { IpAddr::V4(Ipv4Addr::LOCALHOST).to_string() } else { given.to_owned() };
        let bare = || name.parse::<IpAddr>().map(|ip| Where { ip, port: None });
        whole
            .or_else(|_| bare())
            .map_err(|_| "allowed: an address, or ADDRESS:PORT, as 127.0.0.1:8707".to_owned())
    }
}

impl Serve {
    /// Opens the page, if one is wanted, and says where it is.
    pub(super) fn open(
        &self,
        config: &Config,
        about: &About,
        cores: Vec<usize>,
    ) -> anyhow::Result<Option<Page>> {
        let Some(Where { ip, port }) = self.serve else { return Ok(None) };
        let port = port.unwrap_or(config.web.port as u16); // validated
        let address = SocketAddr::new(ip, port);
        let page = Page::open(&config.web, address, self.expose_to_network, about, cores).map_err(usage)?;
        say!("page     {}", page.url());
        if !page.address().ip().is_loopback() {
            say!("note     other machines can reach the page, and nothing is encrypted on the way");
        }
        Ok(Some(page))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_come_with_a_port_or_without() {
        let at = |text: &str| text.parse::<Where>();
        assert_eq!(at("127.0.0.1"), Ok(Where { ip: IpAddr::V4(Ipv4Addr::LOCALHOST), port: None }));
        assert_eq!(at("localhost"), at("127.0.0.1"));
        assert_eq!(at("127.0.43.2:0").unwrap().port, Some(0));
        assert_eq!(at("[::1]:80").unwrap().port, Some(80));
        assert!(at("::1").is_ok() && at("8707").is_err() && at("lab:80").is_err());
    }
}
