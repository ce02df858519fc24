//! The table of routes. The router and the OpenAPI document are both made from it.

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::http::HeaderMap;
use axum::{Json, Router, middleware, routing};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::app::App;
use super::error::ApiError;
use super::{archive, body, contact, event, guard, mailbox, media, node, restore, room, scan, space, web};
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
                description = "What a running node answers on loopback. Every route but this document needs `Authorization: Bearer TOKEN` with the token from `api.json` in the data directory; a browser gets a session for it. Contacts and rooms in a path are named by name, id, or the start of an id."
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
    post "/api/v1/archive" archive::download;
    post "/api/v1/restore" restore::take;
    get "/api/v1/restore" restore::progress;
    post "/api/v1/restore/open" restore::open;
    post "/api/v1/session" web::begin;
    post "/api/v1/invite" contact::invite;
    post "/api/v1/qr" contact::qr;
    post "/api/v1/qr/read" scan::read;
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
    get "/api/v1/chats" room::chats;
    get "/api/v1/chats/{room}" room::chat;
    get "/api/v1/rooms" room::list;
    get "/api/v1/rooms/{room}" room::one;
    get "/api/v1/rooms/{room}/messages" room::messages;
    post "/api/v1/rooms/{room}/messages" room::send;
    get "/api/v1/rooms/{room}/messages/{message}/custody" room::custody;
    post "/api/v1/rooms/{room}/texts" room::send_texts;
    post "/api/v1/rooms/{room}/read" room::mark_read;
    post "/api/v1/rooms/{room}/forward/{message}" media::forward;
    get "/api/v1/media" media::storage;
    post "/api/v1/media/policy" media::policy;
    get "/api/v1/media/policy" space::policies;
    get "/api/v1/media/{message}" media::body;
    delete "/api/v1/media/{message}" media::forget;
    get "/api/v1/media/{message}/message" media::message;
    post "/api/v1/media/{message}/fetch" media::fetch;
    post "/api/v1/rooms/{room}/media" media::send;
    delete "/api/v1/rooms/{room}/media" space::clear;
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
    let mut router = table();
    for (at, (path, ..)) in web::FILES.iter().enumerate() {
        router = router.route(path, routing::get(move |headers: HeaderMap| async move { web::file(at, &headers) }));
    }
    router
        .route(DOCUMENT_PATH, routing::get(|| async { Json(document()) }))
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
