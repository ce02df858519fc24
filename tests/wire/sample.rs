//! One example of everything that travels or is stored, always the same: for golden files, hostile changes and the fuzz corpus.

use tidings::crypto::keys::{Keys, Signing};
use tidings::types::{AccountId, Address, BlobId, DeviceId, EnvelopeId, GroupId, InboxId, MessageId, PeerId, RoomId};
use tidings::wire::blob;
use tidings::wire::card::{self, Card, Invite, RelayInvite};
use tidings::wire::content::{Body, Clock, Content, Head, Knock, Signed};
use tidings::wire::frame::{Delivered, Frame, Heads, Hello};
use tidings::wire::mailbox::*;
use tidings::wire::media::{MediaKind, Preview};
use tidings::wire::{codec, envelope, row};

pub(super) fn alice() -> Keys {
    Keys::new(&[0xa1; 32], &[0xa2; 32], &[0xa3; 32])
}

pub(super) fn bob() -> Keys {
    Keys::new(&[0xb1; 32], &[0xb2; 32], &[0xb3; 32])
}

/// A relay's transport key.
pub(super) fn relay() -> Signing {
    Signing::from_seed(&[0xc3; 32])
}

pub(super) fn relay_peer() -> PeerId {
    PeerId(relay().public())
}

pub(super) fn address() -> Address {
    Address::new("/ip4/127.0.0.1/tcp/4001").unwrap()
}

pub(super) const INBOX: InboxId = InboxId([0x1b; 32]);
const RECEIVER: InboxId = InboxId([0x1c; 32]);
const BLOB: BlobId = BlobId([0xb0; 32]);
const ROOM: RoomId = RoomId([0x40; 32]);
const MESSAGE: MessageId = MessageId([0x3e; 16]);
pub(super) const ENVELOPE: EnvelopeId = EnvelopeId([0xe0; 32]);
const CLOCK: Clock = Clock { ms: 1_764_000_000_000, count: 3 };

pub(super) fn card() -> Card {
    let keys = alice();
    Card {
        account: keys.account_id(),
        number: 7,
        name: "Alice".to_owned(),
        seal: keys.seal_public(),
        devices: vec![card::Device {
            device: keys.device_id(),
            peer: keys.peer_id(),
            addresses: vec![address()],
            certificate: keys.certificate,
        }],
        mailboxes: vec![card::Mailbox {
            peer: relay_peer(),
            addresses: vec![address()],
            inbox: INBOX,
            envelope_bytes: 262_144,
            work_bits: 22,
        }],
    }
}

pub(super) fn signed_card() -> Vec<u8> {
    card().sign(&alice().account)
}

pub(super) fn holder() -> Signing {
    Signing::from_seed(&[0x5e; 32])
}

pub(super) fn token() -> Token {
    let token = Token { inbox: INBOX, id: [0x1d; 16], holder: holder().public(), not_after: 1_800_000_000_000, signature: [0; 64] };
    token.sign(&alice().inbox_owner(&relay_peer()))
}

fn grant() -> Grant {
    Grant { mailbox: relay_peer(), token: token(), seed: [0x5e; 32] }
}

pub(super) fn hello() -> Hello {
    let (alice, bob) = (alice(), bob());
    let (account, device) = (alice.account_id(), alice.device_id());
    let hello = Hello { account, device, certificate: alice.certificate, proof: [0; 64], knows_number: 7, wall: 1_764_000_000_000 };
    hello.sign(&alice.peer_id(), &bob.peer_id(), &alice.device)
}

pub(super) fn delivered() -> Delivered {
    let delivered = Delivered { device: bob().device_id(), envelopes: vec![ENVELOPE, EnvelopeId([0xe1; 32])], signature: [0; 64] };
    delivered.sign(&bob().device)
}

pub(super) fn held() -> Held {
    Held { entries: vec![(ENVELOPE, INBOX)], until: 1_764_000_060_000, signature: [0; 64] }.sign(&relay())
}

pub(super) fn register() -> Register {
    let owner = alice().inbox_owner(&relay_peer());
    let readers = vec![alice().inbox_reader(&relay_peer()).public()];
    let register = Register { inbox: INBOX, owner: owner.public(), readers, claim: Claim::Secret([0x99; 32]), signature: [0; 64] };
    register.sign(&relay_peer(), &owner)
}

pub(super) fn open_token() -> OpenToken {
    OpenToken { token: token(), until: 1_764_100_000_000, proof: [0; 64] }.sign(&bob().peer_id(), &relay_peer(), &holder())
}

pub(super) fn open_inbox() -> OpenInbox {
    let reader = alice().inbox_reader(&relay_peer());
    let open = OpenInbox { inbox: INBOX, reader: reader.public(), proof: [0; 64] };
    open.sign(&alice().peer_id(), &relay_peer(), &reader)
}

pub(super) fn revoke() -> Revoke {
    Revoke { inbox: INBOX, tokens: vec![[0x1d; 16]], signature: [0; 64] }.sign(&relay_peer(), &alice().inbox_owner(&relay_peer()))
}

pub(super) fn leave() -> LeaveInbox {
    LeaveInbox { inbox: INBOX, signature: [0; 64] }.sign(&relay_peer(), &alice().inbox_owner(&relay_peer()))
}

pub(super) fn announcement() -> Announcement {
    let limits = Limits { envelope_bytes: 262_144, ttl_ms: 2_592_000_000, work_bits: 22 };
    let (peer, addresses, name) = (relay_peer(), vec![address()], "village".to_owned());
    Announcement { peer, addresses, name, limits, at: 1_764_000_000_000, pause: 21_600_000, signature: [0; 64] }.sign(&relay())
}

fn room_envelope() -> Vec<u8> {
    envelope::Envelope::encode(envelope::Kind::Room, &[0x77; 8 + 12 + 64 + 16])
}

fn handover() -> Handover {
    let device = Target { peer: bob().peer_id(), addresses: vec![address()], inbox: None };
    let mailbox = Target { peer: relay_peer(), addresses: Vec::new(), inbox: Some((INBOX, open_token())) };
    Handover { inbox: INBOX, to: RECEIVER, targets: vec![device, mailbox], lane: Lane::Control, envelope: room_envelope() }
}

fn report(done: HandoverDone) -> Frame {
    Frame::HandoverDone(Report { inbox: INBOX, sequence: 12, done })
}

/// Of two chunks.
pub(super) fn listing() -> blob::Listing {
    blob::Listing { size: 200_000, digests: vec![[0xd0; 32], [0xd1; 32]] }
}

pub(super) fn media() -> blob::Media {
    let (_, preview) = previews().remove(0);
    let manifest = blob::Manifest { key: [0x6b; 32], listing: listing() };
    blob::Media { preview, name: "cat.jpg".to_owned(), caption: "look".to_owned(), reply: Some(MESSAGE), manifest }
}

fn blob_held() -> blob::BlobHeld {
    blob::BlobHeld { blob: BLOB, inbox: INBOX, until: 1_764_864_000_000, signature: [0; 64] }.sign(&relay())
}

/// At least one frame of every kind, and one of every choice within a kind.
pub(super) fn frames() -> Named<Frame> {
    let refused = |envelope, reason| Frame::Refused(Refused { envelope, inbox: INBOX, reason });
    let deposit = |lane, work| Frame::Deposit(Deposit { inboxes: vec![(INBOX, lane)], work, envelope: room_envelope() });
    let contact = Register { claim: Claim::Contact, ..register() }.sign(&relay_peer(), &alice().inbox_owner(&relay_peer()));
    vec![
        ("hello", Frame::Hello(hello())),
        ("deliver", Frame::Deliver(room_envelope())),
        ("delivered", Frame::Delivered(delivered())),
        ("deferred", Frame::Deferred(vec![ENVELOPE])),
        ("heads", Frame::Heads(Heads { room: ROOM, epoch: 5, epoch_id: [0xea; 16], heads: vec![head(300)] })),
        ("lost", Frame::Lost(vec![ENVELOPE])),
        ("mail-limits", Frame::MailLimits(announcement().limits)),
        ("register-secret", Frame::Register(register())),
        ("register-contact", Frame::Register(contact)),
        (
            "registered",
            Frame::Registered(Registered { inbox: INBOX, quota_bytes: 67_108_864, ttl_ms: 2_592_000_000, wall: 1_764_000_000_000 }),
        ),
        ("open-inbox", Frame::OpenInbox(open_inbox())),
        ("mail", Frame::Mail(Mail { inbox: INBOX, sequence: 70_000, envelope: room_envelope() })),
        ("mail-ack", Frame::MailAck(MailAck { inbox: INBOX, sequences: vec![1, 250, 251, 65_536] })),
        ("open-token", Frame::OpenToken(open_token())),
        ("deposit-chat", deposit(Lane::Chat, 0)),
        ("deposit-control", deposit(Lane::Control, 0)),
        ("deposit-stranger", deposit(Lane::Stranger, 4_194_301)),
        ("held", Frame::Held(held())),
        ("refused-unknown-inbox", refused(None, Reason::UnknownInbox)),
        ("refused-no-token", refused(Some(ENVELOPE), Reason::NoToken)),
        ("refused-full", refused(Some(ENVELOPE), Reason::Full)),
        ("refused-too-large", refused(Some(ENVELOPE), Reason::TooLarge)),
        ("refused-work", refused(Some(ENVELOPE), Reason::Work)),
        ("refused-not-served", refused(Some(ENVELOPE), Reason::NotServed)),
        ("refused-disk", refused(Some(ENVELOPE), Reason::Disk)),
        ("refused-signature", refused(Some(ENVELOPE), Reason::Signature)),
        ("handover", Frame::Handover(handover())),
        ("handover-done-held", report(HandoverDone::Held { by: relay_peer(), held: held() })),
        ("handover-done-delivered", report(HandoverDone::Delivered(delivered()))),
        ("handover-done-expired", report(HandoverDone::Expired { envelope: ENVELOPE, to: RECEIVER })),
        ("revoke", Frame::Revoke(revoke())),
        ("leave-inbox", Frame::LeaveInbox(leave())),
        ("mail-end", Frame::MailEnd(MailEnd { inbox: INBOX })),
        ("withdraw", Frame::Withdraw(Withdraw { inbox: INBOX, handovers: vec![(ENVELOPE, RECEIVER)] })),
        ("ask", Frame::Ask(blob::Ask { blob: BLOB, pieces: vec![0, 300, 70_000] })),
        ("piece", Frame::Piece(blob::Piece { piece: 300, bytes: vec![0x5a; 40] })),
        ("lack", Frame::Lack(blob::Lack { piece: 70_000 })),
        ("offer", Frame::Offer(blob::Offer { inbox: INBOX, listing: listing() })),
        ("blob-held", Frame::BlobHeld(blob_held())),
        ("blob-refused", Frame::BlobRefused(blob::BlobRefused { blob: BLOB, inbox: INBOX, reason: Reason::TooLarge, takes: 1_000_000 })),
        ("blob-done", Frame::BlobDone(blob::BlobDone { inbox: INBOX, blob: BLOB })),
        ("withdrawn", Frame::Withdrawn(Withdraw { inbox: INBOX, handovers: vec![(ENVELOPE, RECEIVER)] })),
    ]
}

/// A content of every body.
pub(super) fn contents() -> Named<Content> {
    let (account, device) = (bob().account_id(), bob().device_id());
    let text = Body::Text { text: "hello, Bob".to_owned(), reply: None };
    let bodies = vec![
        ("text", text.clone()),
        ("text-reply", Body::Text { text: "héllo ☂".to_owned(), reply: Some(MESSAGE) }),
        ("reaction", Body::Reaction { target: MESSAGE, emoji: "👍🏽".to_owned() }),
        ("edit", Body::Edit { target: MESSAGE, text: "hello, Robert".to_owned() }),
        ("recall", Body::Recall { target: MESSAGE }),
        ("receipt", Body::Receipt { delivered: vec![MESSAGE], read: vec![MessageId([0x3f; 16])] }),
        ("card", Body::Card { card: signed_card(), grants: vec![grant()], key_packages: vec![vec![0x6b; 40]] }),
        ("ask", Body::Ask { account, device, numbers: vec![4, 5, 900] }),
        ("gone", Body::Gone { account, device, numbers: vec![6] }),
        ("heads", Body::Heads { heads: vec![head(300), head(7)], card: None, asks: true }),
        ("heads-card", Body::Heads { heads: vec![head(7)], card: Some(signed_card()), asks: false }),
        ("copy", Body::Copy { content: codec::encode(&content(&text, Some(device))) }),
        ("cards", Body::Cards { cards: vec![(signed_card(), vec![grant()])] }),
        ("lost", Body::Lost { envelopes: vec![EnvelopeId([0x4c; 32])] }),
        ("media", Body::Media(Box::new(media()))),
        ("had", Body::Had { messages: vec![MESSAGE] }),
    ];
    let numbered = bodies.iter().map(|(name, body)| (*name, content(body, None)));
    numbered.chain([("of-another-device", content(&text, Some(device)))]).collect()
}

/// Alice's eighth message.
fn content(body: &Body, device: Option<DeviceId>) -> Content {
    let content = Content { proof: [0; 16], device, number: 8, clock: CLOCK, is_back: false, body: codec::encode(body) };
    content.prove(&ROOM, &device.unwrap_or_else(|| alice().device_id()), &alice())
}

fn head(number: u64) -> Head {
    Head { account: alice().account_id(), device: alice().device_id(), number }
}

/// Every knock.
pub(super) fn knocks() -> Named<Knock> {
    let request =
        |secret| Knock::Request { secret, key_packages: vec![vec![0x6b; 40]], grants: vec![grant()], greeting: "it is me".to_owned() };
    vec![
        ("request-invited", request(Some([0x5c; 32]))),
        ("request-stranger", request(None)),
        (
            "welcome",
            Knock::Welcome { room: ROOM, group: GroupId([0x60; 32]), generation: 1, welcome: vec![0x3e; 50], grants: vec![grant()] },
        ),
        ("rejoin", Knock::Rejoin { room: ROOM, key_package: vec![0x6b; 40], generation: 1 }),
        ("newer", Knock::Newer { card: signed_card() }),
    ]
}

/// Alice's knocks for Bob, signed.
pub(super) fn signed_knocks() -> Named<Vec<u8>> {
    let (card, bob, alice) = (signed_card(), bob().account_id(), alice());
    let signed = |knock: &Knock| Signed { work: 77, ..Signed::new(&card, &bob, knock, &alice.account) };
    knocks().iter().map(|(name, knock)| (*name, codec::encode(&signed(knock)))).collect()
}

pub(super) fn envelopes() -> Named<Vec<u8>> {
    let sealed = envelope::Envelope::encode(envelope::Kind::Sealed, &[0x88; 32 + 64 + 16]);
    vec![("room", room_envelope()), ("sealed", sealed)]
}

pub(super) fn invites() -> Named<Invite> {
    let not_after = 1_766_592_000_000;
    let private = Invite { card: signed_card(), secret: Some([0x5c; 32]), not_after, grants: vec![grant()] };
    vec![("public", Invite { secret: None, grants: Vec::new(), ..private.clone() }), ("private", private)]
}

pub(super) fn relay_invite() -> RelayInvite {
    RelayInvite { peer: relay_peer(), addresses: vec![address()], secret: [0x99; 32] }
}

/// A row of every type in `wire::row`, encoded.
pub(super) fn rows() -> Named<Vec<u8>> {
    let account = bob().account_id();
    let body = codec::encode(&Body::Text { text: "hello, Bob".to_owned(), reply: None });
    let place = row::Place { room: ROOM, clock: CLOCK, sender: account, message: MESSAGE };
    let custody = row::Custody {
        order: 9,
        held: vec![(relay_peer(), 1_766_592_000_000)],
        delivered: Some(1_764_000_001_000),
        read: None,
        expired: false,
    };
    let outbox = |cargo| {
        row::encode(&row::Outbox {
            cargo,
            envelope: Some(ENVELOPE),
            epoch: [0xea; 16],
            shared: true,
            since: 1_764_000_000_000,
            held: vec![(relay_peer(), 1_766_592_000_000)],
            delivered: vec![bob().device_id()],
        })
    };
    let mark = row::Mark {
        message: MESSAGE,
        sender: account,
        device: bob().device_id(),
        number: 8,
        clock: CLOCK,
        body: codec::encode(&Body::Reaction { target: MESSAGE, emoji: "👍".to_owned() }),
    };
    let message = row::Message { device: bob().device_id(), number: 8, body, arrived: 1_764_000_000_500, late: true };
    let index = row::Index { place, target: Some(MESSAGE), custody: vec![(account, custody)], read_at: Some(1_764_000_002_000) };
    let numbered = row::Numbered { message: MESSAGE, proof: [0x9f; 16], stamp: Some(CLOCK), is_back: true, envelope: room_envelope() };
    let seen = row::Seen { until: 1_766_700_000_000, about: Some((ROOM, MESSAGE, account)) };
    let mut room = row::Room::new(row::RoomKind::Group, "friends".to_owned(), vec![account]);
    (room.generation, room.clock, room.number, room.is_late) = (1, CLOCK, 8, true);
    vec![
        ("contact", row::encode(&contact(account))),
        ("invite", row::encode(&row::Invite { not_after: 1_766_592_000_000, used_by: Some(account) })),
        ("room", row::encode(&room)),
        ("place-key", place.key()),
        ("message", row::encode(&message)),
        ("index", row::encode(&index)),
        ("mark", row::encode(&mark)),
        ("mark-key", row::mark_key(&MESSAGE, &place)),
        ("heads", row::encode(&row::Heads { high: 12, holes: vec![(3, 4)], gone: vec![(9, 9)], gone_more: 2, backs: vec![(11, CLOCK)] })),
        ("numbered", row::encode(&numbered)),
        ("numbered-key", row::Series { room: ROOM, account, device: bob().device_id() }.numbered(8)),
        ("seen", row::encode(&seen)),
        ("owed", row::encode(&row::Owed { room: ROOM, read: true })),
        ("member", row::encode(&row::Member { card: signed_card(), grants: vec![grant()], told: 7, is_told: true, round: 1 })),
        ("outbox-message", outbox(row::Cargo::Message { room: ROOM, message: MESSAGE })),
        ("outbox-content", outbox(row::Cargo::Content { room: ROOM, content: vec![1, 2, 3] })),
        ("outbox-commit", outbox(row::Cargo::Commit { room: ROOM })),
        ("outbox-knock", outbox(row::Cargo::Knock)),
        ("outbox-copy", outbox(row::Cargo::Copy)),
        ("outbox-welcome", outbox(row::Cargo::Welcome { room: ROOM })),
        ("outbox-rejoin", outbox(row::Cargo::Rejoin { room: ROOM })),
        ("mailbox", row::encode(&mailbox(account))),
        ("skew", row::encode(&row::Skew { ahead_ms: -7_200_000, witnesses: 3 })),
        ("blob", row::encode(&blob::Stored { listing: listing(), wanted: true })),
        ("lodging", row::encode(&blob::Lodging { token: [0x1d; 16], bytes: 200_032, until: 1_764_864_000_000 })),
        (
            "carriage",
            row::encode(&blob::Carriage {
                blob: BLOB,
                held: vec![(relay_peer(), 1_764_864_000_000)],
                refused: vec![(bob().peer_id(), Reason::TooLarge, 1_000_000)],
                had: Some(1_764_000_001_000),
            }),
        ),
    ]
}

/// A row of every type that the mailbox service writes, encoded; of a choice, every one.
/// One preview of each kind, as a message about a file carries it.
pub(super) fn previews() -> Named<Preview> {
    let nothing = |kind, mime: &str| Preview {
        kind,
        mime: mime.to_owned(),
        width: 0,
        height: 0,
        duration_ms: 0,
        picture: Vec::new(),
        waveform: Vec::new(),
        misnamed: false,
    };
    let picture = tiny_jpeg(40, 30);
    vec![
        ("photo", Preview { width: 4_000, height: 3_000, picture: picture.clone(), ..nothing(MediaKind::Photo, "image/jpeg") }),
        ("voice", Preview { duration_ms: 4_200, waveform: vec![0, 80, 255, 9], ..nothing(MediaKind::Voice, "audio/ogg") }),
        ("audio", Preview { duration_ms: 180_000, ..nothing(MediaKind::Audio, "audio/mpeg") }),
        ("video", Preview { width: 1_920, height: 1_080, duration_ms: 61_000, picture, ..nothing(MediaKind::Video, "video/mp4") }),
        ("file", Preview { misnamed: true, ..nothing(MediaKind::File, "application/octet-stream") }),
    ]
}

/// The headers of a JPEG of this size, which are all that is looked at here.
pub(super) fn tiny_jpeg(width: u16, height: u16) -> Vec<u8> {
    let ([w1, w2], [h1, h2]) = (width.to_be_bytes(), height.to_be_bytes());
    let frame = [0xff, 0xc0, 0, 11, 8, h1, h2, w1, w2, 1, 1, 0x11, 0];
    [&[0xff, 0xd8, 0xff, 0xfe, 0, 3, 7][..], &frame, &[0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0, 0x55, 0xff, 0xd9]].concat()
}

pub(super) fn mailbox_rows() -> Named<Vec<u8>> {
    use tidings::proto::mailbox::acked::Acked;
    use tidings::proto::mailbox::row::{Counts, Due, Goal, Hold, Job, Part, Registration, Sum, Tally, Usage};
    let sum = |bytes, count| Sum { bytes, count };
    let hold = |part, token| row::encode(&Hold { envelope: ENVELOPE, bytes: 1_105, part, token, until: 1_766_592_000_000 });
    let Frame::Handover(handover) = frames().remove(frames().iter().position(|(name, _)| *name == "handover").unwrap()).1 else { panic!() };
    let goals = [Goal::Open, Goal::Taken, Goal::Failed].map(|goal| (handover.targets[0].clone(), goal)).to_vec();
    let tally = Tally {
        next: 300,
        chat: sum(70_000, 61),
        control: sum(900, 1),
        stranger: sum(4_096, 2),
        report: sum(100, 3),
        handover: sum(1_105, 1),
        handed: 7,
        revoked: 2,
        run: Some((1_766_592_000_000, 280)),
    };
    let registration = Registration {
        owner: [0x0e; 32],
        readers: vec![[0x4e; 32]; 2],
        neighbour: Some(bob().account_id()),
        by: bob().peer_id(),
        leaving: false,
    };
    vec![
        ("counts", row::encode(&Counts { relayed: 1_000, neighbours: 3 })),
        ("registration", row::encode(&registration)),
        ("tally", row::encode(&tally)),
        ("usage", row::encode(&Usage { chat: sum(2_210, 2), control: sum(0, 0) })),
        // Below 5, and 7 to 9.
        ("acked", row::encode(&row::decode::<Acked>(&[row::VERSION, 5, 1, 7, 9]).unwrap())),
        ("hold-chat", hold(Part::Chat, Some([0x1d; 16]))),
        ("hold-control", hold(Part::Control, Some([0x1d; 16]))),
        ("hold-stranger", hold(Part::Stranger, None)),
        ("hold-report", hold(Part::Report, None)),
        ("due-run", row::encode(&Due::Run(280))),
        ("due-sweep", row::encode(&Due::Sweep(0))),
        ("due-leave", row::encode(&Due::Leave)),
        ("due-handover", row::encode(&Due::Handover(ENVELOPE, INBOX))),
        ("job", row::encode(&Job { order: 7, lane: Lane::Chat, bytes: 1_105, until: 1_766_592_000_000, goals, untold: 2 })),
    ]
}

fn contact(account: AccountId) -> row::Contact {
    row::Contact {
        name: "Bob".to_owned(),
        state: row::ContactState::Pending,
        verified: true,
        card: signed_card(),
        grants: vec![grant()],
        card_sent: 7,
        key_packages: vec![account.0.to_vec()],
        greeting: "it is me".to_owned(),
        secret: Some(([0x5c; 32], 1_766_592_000_000)),
        grant_round: 1,
        welcomed: Some([0x3c; 32]),
        since: 1_764_000_000_000,
    }
}

fn mailbox(account: AccountId) -> row::Mailbox {
    row::Mailbox {
        addresses: vec![address()],
        inbox: INBOX,
        registered: true,
        secret: Some([0x99; 32]),
        neighbour: Some(account),
        envelope_bytes: 262_144,
        ttl_ms: 2_592_000_000,
        work_bits: 22,
        quota_bytes: 67_108_864,
        refused: Some(Reason::Full),
    }
}

/// Examples with their names.
pub(super) type Named<T> = Vec<(&'static str, T)>;

/// Everything, by group and name, as bytes: what the golden files hold and hostile changes start from.
pub(super) fn all() -> Named<Named<Vec<u8>>> {
    let mut links: Vec<_> = invites().into_iter().map(|(name, invite)| (name, invite.to_link().into_bytes())).collect();
    links.push(("relay", relay_invite().to_link().into_bytes()));
    vec![
        ("frame", frames().iter().map(|(name, frame)| (*name, frame.encode())).collect()),
        ("envelope", envelopes()),
        ("card", vec![("card", signed_card())]),
        ("link", links),
        ("content", contents().iter().map(|(name, content)| (*name, codec::encode(content))).collect()),
        ("knock", signed_knocks()),
        ("announcement", vec![("announcement", codec::encode(&announcement()))]),
        ("row", rows()),
    ]
}
