//! Strangers who try what they have no right to. They are nobody's machine: their peer is made up, and answers to it go nowhere.

use super::Who;
use super::play::Play;
use crate::crypto::keys::Signing;
use crate::proto::{Command, Input};
use crate::types::time::DAY;
use crate::types::{AccountId, EnvelopeId, PeerId, Table};
use crate::wire::envelope::{Envelope, Kind};
use crate::wire::frame::{Delivered, Frame};
use crate::wire::mailbox::{Deposit, Lane, OpenToken, Token};
use crate::wire::row::{self, Cargo};

impl Play {
    /// Somebody uses a link that another used before.
    pub(super) fn again(&mut self, host: Who, guest: Who) {
        let is_known = host == guest || self.contact(guest, host).is_some() || self.contact(host, guest).is_some();
        let Some(link) = self.used.get(&host).cloned().filter(|_| !is_known) else { return };
        self.agree(guest, host);
        self.turned_away.insert((guest, host));
        self.ask(guest, Command::ContactAdd { link, name: None, greeting: "me too".to_owned() });
    }

    /// A stranger deposits into all inboxes of somebody: without a token, without work, with a token of their own making.
    pub(super) fn smuggle(&mut self, to: Who) {
        let mailboxes: Vec<(Vec<u8>, row::Mailbox)> = self.world.machines[to].disk.all(Table::Mailbox);
        for (mailbox, row) in mailboxes {
            let Some(mailbox) = mailbox.try_into().ok().map(PeerId) else { continue };
            let Some(at) = self.world.who(&mailbox).filter(|at| self.is_up(*at)) else { continue };
            let stranger = Signing::from_seed(&self.world.chance_bytes());
            let peer = PeerId(stranger.public());
            for lane in [Lane::Stranger, Lane::Control, Lane::Chat] {
                self.deposit(at, peer, row.inbox, lane);
            }
            let not_after = self.world.machines[at].time(self.world.now).wall + DAY;
            let token = Token { inbox: row.inbox, id: [7; 16], holder: stranger.public(), not_after, signature: [0; 64] };
            let mut open = OpenToken { token: token.sign(&stranger), until: not_after, proof: [0; 64] };
            open = open.sign(&peer, &mailbox, &stranger);
            self.world.input(at, Input::Frame { from: peer, bytes: Frame::OpenToken(open).encode() });
            self.deposit(at, peer, row.inbox, Lane::Chat);
        }
    }

    fn deposit(&mut self, at: Who, from: PeerId, inbox: crate::types::InboxId, lane: Lane) {
        let bytes: [u8; 32] = self.world.chance_bytes();
        let envelope = Envelope::encode(Kind::Sealed, &bytes);
        self.world.watch.smuggled.insert(EnvelopeId(*blake3::hash(&envelope).as_bytes()));
        let deposit = Deposit { inboxes: vec![(inbox, lane)], work: 0, envelope };
        self.world.input(at, Input::Frame { from, bytes: Frame::Deposit(deposit).encode() });
    }

    /// A stranger tells somebody that all they owe arrived.
    pub(super) fn forge(&mut self, to: Who) {
        let owed: Vec<(Vec<u8>, row::Outbox)> = self.world.machines[to].disk.all(Table::Outbox);
        let from = PeerId(self.world.chance_bytes());
        for (key, owed) in owed {
            let (Some(envelope), Cargo::Message { .. }) = (owed.envelope, owed.cargo) else { continue };
            let Some(account) = key.get(..32).and_then(AccountId::from_slice) else { continue };
            let Some(whose) = self.world.machines.iter().find(|machine| machine.account() == account) else { continue };
            let delivered = Delivered { device: whose.keys.device_id(), envelopes: vec![envelope], signature: [7; 64] };
            self.world.input(to, Input::Frame { from, bytes: Frame::Delivered(delivered).encode() });
        }
    }
}
