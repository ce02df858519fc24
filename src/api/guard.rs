//! Who may ask: whoever has the token, or a browser that got its session for it; and only by a loopback name, so that no web
//! page can reach the node through a name of its own that points here (DNS rebinding), and not from a page of another origin.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::app::App;
use super::error::ApiError;
use super::web;

/// Stands before every route.
pub(super) async fn check(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let (path, headers) = (request.uri().path(), request.headers());
    let is_open = path == super::route::DOCUMENT_PATH || web::is_file(path);
    let mut response = if !is_loopback_host(headers) {
        ApiError::Host.into_response()
    } else if !is_own_page(headers, path == "/") {
        ApiError::Origin.into_response()
    } else if !is_open && !is_token(headers, &app.token) && !app.halves.are_in(headers) && !is_shown(&app, &request) {
        ApiError::Token.into_response()
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// What every answer has with it. Scripts and styles come from the files of the app alone, and no text becomes code or markup.
const HEADERS: [(HeaderName, &str); 6] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(self), microphone=(self), geolocation=(), payment=(), usb=()"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; connect-src 'self'; manifest-src 'self'; \
         worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
         require-trusted-types-for 'script'; trusted-types tidings-shell",
    ),
];

/// Whether the own page shows the body of a message: pictures and players are asked for without the page's header, and so the
/// cookie counts alone, for reading bodies by their message's id, where the browser says that its own page asks.
fn is_shown(app: &App, request: &Request) -> bool {
    let is_body = request.uri().path().strip_prefix(MEDIA_PATH).is_some_and(|id| !id.is_empty() && !id.contains('/'));
    let is_same = request.headers().get("sec-fetch-site").is_some_and(|site| site == "same-origin");
    request.method() == Method::GET && is_body && is_same && app.halves.is_cookie_in(request.headers())
}

/// Where bodies are.
const MEDIA_PATH: &str = "/api/v1/media/";

/// Whether no page of another origin asks. Browsers say who asks; other programs say nothing. A link on any page may lead to
/// the app's first file.
pub fn is_own_page(headers: &HeaderMap, is_first: bool) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let host = text("host").unwrap_or_default();
    let is_origin =
        text("origin").is_none_or(|origin| origin.strip_prefix("http://").is_some_and(|origin| origin.eq_ignore_ascii_case(host)));
    let is_link = is_first && text("sec-fetch-mode") == Some("navigate") && text("sec-fetch-dest") == Some("document");
    let is_site = text("sec-fetch-site").is_none_or(|site| site == "same-origin" || site == "none") || is_link;
    is_origin && is_site
}

/// Whether the `Host` header names this machine.
pub fn is_loopback_host(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(header::HOST).and_then(|host| host.to_str().ok()) else { return false };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    bare.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Whether the bearer token is the one with this hash. Hashes are compared in constant time.
pub fn is_token(headers: &HeaderMap, token: &blake3::Hash) -> bool {
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = given.and_then(|value| value.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    given.is_some_and(|(_, given)| blake3::hash(given.trim().as_bytes()) == *token)
}
