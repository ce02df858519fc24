//! `tidings read`: a conversation in its one order, and what comes.

use std::collections::BTreeSet;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use super::Context;
use super::client::{Client, segment};
use super::failure::Failure;
use super::out::{count, remark};
use super::show::Transcript;
use crate::api::body::{Event, MarkRead, Marked};
use crate::store::reader::view::{Message, Room, State};
use crate::types::limits::{EVENTS_MAX, MESSAGES_SHOWN_MAX};
use crate::types::{MessageId, RoomId};

/// Read a conversation.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A contact's or a room's name or id; `notes` are your own
    to: String,
    /// The latest N messages
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
    /// The messages before this one, by its whole id
    #[arg(long, value_name = "ID", conflicts_with = "follow")]
    before: Option<MessageId>,
    /// Go on showing what comes, until interrupted
    #[arg(long)]
    follow: bool,
    /// Tell the senders that you have read what is shown
    #[arg(long)]
    mark_read: bool,
}

impl Args {
    pub(super) fn run(self, context: &mut Context) -> Result<(), Failure> {
        let client = context.client()?;
        let room: Room = client.get(&format!("/api/v1/rooms/{}", segment(&self.to)))?;
        let mut screen = Screen { room: room.room, mark_read: self.mark_read, shown: BTreeSet::new(), transcript: Transcript::default() };
        if self.follow {
            return screen.follow(context, &client, self.limit);
        }
        let messages = latest(&client, &screen.room, self.limit, self.before)?;
        screen.show(context, &client, messages)?;
        if room.missing > 0 && !context.out.is_json() {
            remark(&format!("{} missing here, and being asked for", count(room.missing, "message is", "messages are")));
        }
        Ok(())
    }
}

/// What was shown of a room.
struct Screen {
    room: RoomId,
    mark_read: bool,
    shown: BTreeSet<MessageId>,
    transcript: Transcript,
}

impl Screen {
    /// Shows each message once.
    fn show(&mut self, context: &mut Context, client: &Client, messages: Vec<Message>) -> Result<(), Failure> {
        let mut seen = Vec::new();
        for message in messages {
            if !self.shown.insert(message.message) {
                continue;
            }
            context.out.answer(&message, || self.transcript.lines(&message))?;
            if !message.mine && message.custody.state != State::Read {
                seen.push(message.message);
            }
        }
        for part in seen.chunks(MESSAGES_SHOWN_MAX).filter(|_| self.mark_read) {
            let mark = MarkRead { messages: Some(part.to_vec()) };
            let _: Marked = client.post(&format!("/api/v1/rooms/{}/read", self.room), &mark)?;
        }
        Ok(())
    }

    fn follow(mut self, context: &mut Context, client: &Client, limit: usize) -> Result<(), Failure> {
        // First listen, then look: what comes in between is seen twice and shown once.
        let hints = listen(client, self.room)?;
        let messages = latest(client, &self.room, limit, None)?;
        self.show(context, client, messages)?;
        while let Ok(first) = hints.recv() {
            let mut wanted = Vec::new();
            let mut is_gap = false;
            for hint in std::iter::once(first).chain(hints.try_iter().take(IDS_MAX)) {
                match hint {
                    Hint::Message(message) if !self.shown.contains(&message) => wanted.push(message),
                    Hint::Message(_) => {}
                    Hint::Gap => is_gap = true,
                }
            }
            if is_gap {
                let messages = latest(client, &self.room, MESSAGES_SHOWN_MAX, None)?;
                self.show(context, client, messages)?;
            }
            if !wanted.is_empty() {
                let ids = wanted.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
                let messages: Vec<Message> = client.get(&format!("/api/v1/rooms/{}/messages?ids={ids}", self.room))?;
                self.show(context, client, messages)?;
            }
        }
        Err(Failure::failed("the node stopped, so nothing more comes here: start it again and follow anew"))
    }
}

/// The latest messages of a room, in its order.
fn latest(client: &Client, room: &RoomId, limit: usize, before: Option<MessageId>) -> Result<Vec<Message>, Failure> {
    let mut pages: Vec<Vec<Message>> = Vec::new();
    let mut left = limit;
    let mut before = before;
    while left > 0 {
        let wanted = left.min(MESSAGES_SHOWN_MAX);
        let cursor = before.map(|message| format!("&before={message}")).unwrap_or_default();
        let page: Vec<Message> = client.get(&format!("/api/v1/rooms/{room}/messages?limit={wanted}{cursor}"))?;
        let (is_end, first) = (page.len() < wanted, page.first().map(|message| message.message));
        left -= page.len();
        pages.push(page);
        match first {
            Some(message) if !is_end => before = Some(message),
            _ => break,
        }
    }
    Ok(pages.into_iter().rev().flatten().collect())
}

/// What the event stream says about a room.
enum Hint {
    Message(MessageId),
    /// Some hints got lost.
    Gap,
}

/// Returns once the stream is open; it ends when the node stops.
fn listen(client: &Client, room: RoomId) -> Result<Receiver<Hint>, Failure> {
    let mut events = client.events()?;
    if events.next() != Some(Event::Open) {
        return Err(Failure::failed("the node does not tell what comes: use the same release for both"));
    }
    let (hints, heard) = sync_channel(EVENTS_MAX);
    thread::spawn(move || {
        for event in events {
            let hint = match event {
                Event::Message { room: at, message } if at == room => Hint::Message(message),
                Event::Lagged { .. } => Hint::Gap,
                _ => continue,
            };
            if hints.send(hint).is_err() {
                return;
            }
        }
    });
    Ok(heard)
}

/// Messages asked for at once.
const IDS_MAX: usize = 200;
