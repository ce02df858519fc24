//! Whatever people write, and in whatever order things come: out as it went in.

use proptest::prelude::*;
use tidings::crypto::aead;
use tidings::types::{AccountId, DeviceId, MessageId, RoomId};
use tidings::wire::content::{Body, Clock, Content};
use tidings::wire::row::Place;
use tidings::wire::{codec, row};

fn clock() -> impl Strategy<Value = Clock> {
    (any::<u64>(), any::<u32>()).prop_map(|(ms, count)| Clock { ms, count })
}

fn place() -> impl Strategy<Value = Place> {
    // Few rooms and senders, so that the later parts of the key decide too.
    (0..2_u8, clock(), 0..2_u8, any::<[u8; 16]>()).prop_map(|(room, clock, sender, message)| Place {
        room: RoomId([room; 32]),
        clock,
        sender: AccountId([sender; 32]),
        message: MessageId(message),
    })
}

proptest! {
    #[test]
    fn any_text_comes_back(text in ".{0,300}", number in any::<u64>(), clock in clock(), reply in any::<Option<[u8; 16]>>()) {
        let body = Body::Text { text, reply: reply.map(MessageId) };
        let device = reply.map(|_| DeviceId([3; 32]));
        let content = Content { proof: [1; 16], device, number, clock, is_back: reply.is_some(), body: codec::encode(&body) };
        let padded = aead::pad(&codec::encode(&content));
        let opened: Content = codec::open(aead::unpad(&padded).unwrap()).unwrap();
        prop_assert_eq!(&opened, &content);
        let row = row::Message { device: DeviceId([2; 32]), number, body: content.body, arrived: number, late: true };
        prop_assert_eq!(row.body(), Some(body));
        prop_assert_eq!(row::decode::<row::Message>(&row::encode(&row)).unwrap(), row);
    }

    #[test]
    fn keys_of_messages_sort_as_their_places_do(one in place(), other in place()) {
        prop_assert_eq!(Place::from_key(&one.key()), Some(one));
        let wanted = (one.room, one.clock, one.sender, one.message).cmp(&(other.room, other.clock, other.sender, other.message));
        prop_assert_eq!(one.key().cmp(&other.key()), wanted);
    }

    #[test]
    fn any_bytes_come_out_of_their_padding(bytes in prop::collection::vec(any::<u8>(), 0..70_000)) {
        let padded = aead::pad(&bytes);
        prop_assert_eq!(aead::unpad(&padded), Some(&bytes[..]));
    }

    #[test]
    fn any_bytes_at_all_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..600), kind in 0..32_u8) {
        super::entry::frame(&bytes);
        super::entry::frame(&[&[0, kind, 1], &bytes[..]].concat());
        super::entry::content(&bytes);
        super::entry::row(&[&[1], &bytes[..]].concat());
        super::entry::link(&bytes);
    }
}
