//! The page itself, inside the program.
use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use flate2::{Compression, write::GzEncoder};
use std::io::Write;
use std::sync::LazyLock;

/// A file of the page.
pub(super) struct Asset {
    path: &'static str,
    kind: &'static str,
    plain: &'static [u8],
    packed: Vec<u8>,
}

macro_rules! assets {
    ($($path:literal $kind:literal $file:literal,)+) => {
        static ASSETS: LazyLock<Vec<Asset>> = LazyLock::new(|| {
            vec![$(Asset::new($path, $kind, include_bytes!(concat!("page/", $file))),)+]
        });
    };
}

assets! {
    "/" "text/html; charset=utf-8" "index.html",
    "/page.css" "text/css; charset=utf-8" "page.css",
    "/page.js" "text/javascript; charset=utf-8" "page.js",
    "/act.js" "text/javascript; charset=utf-8" "act.js",
    "/arm.js" "text/javascript; charset=utf-8" "arm.js",
    "/charts.js" "text/javascript; charset=utf-8" "charts.js",
    "/draw.js" "text/javascript; charset=utf-8" "draw.js",
    "/keys.js" "text/javascript; charset=utf-8" "keys.js",
    "/link.js" "text/javascript; charset=utf-8" "link.js",
    "/panda.bin" "application/octet-stream" "panda.bin",
    "/panda.js" "text/javascript; charset=utf-8" "panda.js",
    "/panda-license.txt" "text/plain; charset=utf-8" "panda-LICENSE.txt",
    "/panda-notice.txt" "text/plain; charset=utf-8" "panda-NOTICE.txt",
    "/plane.js" "text/javascript; charset=utf-8" "plane.js",
    "/reach.js" "text/javascript; charset=utf-8" "reach.js",
    "/scene.js" "text/javascript; charset=utf-8" "scene.js",
    "/teach.js" "text/javascript; charset=utf-8" "teach.js",
    "/three.js" "text/javascript; charset=utf-8" "three.min.js",
    "/three-license.txt" "text/plain; charset=utf-8" "three-LICENSE.txt",
    "/favicon.ico" "image/svg+xml" "icon.svg",
    "/icon.svg" "image/svg+xml" "icon.svg",
}

/// The file at `path`.
pub(super) fn find(path: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.path == path)
}

impl Asset {
    /// The file, packed for whoever can unpack it.
    pub(super) fn answer(&'static self, asked: &HeaderMap) -> Response {
        let takes_gzip = asked
            .get_all(ACCEPT_ENCODING)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .any(|coding| coding.trim() == "gzip");
        let kind = [
            (CONTENT_TYPE, HeaderValue::from_static(self.kind)),
            (VARY, HeaderValue::from_static("accept-encoding")),
        ];
        if takes_gzip {
            (kind, [(CONTENT_ENCODING, HeaderValue::from_static("gzip"))], self.packed.as_slice())
                .into_response()
        } else {
            (kind, self.plain).into_response()
        }
    }

    fn new(path: &'static str, kind: &'static str, plain: &'static [u8]) -> Asset {
        let mut packer = GzEncoder::new(Vec::new(), Compression::best());
        // Writing to memory does not fail.
        let packed = packer.write_all(plain).and_then(|()| packer.finish()).unwrap_or_default();
        Asset { path, kind, plain, packed }
    }
}

/// Packs everything, so that nobody waits for it.
pub(super) fn pack() {
    LazyLock::force(&ASSETS);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What others wrote, and may name where it comes from.
    const FOREIGN: [&str; 5] =
        ["/three.js", "/three-license.txt", "/panda.bin", "/panda-license.txt", "/panda-notice.txt"];

    #[test]
    fn the_page_weighs_little_and_names_no_other_place() {
        let packed: usize = ASSETS.iter().map(|asset| asset.packed.len()).sum();
        assert!(packed < 2_000_000, "{packed} bytes");
        for asset in ASSETS.iter().filter(|asset| !FOREIGN.contains(&asset.path)) {
            let text = std::str::from_utf8(asset.plain).expect("text");
            let ours = ["http://www.w3.org/2000/svg", "ws://${location.host}"];
            let names = ours.iter().fold(text.to_owned(), |text, own| text.replace(own, ""));
            assert!(!names.contains("://"), "{} names another place", asset.path);
        }
    }
    #[test]
    fn the_arm_is_given_out_as_bytes_with_its_licence_and_notice() {
        let arm = find("/panda.bin").expect("the arm");
        assert_eq!(arm.kind, "application/octet-stream");
        assert!(arm.packed.len() < 200_000, "{} bytes", arm.packed.len());
        for (path, words) in [
            ("/panda-license.txt", "Apache License\n                           Version 2.0"),
            ("/panda-notice.txt", "Copyright 2023 Franka Robotics GmbH"),
            ("/panda-notice.txt", "They were changed"),
        ] {
            let text = std::str::from_utf8(find(path).expect(path).plain).expect("text");
            assert!(text.contains(words), "{path} does not say {words:?}");
        }
    }
}
