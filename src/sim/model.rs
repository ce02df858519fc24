//! What people must see in the end, by a model that is small enough to be obviously right: whatever `send` took is in its
//! room, once, on the device of everybody who was in it all the time, and all of them see the same.

use std::collections::{BTreeMap, BTreeSet};

use super::Who;
use crate::types::{MessageId, RoomId};
use crate::wire::content::Body;

/// What was said, and who must have it.
#[derive(Clone, Debug, Default)]
pub struct Model {
    /// Rooms and those who are in them from beginning to end.
    pub rooms: BTreeMap<RoomId, BTreeSet<Who>>,
    /// Messages that `send` took.
    pub sent: BTreeMap<MessageId, Sent>,
}

/// A message that `send` took.
#[derive(Clone, Debug)]
pub struct Sent {
    /// Where.
    pub room: RoomId,
    /// By whom.
    pub from: Who,
}

impl Model {
    /// Somebody is not in a room all the time: what they see there, and whether what they say arrives, is left open.
    pub fn leave(&mut self, room: &RoomId, who: Who) {
        if let Some(members) = self.rooms.get_mut(room) {
            members.remove(&who);
        }
        self.sent.retain(|_, sent| sent.room != *room || sent.from != who);
    }

    /// Somebody's machine was lost, and with it what only they knew of.
    pub fn forget(&mut self, who: Who, kept: &BTreeSet<MessageId>) {
        self.sent.retain(|message, sent| sent.from != who || kept.contains(message));
    }

    /// What is wrong with what everybody sees. `shown` gives what stands in a room on somebody's device, in its order.
    pub fn fault(&self, shown: impl Fn(Who, &RoomId) -> Vec<(MessageId, Body)>) -> Option<String> {
        for (room, members) in &self.rooms {
            let views: Vec<(Who, Vec<(MessageId, Body)>)> = members.iter().map(|who| (*who, shown(*who, room))).collect();
            for (who, view) in &views {
                let distinct: BTreeSet<&MessageId> = view.iter().map(|(message, _)| message).collect();
                if distinct.len() != view.len() {
                    return Some(format!("{who} sees {} messages twice in {room:?}", view.len() - distinct.len()));
                }
                let lost = self.sent.iter().find(|(message, sent)| sent.room == *room && !distinct.contains(message));
                if let Some((message, sent)) = lost {
                    return Some(format!("{message:?} from {} never arrives at {who}", sent.from));
                }
            }
            for pair in views.windows(2) {
                if pair[0].1 != pair[1].1 {
                    let at = pair[0].1.iter().zip(&pair[1].1).take_while(|(one, other)| one == other).count();
                    return Some(format!("{} and {} do not see the same in {room:?}, from place {at} on", pair[0].0, pair[1].0));
                }
            }
        }
        None
    }
}
