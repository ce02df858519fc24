//! The table of routes. The router and the OpenAPI document are both made from it.

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::response::Html;
use axum::{Json, Router, middleware, routing};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::app::App;
use super::error::ApiError;
use super::{body, contact, event, guard, mailbox, media, node, room};
use crate::types::limits::HTTP_BODY_BYTES_MAX;

macro_rules! routes {
    ($($method:ident $path:literal $module:ident::$handler:ident;)+) => {
        /// Method and path of every route that needs the token.
        pub const ROUTES: &[(&str, &str)] = &[$((stringify!($method), $path)),+];

        fn table() -> Router<Arc<App>> {
            Router::new()$(.route($path, routing::$method($module::$handler)))+
        }

        #[derive(OpenApi)]
        #[openapi(
            info(
                title = "Tidings",
                description = "What a running node answers on loopback. Every route but this document needs `Authorization: Bearer TOKEN` with the token from `api.json` in the data directory. Contacts and rooms in a path are named by name, id, or the start of an id."
            ),
            paths($($module::$handler),+),
            components(schemas(body::Failure, body::Event)),
            modifiers(&Token),
            security(("token" = []))
        )]
        struct Document;
    };
}

routes! {
    get "/api/v1/id" node::id;
    get "/api/v1/recovery-phrase" node::recovery_phrase;
    get "/api/v1/status" node::status;
    get "/api/v1/doctor" node::doctor;
    post "/api/v1/name" node::rename;
    post "/api/v1/export" node::export;
    post "/api/v1/scrub" node::scrub;
    post "/api/v1/invite" contact::invite;
    get "/api/v1/contacts" contact::list;
    post "/api/v1/contacts" contact::add;
    get "/api/v1/contacts/{contact}" contact::one;
    post "/api/v1/contacts/{contact}/accept" contact::accept;
    post "/api/v1/contacts/{contact}/decline" contact::decline;
    post "/api/v1/contacts/{contact}/block" contact::block;
    post "/api/v1/contacts/{contact}/unblock" contact::unblock;
    post "/api/v1/contacts/{contact}/rename" contact::rename;
    post "/api/v1/contacts/{contact}/verify" contact::verify;
    get "/api/v1/mailboxes" mailbox::list;
    delete "/api/v1/mailboxes/{mailbox}" mailbox::leave;
    post "/api/v1/neighbours" mailbox::ask_neighbour;
    post "/api/v1/relay/invite" mailbox::relay_invite;
    post "/api/v1/relay/join" mailbox::relay_join;
    get "/api/v1/rooms" room::list;
    get "/api/v1/rooms/{room}" room::one;
    get "/api/v1/rooms/{room}/messages" room::messages;
    post "/api/v1/rooms/{room}/messages" room::send;
    post "/api/v1/rooms/{room}/texts" room::send_texts;
    post "/api/v1/rooms/{room}/read" room::mark_read;
    post "/api/v1/rooms/{room}/forward/{message}" media::forward;
    get "/api/v1/media" media::storage;
    post "/api/v1/media/policy" media::policy;
    get "/api/v1/media/{message}" media::body;
    delete "/api/v1/media/{message}" media::forget;
    get "/api/v1/media/{message}/message" media::message;
    post "/api/v1/media/{message}/fetch" media::fetch;
    post "/api/v1/rooms/{room}/media" media::send;
    get "/api/v1/search" room::search;
    get "/api/v1/events" event::stream;
}

/// Where the OpenAPI document is.
pub(super) const DOCUMENT_PATH: &str = "/api/v1/openapi.json";

/// The OpenAPI document.
pub fn document() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

/// All routes, behind the guard.
pub(super) fn router(app: Arc<App>) -> Router {
    table()
        .route(DOCUMENT_PATH, routing::get(|| async { Json(document()) }))
        .route("/", routing::get(|| async { Html(PAGE) }))
        .fallback(|| async { ApiError::NotFound })
        .method_not_allowed_fallback(|| async { ApiError::NotFound })
        .layer(DefaultBodyLimit::max(HTTP_BODY_BYTES_MAX))
        .layer(middleware::from_fn_with_state(app.clone(), guard::check))
        .with_state(app)
}

struct Token;

impl Modify for Token {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
        document.components.get_or_insert_default().add_security_scheme("token", scheme);
    }
}

const PAGE: &str = r#"<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Tidings</title>
<style>body{font:16px/1.6 system-ui,sans-serif;max-width:36em;margin:4em auto;padding:0 1em;color:#222;background:#fff}
code{background:#f2f2f2;padding:.1em .3em;border-radius:3px}
@media (prefers-color-scheme:dark){body{color:#ddd;background:#181818}code{background:#2a2a2a}a{color:#9cf}}</style></head>
<body><h1>Your node is running.</h1>
<p>Tidings is used from the command line:</p>
<p><code>tidings invite</code> makes a link for a friend.<br>
<code>tidings contact add LINK</code> uses the link of a friend.<br>
<code>tidings send NAME "hello"</code> sends a message.<br>
<code>tidings read NAME --follow</code> shows what comes.<br>
<code>tidings doctor</code> says what could be better.</p>
<p>Programs use the <a href="/api/v1/openapi.json">HTTP interface</a>.</p></body></html>
"#;
