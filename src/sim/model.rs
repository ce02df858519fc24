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
    /// Who was taken out of a group, and by whom.
    out: BTreeMap<Who, Who>,
    /// Messages that somebody must never see: who took them out said them afterwards.
    secret: BTreeSet<(Who, MessageId)>,
}

/// A message that `send` took.
#[derive(Clone, Debug)]
pub struct Sent {
    /// Where.
    pub room: RoomId,
    /// By whom.
    pub from: Who,
    /// Whom they had taken out of the room before.
    pub without: Vec<Who>,
}

impl Model {
    /// Somebody took another out of a group, or brought them in.
    pub fn change(&mut self, by: Who, who: Who, is_in: bool) {
        if is_in {
            self.out.remove(&who);
        } else {
            self.out.insert(who, by);
        }
    }

    /// Whom somebody took out of the group.
    pub fn taken_out(&self, by: Who) -> Vec<Who> {
        self.out.iter().filter(|(_, other)| **other == by).map(|(who, _)| *who).collect()
    }

    /// `send` took a message.
    pub fn send(&mut self, message: MessageId, sent: Sent) {
        self.secret.extend(sent.without.iter().map(|who| (*who, message)));
        if self.rooms.get(&sent.room).is_some_and(|members| members.contains(&sent.from)) {
            self.sent.insert(message, sent);
        }
    }

    /// Who must not have which messages.
    pub fn secrets(&self) -> impl Iterator<Item = &(Who, MessageId)> {
        self.secret.iter()
    }

    /// Who sees what was said after they had been taken out.
    pub fn leak(&self, sees: impl Fn(Who, &MessageId) -> bool) -> Option<String> {
        let leak = self.secret.iter().find(|(who, message)| sees(*who, message));
        leak.map(|(who, message)| format!("{who} was taken out, and sees {message:?} that was said afterwards"))
    }

    /// Somebody is not in a room all the time: what they see there, and whether what they say arrives, is left open.
    pub fn leave(&mut self, room: &RoomId, who: Who) {
        if let Some(members) = self.rooms.get_mut(room) {
            members.remove(&who);
        }
        self.sent.retain(|_, sent| sent.room != *room || sent.from != who);
    }

    /// Somebody's machine was lost, and with it what only they knew of: what they said, but these, and whom they took out, but those.
    pub fn forget(&mut self, who: Who, kept: &BTreeSet<MessageId>, taken_out: &[Who]) {
        self.sent.retain(|message, sent| sent.from != who || kept.contains(message));
        self.out.retain(|whom, by| *by != who || taken_out.contains(whom));
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
