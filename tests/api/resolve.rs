//! Names that people type.

use tidings::store::reader::ResolveError;
use tidings::types::RoomId;
use tidings::wire::row::{ContactState, RoomKind};

use super::reader::{ALICE, BOB, CAROL, Rows};

#[test]
fn a_name_an_id_or_the_start_of_one_leads_to_the_room() {
    let rows = Rows::new();
    let bob = rows.contact(BOB, "Bob", ContactState::Accepted);
    let garden = RoomId([0x9d; 32]);
    rows.room(garden, RoomKind::Group, "garden", &[ALICE, BOB]);
    let reader = rows.reader();
    for name in ["Bob", "bob", " bob ", &BOB.to_string(), "b2b2", "B2B2b2", &bob.to_string(), &bob.to_string()[..9]] {
        assert_eq!(reader.resolve_room(name), Ok(bob), "{name}");
    }
    for name in ["garden", "9d9d9d", &garden.to_string()] {
        assert_eq!(reader.resolve_room(name), Ok(garden), "{name}");
    }
    assert_eq!(reader.resolve_room("notes"), Ok(reader.notes_room()));
    assert_eq!(reader.resolve_contact("bob"), Ok(BOB));
    for name in ["bo", "b2b", "", "garden gate", "ffff"] {
        assert_eq!(reader.resolve_room(name), Err(ResolveError::NoRoom { name: name.to_owned() }));
    }
    assert!(matches!(reader.resolve_contact("garden"), Err(ResolveError::NoContact { .. })));
}

#[test]
fn two_of_one_name_are_told_apart_and_the_exact_case_decides() {
    let rows = Rows::new();
    let bob = rows.contact(BOB, "Sam", ContactState::Accepted);
    rows.contact(CAROL, "sam", ContactState::Accepted);
    assert_eq!(rows.reader().resolve_room("Sam"), Ok(bob));
    let Err(ResolveError::Ambiguous { candidates, .. }) = rows.reader().resolve_contact("SAM") else { panic!("two are meant") };
    assert!(candidates.contains("b2b2b2b2") && candidates.contains("c3c3c3c3"), "{candidates}");
    rows.room(RoomId([7; 32]), RoomKind::Group, "Sam", &[ALICE]);
    assert!(matches!(rows.reader().resolve_room("Sam"), Err(ResolveError::Ambiguous { .. })), "a group of that name counts too");
    assert_eq!(rows.reader().resolve_contact("Sam"), Ok(BOB));
}
