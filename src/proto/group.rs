//! Groups: making one, and who is in it. The mechanism is in `room`; here is what a person asks of it.

use super::ctx::Ctx;
use super::node::State;
use super::room::{RoomError, RoomInfo};
use super::seam::{CommandError, Reply};
use crate::types::limits::{GROUPS_MAX, NAME_BYTES_MAX};
use crate::types::{AccountId, DeviceId, RoomId, Table};
use crate::wire::row::{self, ContactState, RoomKind};

impl State {
    /// A group of contacts, with this account as its admin.
    pub(super) fn room_create(&mut self, ctx: &mut Ctx, name: &str, members: &[AccountId]) -> Result<Reply, CommandError> {
        if name.len() > NAME_BYTES_MAX {
            return Err(CommandError::TooLong { has: name.len() as u64, max: NAME_BYTES_MAX as u64 });
        }
        if self.rooms.groups(None) >= GROUPS_MAX {
            return Err(CommandError::TooMany("groups"));
        }
        let me = ctx.keys.account_id();
        let mut devices = Vec::new();
        for account in members {
            devices.extend(self.key_packages_of(account)?);
        }
        let room = RoomId(ctx.rng.bytes());
        let mut all: Vec<AccountId> = members.iter().copied().chain([me]).collect();
        all.sort();
        all.dedup();
        let info = RoomInfo { room, kind: RoomKind::Group, generation: 1, admins: vec![me] };
        let effects = self.rooms.create(ctx, info, &devices).map_err(refusal)?;
        ctx.put(Table::Room, room.0, &row::Room { generation: 1, ..row::Room::new(RoomKind::Group, name.to_owned(), all) });
        self.apply_effects(ctx, effects);
        self.on_members(ctx, &room, false);
        Ok(Reply::Room(room))
    }

    /// Adds a contact.
    pub(super) fn room_add(&mut self, ctx: &mut Ctx, room: &RoomId, account: &AccountId) -> Result<Reply, CommandError> {
        self.check_group(ctx, room)?;
        let devices = self.key_packages_of(account)?;
        let effects = self.rooms.add(ctx, room, &devices).map_err(refusal)?;
        self.apply_effects(ctx, effects);
        Ok(Reply::Room(*room))
    }

    /// Removes a member with all its devices.
    pub(super) fn room_remove(&mut self, ctx: &mut Ctx, room: &RoomId, account: &AccountId) -> Result<Reply, CommandError> {
        self.check_group(ctx, room)?;
        let devices: Vec<DeviceId> = self.rooms.devices(room).into_iter().filter(|(owner, _)| owner == account).map(|(_, d)| d).collect();
        if devices.is_empty() {
            return Err(CommandError::NoContact);
        }
        let effects = self.rooms.remove(ctx, room, &devices).map_err(refusal)?;
        self.apply_effects(ctx, effects);
        Ok(Reply::Room(*room))
    }

    /// Membership of direct rooms and notes is what they are.
    fn check_group(&self, ctx: &Ctx, room: &RoomId) -> Result<(), CommandError> {
        let row = ctx.row::<row::Room>(Table::Room, &room.0).ok_or(CommandError::NoRoom)?;
        if row.kind == RoomKind::Group { Ok(()) } else { Err(CommandError::NotAdmin) }
    }

    fn key_packages_of(&self, account: &AccountId) -> Result<Vec<(AccountId, Vec<u8>)>, CommandError> {
        let known = self.contacts.get(account).filter(|known| known.row.state == ContactState::Accepted).ok_or(CommandError::NoContact)?;
        if known.row.key_packages.is_empty() {
            return Err(CommandError::NoContact);
        }
        Ok(known.row.key_packages.iter().map(|kp| (*account, kp.clone())).collect())
    }
}

/// What a person is told of a failed room operation.
pub(super) fn refusal(error: RoomError) -> CommandError {
    match error {
        RoomError::NoGroup => CommandError::NoRoom,
        RoomError::NotAllowed => CommandError::NotAdmin,
        RoomError::TooMany => CommandError::TooMany("devices in this room"),
        RoomError::Invalid(_) | RoomError::NoKeyPackage | RoomError::OutOfDate | RoomError::Mls(_) => {
            tracing::warn!(?error, "a room operation failed");
            CommandError::Internal
        }
    }
}
