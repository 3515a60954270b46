//! What a page can ask for.
use super::board::Errand;
use super::drawing::Drawing;
use super::gate::{self, Here};
use super::lesson::Press;
use super::reach::Stroke;
use super::wishes::Change;
use super::{Core, assets, socket};
use axum::body::{Body, to_bytes};
use axum::extract::{Extension, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use std::sync::Arc;
use std::time::Instant;

pub(super) const SESSION: &str = "/api/session";
pub(super) const STOP: &str = "/api/stop";
const ACT: &str = "/api/act";
const REACH: &str = "/api/reach";
const TRACE: &str = "/api/trace";
const HOME: &str = "/api/home";
const RECOVER: &str = "/api/recover";
const IMITATE: &str = "/api/imitate";
const TEACH: &str = "/api/teach";
pub(super) const LIVE: &str = "/api/live";

/// Bodies are not longer: a drawing with all its points, or a few words.
const DRAWING_BYTES: usize = 1 << 20;
const STROKE_BYTES: usize = 16 << 10;
const WORDS_BYTES: usize = 1 << 10;

pub(super) fn router(core: Arc<Core>) -> Router {
    Router::new()
        .route(LIVE, get(socket::live))
        .route(SESSION, post(session))
        .route(STOP, post(stop))
        .route(ACT, post(act))
        .route(REACH, post(reach))
        .route(TRACE, post(trace))
        .route(HOME, post(home))
        .route(RECOVER, post(recover))
        .route(IMITATE, post(imitate))
        .route(TEACH, post(teach))
        .fallback(asset)
        .layer(middleware::from_fn_with_state(Arc::clone(&core), gate::guard))
        .with_state(core)
}

type Refusal = (StatusCode, String);

/// What the body says, read only as far as it may be long.
async fn read<T: DeserializeOwned>(body: Body, limit: usize) -> Result<T, Refusal> {
    let bytes = to_bytes(body, limit).await.map_err(|_| {
        (StatusCode::PAYLOAD_TOO_LARGE, format!("the body is broken, or longer than {limit} bytes"))
    })?;
    serde_json::from_slice(&bytes).map_err(|e| (StatusCode::BAD_REQUEST, e.to_string()))
}

async fn asset(uri: Uri, headers: HeaderMap) -> Response {
    match assets::find(uri.path()) {
        Some(asset) => asset.answer(&headers),
        None => (StatusCode::NOT_FOUND, "there is nothing here").into_response(),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Token {
    token: String,
}

/// The token of the printed address, for a cookie that no script can read.
async fn session(
    State(core): State<Arc<Core>>,
    Extension(here): Extension<Here>,
    body: Body,
) -> Result<Response, Refusal> {
    let Token { token } = read(body, WORDS_BYTES).await?;
    if !core.token.is(&token) {
        let words = "the token is not that of the running program: open the address that it has printed";
        return Err((StatusCode::FORBIDDEN, words.to_owned()));
    }
    let cookie =
        format!("{}={}; HttpOnly; SameSite=Strict; Path=/", gate::cookie_name(here.0), core.session.as_str());
    Ok((StatusCode::NO_CONTENT, [(SET_COOKIE, cookie)]).into_response())
}

/// Whoever has a session may stop the arm; what the body says does not matter.
async fn stop(State(core): State<Arc<Core>>) -> StatusCode {
    core.board.halt();
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Imitate {
    /// The word that the page's socket was given: only the operator's page moves the arm.
    client: String,
    drawing: Drawing,
}

/// Only the operator's page moves the arm.
fn check_operator(core: &Core, client: &str) -> Result<(), Refusal> {
    if core.lease().is_held_by(client) {
        Ok(())
    } else {
        Err((StatusCode::FORBIDDEN, "another page is operating the arm".to_owned()))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Act {
    client: String,
    change: Change,
}

/// What moves shall go on otherwise.
async fn act(State(core): State<Arc<Core>>, body: Body) -> Result<StatusCode, Refusal> {
    let Act { client, change } = read(body, WORDS_BYTES).await?;
    check_operator(&core, &client)?;
    core.board.wish(change).map(|()| StatusCode::ACCEPTED)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    client: String,
    stroke: Stroke,
}

/// How well the arm can follow what is being drawn.
async fn reach(State(core): State<Arc<Core>>, body: Body) -> Result<Response, Refusal> {
    let Question { client, stroke } = read(body, STROKE_BYTES).await?;
    check_operator(&core, &client)?;
    if !core.reach_pace.allows(Instant::now()) {
        return Err((StatusCode::TOO_MANY_REQUESTS, "too many questions at once: wait a second".to_owned()));
    }
    match stroke.wrong() {
        Some(words) => Err((StatusCode::UNPROCESSABLE_ENTITY, words)),
        // Two hundred places take a while where they are out of reach: a STOP must not wait for them.
        None => match tokio::task::spawn_blocking(move || core.reach.answer(&stroke)).await {
            Ok(answer) => Ok(Json(answer).into_response()),
            Err(problem) => Err((StatusCode::INTERNAL_SERVER_ERROR, problem.to_string())),
        },
    }
}

/// The points of a drawing in the base frame, thinned, as the arm would follow them.
async fn trace(State(core): State<Arc<Core>>, body: Body) -> Result<Response, Refusal> {
    let _turn = core.bodies.acquire().await;
    let Imitate { client, drawing } = read(body, DRAWING_BYTES).await?;
    check_operator(&core, &client)?;
    let unprocessable = |words| (StatusCode::UNPROCESSABLE_ENTITY, words);
    if let Some(words) = drawing.wrong() {
        return Err(unprocessable(words));
    }
    // A file may take long to read: a STOP must not wait for it. One at a time, to its end even when nobody waits any more.
    let Ok(turn) = Arc::clone(&core.traces).acquire_owned().await else {
        return Err((StatusCode::SERVICE_UNAVAILABLE, "the program ends".to_owned()));
    };
    let configured = core.drawing.clone();
    let traced = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        drawing.trace(&configured)
    });
    match traced.await {
        Ok(Ok(trace)) => Ok(Json(trace).into_response()),
        Ok(Err(words)) => Err(unprocessable(words)),
        Err(_) => Err(unprocessable("the drawing could not be read".to_owned())),
    }
}

async fn imitate(State(core): State<Arc<Core>>, body: Body) -> Result<Response, Refusal> {
    let _turn = core.bodies.acquire().await;
    let Imitate { client, drawing } = read(body, DRAWING_BYTES).await?;
    check_operator(&core, &client)?;
    if let Some(words) = drawing.wrong() {
        return Err((StatusCode::UNPROCESSABLE_ENTITY, words));
    }
    give(&core, Errand::Imitate(Box::new(drawing)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Client {
    client: String,
}

async fn home(State(core): State<Arc<Core>>, body: Body) -> Result<Response, Refusal> {
    let Client { client } = read(body, WORDS_BYTES).await?;
    check_operator(&core, &client)?;
    give(&core, Errand::Home)
}

async fn recover(State(core): State<Arc<Core>>, body: Body) -> Result<Response, Refusal> {
    let Client { client } = read(body, WORDS_BYTES).await?;
    check_operator(&core, &client)?;
    give(&core, Errand::Recover)
}

fn give(core: &Core, errand: Errand) -> Result<Response, Refusal> {
    match core.board.give(errand) {
        true => Ok((StatusCode::ACCEPTED, Json(json!({}))).into_response()),
        false => {
            Err((StatusCode::CONFLICT, "the arm is busy: press STOP and wait until it is at rest".to_owned()))
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Teach {
    /// The word of the operator's page.
    client: String,
    press: Press,
}

async fn teach(State(core): State<Arc<Core>>, body: Body) -> Result<StatusCode, Refusal> {
    let Teach { client, press } = read(body, WORDS_BYTES).await?;
    check_operator(&core, &client)?;
    if let Some(words) = press.wrong() {
        return Err((StatusCode::UNPROCESSABLE_ENTITY, words));
    }
    match core.board.pressed(press) {
        true => Ok(StatusCode::ACCEPTED),
        false => {
            Err((StatusCode::CONFLICT, "nobody teaches now, or too much was pressed at once".to_owned()))
        }
    }
}
