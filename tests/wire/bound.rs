//! What fits a frame in bytes can still be more than anyone should act on.

use tidings::crypto::keys::Keys;
use tidings::crypto::mls::{Engine, package};
use tidings::crypto::{aead, seal};
use tidings::types::limits::*;
use tidings::types::{Address, BlobId, EnvelopeId, MessageId, Rng};
use tidings::wire::blob;
use tidings::wire::bound::Bounded;
use tidings::wire::codec::{self, DecodeError};
use tidings::wire::content::{Body, Content, Head, Knock};
use tidings::wire::envelope::{Envelope, Kind};
use tidings::wire::frame::Frame;
use tidings::wire::mailbox::*;
use tidings::wire::media::Preview;
use tidings::wire::{card, content};

use super::sample;

/// The most that is taken, and one more, which is not.
fn at_most<T: bincode::Encode + bincode::Decode<()> + Bounded>(max: usize, make: impl Fn(usize) -> T) {
    assert!(codec::open::<T>(&codec::encode(&make(max))).is_ok(), "{max} of them");
    assert!(matches!(codec::open::<T>(&codec::encode(&make(max + 1))), Err(DecodeError::Malformed)), "one more than {max}");
}

#[test]
fn lists_in_frames_are_bounded() {
    let ids = |count| vec![sample::ENVELOPE; count];
    at_most(FRAME_IDS_MAX, ids);
    at_most(FRAME_IDS_MAX, |count| tidings::wire::frame::Delivered { envelopes: ids(count), ..sample::delivered() });
    at_most(FRAME_IDS_MAX, |count| Held { entries: vec![(sample::ENVELOPE, sample::INBOX); count], ..sample::held() });
    at_most(FRAME_IDS_MAX, |count| MailAck { inbox: sample::INBOX, sequences: vec![9; count] });
    at_most(FRAME_IDS_MAX, |count| Deposit { inboxes: vec![(sample::INBOX, Lane::Chat); count], work: 0, envelope: Vec::new() });
    at_most(FRAME_IDS_MAX, |count| Revoke { tokens: vec![[1; 16]; count], ..sample::revoke() });
    at_most(DEVICES_MAX, |count| Register { readers: vec![[1; 32]; count], ..sample::register() });
    at_most(ENVELOPE_BYTES_MAX, |length| Mail { inbox: sample::INBOX, sequence: 1, envelope: vec![0; length] });
    at_most(ADDRESSES_MAX, |count| Announcement { addresses: vec![sample::address(); count], ..sample::announcement() });
    at_most(NAME_BYTES_MAX, |length| Announcement { name: "n".repeat(length), ..sample::announcement() });
    let (_, Frame::Handover(handover)) = sample::frames().into_iter().find(|(name, _)| *name == "handover").unwrap() else { panic!() };
    at_most(HANDOVER_TARGETS_MAX, |count| Handover { targets: vec![handover.targets[0].clone(); count], ..handover.clone() });
    let report = |count| HandoverDone::Held {
        by: sample::relay_peer(),
        held: Held { entries: vec![(EnvelopeId([1; 32]), sample::INBOX); count], ..sample::held() },
    };
    at_most(FRAME_IDS_MAX, |count| Withdraw { inbox: sample::INBOX, handovers: vec![(EnvelopeId([1; 32]), sample::INBOX); count] });
    at_most(ASK_PIECES_MAX, |count| blob::Ask { blob: BlobId([1; 32]), pieces: vec![7; count] });
    at_most(CHUNK_BYTES as usize + 16, |length| blob::Piece { piece: 1, bytes: vec![0; length] });
    at_most(FRAME_IDS_MAX, |count| Report { inbox: sample::INBOX, sequence: 1, done: report(count) });
}

/// A listing has as many digests as its size asks for, and no more: not the same chunk a million times, and no size that overflows.
#[test]
fn a_listing_has_the_digests_that_its_size_asks_for() {
    let listing = |size, count| blob::Listing { size, digests: vec![[1; 32]; count] };
    let sound = |size, count| listing(size, count).is_sound();
    assert!(sound(0, 1) && sound(1, 1) && sound(CHUNK_BYTES, 1) && sound(CHUNK_BYTES + 1, 2));
    assert!(!sound(0, 0) && !sound(CHUNK_BYTES, 2) && !sound(CHUNK_BYTES + 1, 1));
    let paged = CHUNK_BYTES * LISTING_DIGESTS_MAX as u64 + 1;
    assert!(sound(paged - 1, LISTING_DIGESTS_MAX) && sound(paged, 1) && !sound(paged, LISTING_DIGESTS_MAX + 1) && !sound(paged, 2));
    let pages = BLOB_BYTES_MAX.div_ceil(CHUNK_BYTES).div_ceil(u64::from(PAGE_DIGESTS)) as usize;
    assert!(sound(BLOB_BYTES_MAX, pages) && pages <= LISTING_DIGESTS_MAX);
    for size in [BLOB_BYTES_MAX + 1, u64::MAX, u64::MAX - CHUNK_BYTES] {
        assert!([0, 1, pages, pages + 1].iter().all(|count| !sound(size, *count)));
    }
    // Every piece begins where the one before it ends, but for a last chunk that is short.
    let whole = listing(3 * CHUNK_BYTES, 3);
    assert!((0..3).all(|piece| whole.offset(piece) + whole.piece_bytes(piece) == whole.offset(piece + 1)));
    assert_eq!((whole.piece_bytes(3), whole.piece_bytes(u32::MAX)), (0, 0));
    let media = |name: usize, caption: usize| blob::Media { name: "n".repeat(name), caption: "c".repeat(caption), ..sample::media() };
    at_most(FILE_NAME_BYTES_MAX, |length| media(length, 0));
    at_most(TEXT_BYTES_MAX, |length| media(0, length));
    // With the longest of everything it still fits an envelope.
    let longest = blob::Media {
        preview: Preview {
            picture: [sample::tiny_jpeg(40, 30), vec![0; PREVIEW_PICTURE_BYTES_MAX - 1_000]].concat(),
            ..sample::media().preview
        },
        manifest: blob::Manifest { key: [1; 32], listing: listing(paged - 1, LISTING_DIGESTS_MAX) },
        ..media(FILE_NAME_BYTES_MAX, TEXT_BYTES_MAX)
    };
    assert!(codec::encode(&Body::Media(Box::new(longest))).len() <= COPY_BYTES_MAX);
}

#[test]
fn previews_are_bounded_and_their_pictures_are_small_ones() {
    let all = sample::previews();
    let of = |kind: &str| all.iter().find(|(name, _)| *name == kind).unwrap().1.clone();
    let longer = |length: usize| [sample::tiny_jpeg(40, 30), vec![0; length - sample::tiny_jpeg(40, 30).len()]].concat();
    at_most(PREVIEW_PICTURE_BYTES_MAX, |length| Preview { picture: longer(length), ..of("photo") });
    at_most(PREVIEW_PICTURE_SIDE_MAX as usize, |side| Preview { picture: sample::tiny_jpeg(side as u16, 30), ..of("photo") });
    at_most(PREVIEW_PICTURE_SIDE_MAX as usize, |side| Preview { picture: sample::tiny_jpeg(30, side as u16), ..of("photo") });
    at_most(WAVEFORM_LEVELS_MAX, |count| Preview { waveform: vec![9; count], ..of("voice") });
    at_most(MEDIA_SIDE_MAX as usize, |side| Preview { width: side as u32, ..of("photo") });
    at_most(MEDIA_MS_MAX as usize, |ms| Preview { duration_ms: ms as u32, ..of("video") });
    at_most(MIME_BYTES_MAX, |length| Preview { mime: format!("a/{}", "b".repeat(length - 2)), ..of("file") });

    let photo = of("photo");
    let twice = [&photo.picture[..7], &photo.picture[7..20], &photo.picture[7..]].concat();
    let pictures = [b"GIF89a".to_vec(), vec![0xff, 0xd8], photo.picture[..20].to_vec(), sample::tiny_jpeg(0, 30), twice];
    let bad = pictures.into_iter().map(|picture| Preview { picture, ..photo.clone() });
    let mimes = ["", "image", "image/", "/png", "image/p ng", "image/png\r\nx: y", "Image/png", "a/b;c=d", "a/b/c"];
    let bad = bad.chain(mimes.iter().map(|mime| Preview { mime: (*mime).to_owned(), ..photo.clone() }));
    for preview in bad.chain([Preview { width: 0, ..photo.clone() }]) {
        assert!(!preview.is_bounded(), "{preview:?}");
    }
}

#[test]
fn cards_and_invites_are_bounded() {
    let card = sample::card;
    at_most(DEVICES_MAX, |count| card::Card { devices: vec![card().devices[0].clone(); count], ..card() });
    at_most(MAILBOXES_MAX, |count| card::Card { mailboxes: vec![card().mailboxes[0].clone(); count], ..card() });
    at_most(NAME_BYTES_MAX, |length| card::Card { name: "n".repeat(length), ..card() });
    let addresses = |count| vec![sample::address(); count];
    at_most(ADDRESSES_MAX, |count| card::Card {
        devices: vec![card::Device { addresses: addresses(count), ..card().devices[0].clone() }],
        ..card()
    });
    at_most(ADDRESSES_MAX, |count| card::Card {
        mailboxes: vec![card::Mailbox { addresses: addresses(count), ..card().mailboxes[0].clone() }],
        ..card()
    });
    at_most(ADDRESSES_MAX, |count| card::RelayInvite { addresses: addresses(count), ..sample::relay_invite() });
    let invite = sample::invites()[1].1.clone();
    at_most(MAILBOXES_MAX, |count| card::Invite { grants: vec![invite.grants[0].clone(); count], ..invite.clone() });
    at_most(CARD_BYTES_MAX, |length| card::Invite { card: vec![0; length], ..invite.clone() });
}

/// Alice has as many devices and mailboxes, with as many and as long addresses, as she may: her card, her links and her request
/// to a stranger fit what everybody takes.
#[test]
fn a_card_at_every_maximum_fits_wherever_it_goes() {
    let alice = |device: u8| Keys::new(&[0xa1; 32], &[device; 32], &[0x80 | device; 32]);
    let address = Address::new(&format!("/dns4/{}", "a".repeat(ADDRESS_BYTES_MAX - 6))).unwrap();
    let addresses = vec![address; ADDRESSES_MAX];
    let device = |number| {
        let keys = alice(number);
        card::Device { device: keys.device_id(), peer: keys.peer_id(), addresses: addresses.clone(), certificate: keys.certificate }
    };
    let mailbox = |number| card::Mailbox {
        peer: alice(0x40 | number).peer_id(),
        addresses: addresses.clone(),
        inbox: sample::INBOX,
        envelope_bytes: u64::MAX,
        work_bits: u8::MAX,
    };
    let keys = alice(1);
    let card = card::Card {
        account: keys.account_id(),
        number: u64::MAX,
        name: "n".repeat(NAME_BYTES_MAX),
        seal: keys.seal_public(),
        devices: (1..=DEVICES_MAX as u8).map(device).collect(),
        mailboxes: (1..=MAILBOXES_MAX as u8).map(mailbox).collect(),
    };
    let signed = card.sign(&keys.account);
    assert!(signed.len() <= CARD_BYTES_MAX, "{} bytes", signed.len());
    assert_eq!(card::Signed::open(&signed).as_ref(), Ok(&card));

    let grant = sample::invites()[1].1.grants[0].clone();
    let grants = vec![Grant { token: Token { not_after: u64::MAX, ..grant.token.clone() }, ..grant }; MAILBOXES_MAX];
    let invite = card::Invite { card: signed.clone(), secret: Some([1; 32]), not_after: u64::MAX, grants: grants.clone() };
    assert!(invite.to_link().len() <= LINK_BYTES_MAX, "{} bytes", invite.to_link().len());
    assert_eq!(card::Invite::from_link(&invite.to_link()).as_ref(), Ok(&invite));

    let mut rng = Rng::from_seed([1; 32]);
    let (package, _) = package::make(&Engine::default(), &mut rng, &keys, 1_764_000_000_000).unwrap();
    let request = Knock::Request {
        secret: Some([1; 32]),
        key_packages: vec![package; KEY_PACKAGES_MAX],
        grants,
        greeting: "g".repeat(GREETING_BYTES_MAX),
    };
    let bob = sample::bob();
    let request = content::Signed { work: u64::MAX, ..content::Signed::new(&signed, &bob.account_id(), &request, &keys.account) };
    let request = codec::encode(&request);
    assert!(content::Signed::open(&request, &bob.account_id()).is_ok(), "{} bytes", request.len());
    let sealed = seal::seal(&bob.seal_public(), b"info", &aead::pad(&request), &mut rng).unwrap();
    let envelope = Envelope::encode(Kind::Sealed, &sealed);
    assert!(envelope.len() <= STRANGER_BYTES_MAX, "{} bytes", envelope.len());
    // So does any other that is no longer than a request may be.
    let longest = seal::seal(&bob.seal_public(), b"info", &aead::pad(&[0; REQUEST_BYTES_MAX]), &mut rng).unwrap();
    assert!(Envelope::encode(Kind::Sealed, &longest).len() <= STRANGER_BYTES_MAX);
}

#[test]
fn contents_and_knocks_are_bounded() {
    let (account, device) = (sample::bob().account_id(), sample::bob().device_id());
    let target = MessageId([1; 16]);
    at_most(PADDED_BYTES_MAX, |length| Content { body: vec![0; length], ..sample::contents()[0].1.clone() });
    at_most(TEXT_BYTES_MAX, |length| Body::Text { text: "t".repeat(length), reply: None });
    at_most(TEXT_BYTES_MAX, |length| Body::Edit { target, text: "t".repeat(length) });
    at_most(REACTION_BYTES_MAX, |length| Body::Reaction { target, emoji: "e".repeat(length) });
    at_most(FRAME_IDS_MAX, |count| Body::Receipt { delivered: vec![target; count - 1], read: vec![target] });
    at_most(FRAME_IDS_MAX, |count| Body::Ask { account, device, numbers: vec![1; count] });
    at_most(FRAME_IDS_MAX, |count| Body::Lost { envelopes: vec![EnvelopeId([1; 32]); count] });
    at_most(FRAME_IDS_MAX, |count| Body::Gone { account, device, numbers: vec![1; count] });
    at_most(FRAME_IDS_MAX, |count| Body::Heads { heads: vec![Head { account, device, number: 1 }; count], card: None, asks: false });
    at_most(CARD_BYTES_MAX, |length| Body::Heads { heads: Vec::new(), card: Some(vec![1; length]), asks: false });
    at_most(COPY_BYTES_MAX, |length| Body::Copy { content: vec![1; length] });
    at_most(KEY_PACKAGES_MAX, |count| Body::Card { card: Vec::new(), grants: Vec::new(), key_packages: vec![vec![1]; count] });
    at_most(MEMBER_CARDS_MAX, |count| Body::Cards { cards: vec![(Vec::new(), Vec::new()); count] });
    at_most(CARD_BYTES_MAX, |length| Body::Cards { cards: vec![(vec![0; length], Vec::new())] });
    let request = |greeting: usize, packages: Vec<Vec<u8>>| Knock::Request {
        secret: None,
        key_packages: packages,
        grants: Vec::new(),
        greeting: "g".repeat(greeting),
    };
    at_most(GREETING_BYTES_MAX, |length| request(length, vec![vec![1]]));
    at_most(KEY_PACKAGES_MAX, |count| request(0, vec![vec![1]; count]));
    assert!(!request(0, Vec::new()).is_bounded(), "nobody can be answered without a key package");
}

#[test]
fn a_request_is_small_however_it_is_filled() {
    let (alice, bob) = (sample::alice(), sample::bob().account_id());
    let open = |bytes: usize| {
        let knock = Knock::Request { secret: None, key_packages: vec![vec![1; bytes]], grants: Vec::new(), greeting: String::new() };
        let signed = content::Signed::new(&sample::signed_card(), &bob, &knock, &alice.account);
        content::Signed::open(&codec::encode(&signed), &bob)
    };
    assert!(open(REQUEST_BYTES_MAX - 2_000).is_ok());
    assert!(open(REQUEST_BYTES_MAX - 100).is_err());
}
