//! The bytes of rooms on disk and in welcomes, as they are for ever: `tests/wire/golden/room-row.hex`. A change here makes every
//! node forget its rooms, or welcomes that nobody understands: it needs a new version.

use super::branch::{By, Epoch, Intent, Room, State};
use super::join::{Joining, Packages};
use super::{EpochId, RoomInfo};
use crate::types::{AccountId, DeviceId, GroupId, RoomId};
use crate::wire::codec;
use crate::wire::row::{self, RoomKind};

const WRITTEN: &str = include_str!("../../../tests/wire/golden/room-row.hex");

fn info() -> RoomInfo {
    RoomInfo { room: RoomId([0x40; 32]), kind: RoomKind::Group, generation: 2, admins: vec![AccountId([0xa1; 32]), AccountId([0xb1; 32])] }
}

fn intents() -> Vec<Intent> {
    let (account, device, key_package) = (AccountId([0xb1; 32]), DeviceId([0xb2; 32]), vec![1, 2, 3]);
    vec![
        Intent::Add { account, device, key_package: key_package.clone() },
        Intent::Swap { account, device, key_package, stale: Some(vec![4; 32]) },
        Intent::Remove { account, device },
        Intent::Expel(account),
        Intent::Update,
    ]
}

fn epoch(id: u8, parent: Option<EpochId>, state: State) -> Epoch {
    Epoch {
        id: [id; 16],
        number: u64::from(id),
        group: GroupId([0x6e; 32]),
        generation: 2,
        parent,
        by: parent.map(|_| By { digest: [0xd1; 32], committer: DeviceId([0xa2; 32]), removes: true }),
        state,
        secret: [0x5e; 32],
        left: parent.map(|_| 1_764_000_000_000),
        intents: Vec::new(),
    }
}

fn room() -> Room {
    let parent = Some([7; 16]);
    Room {
        info: info(),
        tip: [8; 16],
        anchor: parent,
        epochs: vec![
            epoch(7, None, State::Heard),
            Epoch { left: None, intents: intents(), ..epoch(8, parent, State::Here) },
            epoch(9, parent, State::Out),
        ],
        members: vec![(AccountId([0xa1; 32]), DeviceId([0xa2; 32])), (AccountId([0xb1; 32]), DeviceId([0xb2; 32]))],
        gone: vec![[0x90; 8], [0x91; 8]],
        wanted: intents(),
        update_due: 1_764_600_000_000,
        committed: 1_764_000_000_000,
    }
}

fn made() -> String {
    let room = room();
    let rows = [
        ("room", row::encode(&room)),
        ("packages", row::encode(&Packages::example())),
        ("joining", codec::encode(&Joining::example(&room))),
        ("info", codec::encode(&info())),
    ];
    rows.into_iter().map(|(name, bytes)| format!("{name} {}\n", data_encoding::HEXLOWER.encode(&bytes))).collect()
}

#[test]
fn every_row_of_a_room_is_the_one_written_down() {
    assert!(made() == WRITTEN, "the bytes changed; these are the ones now:\n{}", made());
}

#[test]
fn what_is_written_down_reads_as_it_was_meant() {
    let bytes = |name: &str| {
        let line = WRITTEN.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).expect("a line of that name");
        data_encoding::HEXLOWER.decode(line.as_bytes()).expect("hex")
    };
    let room = row::decode::<Room>(&bytes("room")).expect("a room");
    assert_eq!(row::encode(&room), bytes("room"));
    assert!(room.info == info() && room.wanted == intents() && room.here().is_some_and(|here| here.number == 8));
    let packages = row::decode::<Packages>(&bytes("packages")).expect("packages");
    assert_eq!(row::encode(&packages), bytes("packages"));
    let joining = codec::decode::<Joining>(&bytes("joining")).expect("a joining");
    assert_eq!(codec::encode(&joining), bytes("joining"));
    assert_eq!(codec::decode::<RoomInfo>(&bytes("info")), Ok(info()));
    // No choice has one more than these.
    assert!(codec::decode::<Intent>(&[&[5][..], &[0; 200]].concat()).is_err());
    assert!(codec::decode::<State>(&[3]).is_err());
}
