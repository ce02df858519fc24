//! Hints that something changed, as server-sent events.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::{self, KeepAlive};
use futures::{Stream, StreamExt as _, stream};
use tokio_stream::wrappers::BroadcastStream;
use tokio_stream::wrappers::errors::BroadcastStreamRecvError;

use super::app::App;
use super::body::Event;
use crate::node;

/// Server-sent events, each with one JSON object. They are hints: after `open` and `lagged`, read what you show anew.
#[utoipa::path(get, path = "/api/v1/events", responses((status = 200, content_type = "text/event-stream", body = Event)))]
pub(super) async fn stream(State(app): State<Arc<App>>) -> Sse<impl Stream<Item = Result<sse::Event, Infallible>>> {
    let hints = BroadcastStream::new(app.handle.events()).map(|hint| match hint {
        Ok(event) => Event::from(event),
        Err(BroadcastStreamRecvError::Lagged(missed)) => Event::Lagged { missed },
    });
    let mut stopped = app.stopped.clone();
    let until = async move {
        let _ = stopped.wait_for(|stop| *stop).await;
    };
    let events = stream::iter([Event::Open]).chain(hints).take_until(Box::pin(until));
    let events = events.map(|event| Ok(sse::Event::default().data(serde_json::to_string(&event).unwrap_or_default())));
    Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
}

/// A quiet stream says so often that it is alive.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

impl From<node::Event> for Event {
    fn from(event: node::Event) -> Self {
        match event {
            node::Event::Message { room, message } => Self::Message { room, message },
            node::Event::Custody { room, message } => Self::Custody { room, message },
            node::Event::Body { room, message } => Self::Body { room, message },
            node::Event::Contact(account) => Self::Contact { account },
            node::Event::Room(room) => Self::Room { room },
            node::Event::Mailbox(peer) => Self::Mailbox { peer },
            node::Event::Presence { account, device, on } => Self::Presence { account, device, on },
        }
    }
}
