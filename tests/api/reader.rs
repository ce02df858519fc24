//! What Alice sees of her rows.

use tidings::crypto::keys::direct_room;
use tidings::store::Store;
use tidings::store::reader::view::{Kind, State};
use tidings::store::reader::{Page, Reader};
use tidings::types::{AccountId, Batch, DeviceId, MessageId, PeerId, RoomId, Table, View as _};
use tidings::wire::codec;
use tidings::wire::content::{Body, Clock};
use tidings::wire::row::{self, Cargo, Contact, ContactState, Custody, Heads, Index, Mark, Message, Outbox, Place, Room, RoomKind};

pub(super) const ALICE: AccountId = AccountId([0xa1; 32]);
pub(super) const BOB: AccountId = AccountId([0xb2; 32]);
pub(super) const CAROL: AccountId = AccountId([0xc3; 32]);
const RELAY: PeerId = PeerId([0x71; 32]);
const SHED: PeerId = PeerId([0x72; 32]);
const NOW: u64 = 1_800_000_000_000;

/// Alice's rows, made by hand.
pub(super) struct Rows(pub(super) Store);

impl Rows {
    pub(super) fn new() -> Self {
        Self(Store::memory())
    }

    pub(super) fn reader(&self) -> Reader<'_> {
        Reader::new(&self.0, ALICE, NOW)
    }

    pub(super) fn put(&self, table: Table, key: impl Into<Vec<u8>>, row: &impl bincode::Encode) {
        let mut batch = Batch::default();
        batch.put(table, key, row::encode(row));
        self.0.apply(&batch).unwrap();
    }

    pub(super) fn contact(&self, account: AccountId, name: &str, state: ContactState) -> RoomId {
        let contact = Contact {
            name: name.to_owned(),
            state,
            verified: false,
            card: Vec::new(),
            grants: Vec::new(),
            card_sent: 0,
            key_packages: Vec::new(),
            greeting: "hello".to_owned(),
            secret: None,
            grant_round: 0,
            welcomed: None,
            since: NOW,
        };
        self.put(Table::Contact, account.0, &contact);
        let room = direct_room(&ALICE, &account);
        self.room(room, RoomKind::Direct, "", &[ALICE, account]);
        room
    }

    pub(super) fn room(&self, room: RoomId, kind: RoomKind, name: &str, members: &[AccountId]) {
        let row = Room { generation: 1, ..Room::new(kind, name.to_owned(), members.to_vec()) };
        self.put(Table::Room, room.0, &row);
    }

    /// A text with its place at `ms`.
    fn text(&self, room: RoomId, sender: AccountId, ms: u64, text: &str, custody: Vec<(AccountId, Custody)>) -> MessageId {
        let message = id(ms, &sender);
        let place = Place { room, clock: Clock { ms, count: 0 }, sender, message };
        let body = Body::Text { text: text.to_owned(), reply: None };
        self.put(
            Table::Message,
            place.key(),
            &Message { device: DeviceId(sender.0), number: ms, body: codec::encode(&body), arrived: NOW, late: false },
        );
        self.put(Table::Index, message.0, &Index { place, target: None, custody, read_at: None });
        message
    }

    fn mark(&self, target: MessageId, sender: AccountId, ms: u64, body: Body) {
        let (clock, message) = (Clock { ms, count: 0 }, id(ms, &sender));
        let about: Index = row::decode(&self.0.get(Table::Index, &target.0).unwrap()).unwrap();
        let key = row::mark_key(&target, &Place { clock, sender, message, ..about.place });
        self.put(Table::Mark, key, &Mark { message, sender, device: DeviceId(sender.0), number: ms, clock, body: codec::encode(&body) });
    }

    fn latest(&self, room: &RoomId) -> tidings::store::reader::view::Message {
        self.reader().messages(room, Page { limit: 1, ..Page::default() }).unwrap().remove(0)
    }
}

fn id(ms: u64, sender: &AccountId) -> MessageId {
    let mut id = [sender.0[0]; 16];
    id[..8].copy_from_slice(&ms.to_be_bytes());
    MessageId(id)
}

fn held(by: PeerId, until: u64) -> Custody {
    Custody { held: vec![(by, until)], ..Custody::default() }
}

fn delivered() -> Custody {
    Custody { delivered: Some(NOW), ..held(RELAY, NOW + 9) }
}

#[test]
fn custody_is_that_of_whoever_is_worst_off() {
    let rows = Rows::new();
    let room = RoomId([9; 32]);
    rows.room(room, RoomKind::Group, "garden", &[ALICE, BOB, CAROL]);
    let state = |bob: Custody, carol: Custody| {
        rows.text(room, ALICE, 10, "hi", vec![(BOB, bob), (CAROL, carol)]);
        rows.latest(&room).custody
    };
    let read = || Custody { read: Some(NOW), ..delivered() };
    let expired = || Custody { expired: true, ..Custody::default() };
    assert_eq!(state(read(), delivered()).state, State::Delivered);
    assert_eq!(state(read(), read()).state, State::Read);
    assert_eq!(state(read(), expired()).state, State::Expired);
    assert_eq!(state(held(RELAY, NOW + 5), Custody::default()).state, State::Waiting);
    assert_eq!(state(delivered(), held(RELAY, NOW)).state, State::Waiting, "a mailbox that let go holds nothing");

    let both = state(held(RELAY, NOW + 5), Custody { held: vec![(SHED, NOW + 3), (RELAY, NOW + 4)], ..Custody::default() });
    assert_eq!((both.state, both.held_by, both.until), (State::Held, vec![RELAY, SHED], Some(NOW + 4)));
    assert_eq!(state(delivered(), held(SHED, NOW + 3)).held_by, vec![SHED], "only holders for who still lacks it");

    let notes = rows.reader().notes_room();
    rows.text(notes, ALICE, 1, "milk", Vec::new());
    assert_eq!(rows.latest(&notes).custody.state, State::Delivered);
}

#[test]
fn what_was_said_about_a_message_is_folded_into_it() {
    let rows = Rows::new();
    let room = rows.contact(BOB, "bob", ContactState::Accepted);
    let target = rows.text(room, BOB, 10, "see you at six", Vec::new());
    rows.mark(target, ALICE, 11, Body::Reaction { target, emoji: "👍".to_owned() });
    rows.mark(target, BOB, 12, Body::Reaction { target, emoji: "🎉".to_owned() });
    rows.mark(target, ALICE, 13, Body::Reaction { target, emoji: "❤".to_owned() });
    rows.mark(target, ALICE, 14, Body::Edit { target, text: "forged".to_owned() });
    rows.mark(target, ALICE, 15, Body::Recall { target });
    let seen = rows.latest(&room);
    assert_eq!((seen.text.as_str(), seen.edited, seen.kind), ("see you at six", false, Kind::Text), "only the sender changes a message");
    let reactions: Vec<_> = seen.reactions.iter().map(|reaction| (reaction.from_name.as_str(), reaction.emoji.as_str())).collect();
    assert_eq!(reactions, [("you", "❤"), ("bob", "🎉")]);

    rows.mark(target, BOB, 16, Body::Edit { target, text: "see you at seven".to_owned() });
    rows.mark(target, BOB, 17, Body::Reaction { target, emoji: String::new() });
    let seen = rows.latest(&room);
    assert_eq!((seen.text.as_str(), seen.edited, seen.reactions.len()), ("see you at seven", true, 1));

    rows.mark(target, BOB, 18, Body::Recall { target });
    let seen = rows.latest(&room);
    assert_eq!((seen.text.as_str(), seen.kind, seen.edited, seen.reactions.len()), ("", Kind::Recalled, false, 0));
}

#[test]
fn pages_meet_without_gap_or_overlap() {
    let rows = Rows::new();
    let room = rows.contact(BOB, "bob", ContactState::Accepted);
    let other = rows.contact(CAROL, "carol", ContactState::Accepted);
    let sent: Vec<_> = (1..=25).map(|ms| rows.text(room, if ms % 3 == 0 { ALICE } else { BOB }, ms, "text", Vec::new())).collect();
    let elsewhere = rows.text(other, CAROL, 5, "text", Vec::new());
    let page = |before, after, limit| -> Vec<MessageId> {
        let page = rows.reader().messages(&room, Page { limit, before, after }).unwrap();
        page.into_iter().map(|message| message.message).collect()
    };
    assert_eq!(page(None, None, 10), sent[15..]);
    assert_eq!(page(Some(sent[15]), None, 10), sent[5..15]);
    assert_eq!(page(Some(sent[5]), None, 10), sent[..5]);
    assert_eq!(page(None, Some(sent[5]), 3), sent[6..9]);
    assert_eq!(page(None, Some(sent[24]), 3), []);
    let wrong = rows.reader().messages(&room, Page { limit: 1, before: Some(elsewhere), after: None });
    assert!(wrong.is_err(), "a place in another room is no place here");

    let unread = rows.reader().unread(&room, 100);
    assert!(unread.iter().all(|message| sent.contains(message)));
    assert_eq!(unread.len(), 17, "own messages need no reading");
}

#[test]
fn search_finds_all_words_in_any_case_newest_first_as_they_read_today() {
    let rows = Rows::new();
    let room = rows.contact(BOB, "bob", ContactState::Accepted);
    let other = rows.contact(CAROL, "carol", ContactState::Accepted);
    let old = rows.text(room, BOB, 1, "The KEY is under the stone", Vec::new());
    let new = rows.text(other, ALICE, 3, "a stone for the key garden", Vec::new());
    rows.text(room, BOB, 4, "only a stone", Vec::new());
    let edited = rows.text(room, BOB, 5, "nothing", Vec::new());
    rows.mark(edited, BOB, 6, Body::Edit { target: edited, text: "stone and Key".to_owned() });
    let recalled = rows.text(room, BOB, 7, "stone key", Vec::new());
    rows.mark(recalled, BOB, 8, Body::Recall { target: recalled });
    let find = |words: &str, room: Option<&RoomId>, limit| -> Vec<MessageId> {
        rows.reader().search(words, room, limit).into_iter().map(|message| message.message).collect()
    };
    assert_eq!(find("key STONE", None, 10), [edited, new, old]);
    assert_eq!(find("key STONE", None, 1), [edited]);
    assert_eq!(find("key", Some(&room), 10), [edited, old]);
    assert_eq!(find("nothing", None, 10), [], "what it said before the edit");
    assert_eq!(find("  ", None, 10), []);
    rows.text(room, BOB, 9, "Ärger mit ÖL", Vec::new());
    assert_eq!(find("öl ärger", None, 10).len(), 1);
}

#[test]
fn a_room_says_what_is_missing_and_the_outbox_what_is_owed() {
    let rows = Rows::new();
    let room = rows.contact(BOB, "bob", ContactState::Accepted);
    let key = |device: u8| [&room.0[..], &[device; 32]].concat();
    rows.put(Table::Heads, key(1), &Heads { high: 9, holes: vec![(2, 2), (4, 6)], ..Heads::default() });
    rows.put(Table::Heads, key(2), &Heads { high: 3, gone: vec![(2, 2)], gone_more: 1, ..Heads::default() });
    let seen = rows.reader().room(&room).unwrap();
    assert_eq!((seen.name.as_str(), seen.missing, seen.gone), ("bob", 4, 2));

    let owe = |account: AccountId, order: u64, cargo: Cargo, held: Vec<(PeerId, u64)>| {
        let row = Outbox { cargo, envelope: None, epoch: [0; 16], shared: false, since: 0, held, delivered: Vec::new() };
        rows.put(Table::Outbox, [&account.0[..], &order.to_be_bytes()].concat(), &row);
    };
    let message = |number: u8| Cargo::Message { room, message: MessageId([number; 16]) };
    owe(BOB, 1, message(1), vec![(RELAY, NOW + 1)]);
    owe(CAROL, 1, message(1), vec![]);
    owe(BOB, 2, message(2), vec![(RELAY, NOW + 1)]);
    owe(BOB, 3, message(3), vec![(RELAY, NOW)]);
    owe(BOB, 4, Cargo::Knock, vec![]);
    let outbox = rows.reader().outbox();
    assert_eq!((outbox.waiting, outbox.held), (2, 1), "held for all who lack it, or it waits; what no person wrote does not count");
}
