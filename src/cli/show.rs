//! Messages, contacts and mailboxes as people read them.

use super::out::{count, escape_line, escape_lines, short};
use super::time;
use crate::store::reader::view::{BodyCustody, BodyState, Contact, Custody, Kind, Mailbox, MailboxKind, MailboxState, Message, State};
use crate::types::Millis;

/// Shows messages below each other, with a line for each new day.
#[derive(Debug, Default)]
pub(crate) struct Transcript {
    day: String,
}

impl Transcript {
    /// The lines of one message.
    pub(crate) fn lines(&mut self, message: &Message) -> String {
        let day = time::day(message.at);
        let mut lines = String::new();
        if day != self.day {
            lines = format!("{day} (UTC)\n");
            self.day = day;
        }
        lines + &message_lines(message)
    }
}

/// One message: time, id, sender, text, and what there is to say about it.
pub(crate) fn message_lines(message: &Message) -> String {
    let head = format!("{}  {}  {}: ", time::clock(message.at), short(&message.message), sender(message));
    let text = match message.kind {
        Kind::Text => escape_lines(&message.text, head.chars().count()),
        Kind::Photo | Kind::Voice | Kind::Audio | Kind::Video | Kind::File => media_text(message, head.chars().count()),
        Kind::Recalled => "(taken back)".to_owned(),
        Kind::Later => "(a message of a later kind: it is kept; update tidings to see it)".to_owned(),
    };
    let mut notes = Vec::new();
    notes.extend(message.reply.map(|reply| format!("in reply to {}", short(&reply))));
    notes.extend(message.edited.then(|| "edited".to_owned()));
    notes.extend(message.late.then(|| "came late".to_owned()));
    notes.extend(message.ahead.then(|| "by a clock that is ahead of yours".to_owned()));
    notes.extend(message.mine.then(|| custody(&message.custody)));
    let mut lines = format!("{head}{text}");
    if !notes.is_empty() {
        lines += &format!("  ({})", notes.join(", "));
    }
    for reaction in &message.reactions {
        lines += &format!("\n{}{} {}", " ".repeat(head.chars().count()), escape_line(&reaction.emoji), escape_line(&reaction.from_name));
    }
    lines
}

/// What media is, how much of it is here, and its caption.
fn media_text(message: &Message, indent: usize) -> String {
    let Some(blob) = &message.blob else { return String::new() };
    let mut text = format!("[{} {}, {}", kind_word(message.kind), escape_line(&blob.name), super::out::bytes(blob.size));
    if let Some(preview) = &message.preview {
        if preview.width > 0 {
            text += &format!(", {} × {}", preview.width, preview.height);
        }
        if preview.duration_ms > 0 {
            text += &format!(", {}:{:02}", preview.duration_ms / 60_000, preview.duration_ms / 1_000 % 60);
        }
        if preview.misnamed {
            text += ", not what its name says";
        }
    }
    text += &match blob.state {
        BodyState::Here => String::new(),
        BodyState::Fetching => format!(", {} of it here", super::out::bytes(blob.have)),
        BodyState::Absent => ", not fetched".to_owned(),
    };
    if let Some(custody) = &blob.custody {
        text += &format!(", {}", body_custody(custody));
    }
    text += "]";
    if !message.text.is_empty() {
        text += &format!(" {}", escape_lines(&message.text, indent));
    }
    text
}

/// Where a body is.
pub(crate) fn body_custody(custody: &BodyCustody) -> String {
    let mut text = match (custody.state, custody.until) {
        (State::Held, Some(until)) => {
            format!("file held by {} until {}", count(custody.held_by.len() as u64, "mailbox", "mailboxes"), time::short_day(until))
        }
        (State::Delivered, _) => "file delivered".to_owned(),
        _ if custody.had > 0 => format!("file delivered to {} of {}", custody.had, custody.of),
        _ => "file waiting here".to_owned(),
    };
    if custody.state == State::Waiting
        && let Some(refusal) = custody.refused.first()
    {
        text += &format!(
            ": a mailbox of theirs does not take it ({}, it takes up to {}); it goes when both of you are there",
            escape_line(&refusal.why),
            super::out::bytes(refusal.takes)
        );
    }
    text
}

/// The word for a kind.
pub(crate) fn kind_word(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "text",
        Kind::Photo => "photo",
        Kind::Voice => "voice note",
        Kind::Audio => "audio",
        Kind::Video => "video",
        Kind::File => "file",
        Kind::Recalled => "taken back",
        Kind::Later => "later",
    }
}

fn sender(message: &Message) -> String {
    if message.from_name.is_empty() { short(&message.from) } else { escape_line(&message.from_name) }
}

/// Where a message is.
pub(crate) fn custody(custody: &Custody) -> String {
    match (custody.state, custody.until) {
        (State::Held, Some(until)) => {
            format!("held by {} until {}", count(custody.held_by.len() as u64, "mailbox", "mailboxes"), time::short_day(until))
        }
        (state, _) => state.word().to_owned(),
    }
}

/// One line about a contact.
pub(crate) fn contact_row(contact: &Contact) -> Vec<String> {
    let verified = if contact.verified { "verified" } else { "" };
    let greeting = if contact.greeting.is_empty() { String::new() } else { format!("“{}”", escape_line(&contact.greeting)) };
    vec![escape_line(&contact.name), short(&contact.account), contact.state.clone(), verified.to_owned(), greeting]
}

/// What a change to a contact led to.
pub(crate) fn contact_line(contact: &Contact) -> String {
    let name = escape_line(&contact.name);
    match contact.state.as_str() {
        "requested" => format!("{name} is asked; messages to them wait until they answer."),
        "pending" => format!("{name} asks to be your contact."),
        "accepted" => format!("{name} is your contact."),
        "declined" => format!("{name} was declined."),
        "blocked" => format!("{name} is blocked: nothing of theirs is taken."),
        state => format!("{name}: {state}"),
    }
}

/// One line about a mailbox.
pub(crate) fn mailbox_row(mailbox: &Mailbox) -> Vec<String> {
    let state = match (mailbox.state, &mailbox.why) {
        (MailboxState::Refused, Some(why)) => format!("refused: {}", escape_line(why)),
        (state, _) => state.word().to_owned(),
    };
    let name = match mailbox.kind {
        MailboxKind::Relay => "relay".to_owned(),
        MailboxKind::Neighbour => escape_line(&mailbox.name),
    };
    vec![name, mailbox.peer.to_string(), state, quota(mailbox)]
}

/// What a mailbox promised.
pub(crate) fn quota(mailbox: &Mailbox) -> String {
    if mailbox.state != MailboxState::Confirmed {
        return String::new();
    }
    format!("{} for {}", super::out::bytes(mailbox.quota_bytes), days(mailbox.ttl_ms))
}

fn days(ms: Millis) -> String {
    let hours = ms / crate::types::time::HOUR;
    if hours >= 48 { format!("{} days", hours / 24) } else { count(hours, "hour", "hours") }
}
