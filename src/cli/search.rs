//! `tidings search`: messages by their words.

use super::Context;
use super::client::segment;
use super::failure::Failure;
use super::out::escape_line;
use super::show;
use super::time;
use crate::store::reader::view::{Message, Room};
use crate::types::limits::MESSAGES_SHOWN_MAX;

/// Find messages by their words.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Words that all must be there, in any case
    #[arg(required = true)]
    words: Vec<String>,
    /// Only in this conversation
    #[arg(long, value_name = "TO")]
    room: Option<String>,
    /// At most N messages, the newest first
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
}

impl Args {
    pub(super) fn run(self, context: &mut Context) -> Result<(), Failure> {
        let client = context.client()?;
        let limit = self.limit.min(MESSAGES_SHOWN_MAX);
        let room = self.room.map(|room| format!("&room={}", segment(&room))).unwrap_or_default();
        let words = segment(&self.words.join(" "));
        let found: Vec<Message> = client.get(&format!("/api/v1/search?words={words}&limit={limit}{room}"))?;
        if context.out.is_json() {
            return found.iter().try_for_each(|message| context.out.object(message));
        }
        if found.is_empty() {
            return context.out.text("Nothing found.");
        }
        let rooms: Vec<Room> = client.get("/api/v1/rooms")?;
        for message in &found {
            let room = rooms.iter().find(|room| room.room == message.room).map(|room| escape_line(&room.name)).unwrap_or_default();
            context.out.text(&format!("{} (UTC) [{room}] {}", time::day(message.at), show::message_lines(message)))?;
        }
        Ok(())
    }
}
