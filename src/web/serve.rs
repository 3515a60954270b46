//! The page's thread: accepts connections, few at a time and none for long.
use super::gate::Here;
use super::{Core, assets, routes, socket};
use crate::robot::realtime;
use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, oneshot};

/// Connections at a time; who comes when there are so many is turned away at once.
const CONNECTIONS: usize = 64;
/// For the head of a request, and between two requests.
const HEAD_WITHIN: Duration = Duration::from_secs(5);
/// The longest head of a request, bytes.
const HEAD_BYTES: usize = 16 << 10;
/// A connection that is no live one is ended after so long, whatever it does.
const LIFE: Duration = Duration::from_secs(60);
/// After an accept that failed, for want of descriptors for example.
const BREATH: Duration = Duration::from_millis(50);

/// Serves until `end` is dropped.
pub(super) fn run(
    core: &Arc<Core>,
    listeners: Vec<TcpListener>,
    end: oneshot::Receiver<()>,
    cores: &[usize],
) -> std::io::Result<()> {
    realtime::block_signals();
    realtime::pin(cores);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    assets::pack();
    let served = runtime.block_on(async {
        tokio::spawn(socket::write(Arc::clone(core)));
        let router = routes::router(Arc::clone(core));
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        for listener in listeners {
            listener.set_nonblocking(true)?;
            let listener = tokio::net::TcpListener::from_std(listener)?;
            tokio::spawn(accept(router.clone(), listener, Arc::clone(&places)));
        }
        let _ = end.await; // dropped: the program has no more to show
        Ok(())
    });
    // A drawing that is still being read is left.
    runtime.shutdown_background();
    served
}

async fn accept(router: Router, listener: tokio::net::TcpListener, places: Arc<Semaphore>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(BREATH).await;
            continue;
        };
        if let Ok(place) = Arc::clone(&places).try_acquire_owned() {
            let router = router.clone();
            tokio::spawn(async move {
                let _ = tokio::time::timeout(LIFE, answer(router, stream)).await;
                drop(place);
            });
        }
    }
}

async fn answer(router: Router, stream: TcpStream) {
    let Ok(here) = stream.local_addr() else { return };
    let _ = stream.set_nodelay(true); // a stop must not wait for more bytes
    let service = TowerToHyperService::new(router.layer(Extension(Here(here))));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    if let Err(error) = connection.await {
        log::debug!("a connection of the page ended: {error}");
    }
}
