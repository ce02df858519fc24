//! The web app: its files, which are in the binary, and the session of a browser.
//!
//! A browser gets its session for the token, which the address has in its fragment, so that no server and no log sees it. The
//! session is two halves that both have to come with each request: a cookie that no script can read, and a header that only
//! the page can send. Cookies know no ports: another program on this machine may be sent the cookie, and then lacks the header.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use super::app::App;
use super::body::Session;
use super::error::ApiError;

macro_rules! files {
    ($($path:literal $mime:literal $file:literal;)+) => {
        /// Path, media type and bytes of every file of the app, as it is written.
        pub const FILES: &[(&str, &str, &[u8])] = &[$(($path, $mime, include_bytes!(concat!("ui/", $file)))),+];
    };
}

files! {
    "/" "text/html; charset=utf-8" "index.html";
    "/app.css" "text/css; charset=utf-8" "app.css";
    "/room.css" "text/css; charset=utf-8" "room.css";
    "/manifest.webmanifest" "application/manifest+json" "manifest.webmanifest";
    "/icon.svg" "image/svg+xml" "icon.svg";
    "/icons.svg" "image/svg+xml" "icons.svg";
    "/favicon.ico" "image/png" "icon-192.png";
    "/icon-192.png" "image/png" "icon-192.png";
    "/icon-512.png" "image/png" "icon-512.png";
    "/shell.js" "text/javascript; charset=utf-8" "shell.js";
    "/js/main.js" "text/javascript; charset=utf-8" "js/main.js";
    "/js/dom.js" "text/javascript; charset=utf-8" "js/dom.js";
    "/js/words.js" "text/javascript; charset=utf-8" "js/words.js";
    "/js/node.js" "text/javascript; charset=utf-8" "js/node.js";
    "/js/state.js" "text/javascript; charset=utf-8" "js/state.js";
    "/js/parts.js" "text/javascript; charset=utf-8" "js/parts.js";
    "/js/chats.js" "text/javascript; charset=utf-8" "js/chats.js";
    "/js/camera.js" "text/javascript; charset=utf-8" "js/camera.js";
    "/js/viewer.js" "text/javascript; charset=utf-8" "js/viewer.js";
    "/js/voice.js" "text/javascript; charset=utf-8" "js/voice.js";
    "/js/room.js" "text/javascript; charset=utf-8" "js/room.js";
    "/js/bubble.js" "text/javascript; charset=utf-8" "js/bubble.js";
    "/js/composer.js" "text/javascript; charset=utf-8" "js/composer.js";
    "/js/media.js" "text/javascript; charset=utf-8" "js/media.js";
    "/js/people.js" "text/javascript; charset=utf-8" "js/people.js";
    "/js/settings.js" "text/javascript; charset=utf-8" "js/settings.js";
    "/js/welcome.js" "text/javascript; charset=utf-8" "js/welcome.js";
    "/text/en.ftl" "text/plain; charset=utf-8" "text/en.ftl";
    "/text/zh-Hans.ftl" "text/plain; charset=utf-8" "text/zh-Hans.ftl";
    "/text/id.ftl" "text/plain; charset=utf-8" "text/id.ftl";
    "/text/es.ftl" "text/plain; charset=utf-8" "text/es.ftl";
    "/text/ar.ftl" "text/plain; charset=utf-8" "text/ar.ftl";
    "/vendor/fluent/index.js" "text/javascript; charset=utf-8" "vendor/fluent/index.js";
    "/vendor/fluent/ast.js" "text/javascript; charset=utf-8" "vendor/fluent/ast.js";
    "/vendor/fluent/builtins.js" "text/javascript; charset=utf-8" "vendor/fluent/builtins.js";
    "/vendor/fluent/bundle.js" "text/javascript; charset=utf-8" "vendor/fluent/bundle.js";
    "/vendor/fluent/memoizer.js" "text/javascript; charset=utf-8" "vendor/fluent/memoizer.js";
    "/vendor/fluent/resolver.js" "text/javascript; charset=utf-8" "vendor/fluent/resolver.js";
    "/vendor/fluent/resource.js" "text/javascript; charset=utf-8" "vendor/fluent/resource.js";
    "/vendor/fluent/scope.js" "text/javascript; charset=utf-8" "vendor/fluent/scope.js";
    "/vendor/fluent/types.js" "text/javascript; charset=utf-8" "vendor/fluent/types.js";
}

/// Whether this path is a file of the app, which everybody on this machine may read: it says nothing about anybody.
pub(super) fn is_file(path: &str) -> bool {
    FILES.iter().any(|(file, ..)| *file == path)
}

/// A file as browsers get it: scripts and styles without comments, indentation and needless spaces. Each line stays where it is, so that what a browser says of a
/// line is true of the file.
pub fn sent(path: &str, bytes: &'static [u8]) -> Cow<'static, [u8]> {
    let text = std::str::from_utf8(bytes).ok().filter(|_| path.ends_with(".js") || path.ends_with(".css"));
    let Some(text) = text else { return Cow::Borrowed(bytes) };
    let mut out = String::with_capacity(text.len());
    let mut is_comment = false;
    for line in text.lines() {
        let line = line.trim();
        let is_block = is_comment || line.starts_with("/*");
        is_comment = is_block && !line.ends_with("*/");
        let line = if is_block || line.starts_with("//") { "" } else { line };
        if path.ends_with(".css") {
            out += &TIGHT.iter().fold(line.to_owned(), |line, (loose, tight)| line.replace(loose, tight));
        } else {
            out += line;
        }
        out.push('\n');
    }
    Cow::Owned(out.into_bytes())
}

/// Spaces in a style that say nothing.
const TIGHT: [(&str, &str); 6] = [(" { ", "{"), ("; }", "}"), ("; ", ";"), (": ", ":"), (", ", ","), (" > ", ">")];

/// What is sent for each of [`FILES`], with its tag.
static SENT: LazyLock<Vec<(Cow<'static, [u8]>, String)>> = LazyLock::new(|| {
    let sent = FILES.iter().map(|(path, _, bytes)| sent(path, bytes));
    sent.map(|bytes| (bytes.clone(), format!("\"{}\"", &blake3::hash(&bytes).to_hex()[..32]))).collect()
});

/// Answers with a file of the app. A browser that has it already is told so.
pub(super) fn file(at: usize, headers: &HeaderMap) -> Response {
    let ((_, mime, _), (bytes, tag)) = (FILES[at], &SENT[at]);
    let is_known = headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let bytes: &'static [u8] = bytes;
    let mut response = if is_known { StatusCode::NOT_MODIFIED.into_response() } else { Body::from(bytes).into_response() };
    let head = response.headers_mut();
    head.insert(header::CONTENT_TYPE, HeaderValue::from_static(mime));
    head.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(tag) = HeaderValue::try_from(tag) {
        head.insert(header::ETAG, tag);
    }
    response
}

/// What a browser acts with, until the node stops.
#[derive(Clone)]
pub(super) struct Halves {
    pub(super) cookie_name: String,
    pub(super) cookie: String,
    pub(super) page: String,
}

/// The header that the page sends.
pub(super) const PAGE_HEADER: &str = "x-tidings-page";

impl Halves {
    /// Whether both halves are there. Hashes are compared in constant time.
    pub(super) fn are_in(&self, headers: &HeaderMap) -> bool {
        let page = headers.get(PAGE_HEADER).and_then(|page| page.to_str().ok());
        page.is_some_and(|page| is_alike(page, &self.page)) && self.is_cookie_in(headers)
    }

    /// Whether the cookie is there.
    pub(super) fn is_cookie_in(&self, headers: &HeaderMap) -> bool {
        let cookies = headers.get_all(header::COOKIE).into_iter().filter_map(|cookies| cookies.to_str().ok());
        let mut pairs = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.any(|(name, value)| name == self.cookie_name && is_alike(value, &self.cookie))
    }
}

fn is_alike(given: &str, wanted: &str) -> bool {
    blake3::hash(given.as_bytes()) == blake3::hash(wanted.as_bytes())
}

/// Lets a browser act for this person until the node stops. It sets a cookie, and answers with what the page keeps to itself.
#[utoipa::path(post, path = "/api/v1/session", responses((status = 200, body = Session)))]
pub(super) async fn begin(State(app): State<Arc<App>>) -> Result<Response, ApiError> {
    let Halves { cookie_name, cookie, page } = &app.halves;
    let cookie = format!("{cookie_name}={cookie}; Path=/api/; HttpOnly; SameSite=Strict");
    let mut response = Json(Session { page: page.clone() }).into_response();
    response.headers_mut().insert(header::SET_COOKIE, HeaderValue::try_from(cookie).map_err(|_| ApiError::Internal)?);
    Ok(response)
}
