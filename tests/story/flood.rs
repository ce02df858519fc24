//! What a hostile peer sends: mutations of valid frames, and frames that are valid and out of place. Seeded; used by the stories and
//! by the mesh of real nodes.

use std::path::Path;

use tidings::crypto::aead::pad;
use tidings::crypto::keys::{Keys, Signing};
use tidings::crypto::seal::seal;
use tidings::types::limits::{ENVELOPE_BYTES_MAX, FRAME_BYTES_MAX};
use tidings::types::time::DAY;
use tidings::types::{Address, DeviceId, EnvelopeId, InboxId, PeerId, Rng, RoomId};
use tidings::wire::card::{Card, Device};
use tidings::wire::content::{Head, Knock, Signed};
use tidings::wire::envelope::{Envelope, Kind};
use tidings::wire::frame::{Delivered, Frame, Heads, Hello};
use tidings::wire::mailbox::{
    Claim, Deposit, Handover, HandoverDone, Held, Lane, LeaveInbox, Limits, Mail, MailAck, MailEnd, OpenInbox, OpenToken, Reason, Refused,
    Register, Registered, Report, Revoke, Target, Token,
};

/// Whom the frames are for, as everybody who has a public link knows them.
#[derive(Clone)]
pub(super) struct Victim {
    pub(super) peer: PeerId,
    pub(super) card: Card,
    /// Valid frames that somebody overheard.
    pub(super) overheard: Vec<Vec<u8>>,
}

/// One hostile identity.
pub(super) struct Mallory {
    pub(super) keys: Keys,
    rng: Rng,
    victim: Victim,
}

impl Mallory {
    pub(super) fn new(seed: u64, victim: &Victim) -> Self {
        let mut bytes = [13; 32];
        bytes[..8].copy_from_slice(&seed.to_be_bytes());
        let mut rng = Rng::from_seed(bytes);
        let keys = Keys::new(&rng.bytes(), &rng.bytes(), &rng.bytes());
        Self { keys, rng, victim: victim.clone() }
    }

    /// The same mind behind another face.
    pub(super) fn with_keys(seed: u64, victim: &Victim, keys: Keys) -> Self {
        Self { keys, ..Self::new(seed, victim) }
    }

    /// Anything at all.
    pub(super) fn rude(&mut self) -> Vec<u8> {
        match self.rng.below(10) {
            0..=3 => self.mutation(),
            4 => self.rng.bytes::<64>()[..1 + self.rng.below(60) as usize].to_vec(),
            _ => self.any().encode(),
        }
    }

    /// What costs no points one by one, so that it can go on for long: honest in form, of later releases, or about what is not there.
    pub(super) fn patient(&mut self) -> Vec<u8> {
        let inbox = InboxId(self.rng.bytes());
        let frame = match self.rng.below(8) {
            0 => {
                let kind = 100 + self.rng.below(60_000) as u16;
                return [&kind.to_be_bytes()[..], &self.rng.bytes::<40>()].concat();
            }
            1 => return [&[0, 1 + self.rng.below(30) as u8, 2][..], &self.rng.bytes::<40>()].concat(),
            2 => Frame::MailLimits(Limits { envelope_bytes: self.rng.below(u64::MAX), ttl_ms: 0, work_bits: 255 }),
            3 => Frame::OpenToken(self.open_token(inbox)),
            4 => Frame::Deposit(Deposit { inboxes: vec![(inbox, Lane::Chat)], work: 0, envelope: self.junk() }),
            5 => Frame::Deferred(self.ids(20)),
            6 => Frame::MailEnd(MailEnd { inbox }),
            _ => Frame::LeaveInbox(LeaveInbox { inbox, signature: [0; 64] }),
        };
        frame.encode()
    }

    fn mutation(&mut self) -> Vec<u8> {
        let count = self.victim.overheard.len() as u64;
        let at = self.rng.below(count) as usize;
        let mut bytes = self.victim.overheard.get(at).cloned().unwrap_or_else(|| self.any().encode());
        match self.rng.below(6) {
            0 => bytes.truncate(1 + self.rng.below(bytes.len() as u64) as usize),
            1 => {
                for _ in 0..=self.rng.below(4) {
                    let at = self.rng.below(bytes.len() as u64) as usize;
                    bytes[at] ^= 1 << self.rng.below(8);
                }
            }
            2 => bytes.extend(self.rng.bytes::<16>()),
            3 => {
                // A length of all the memory there is, where a length may stand.
                let at = 3.min(bytes.len());
                bytes.splice(at.., [&[0xfd][..], &[0xff; 8]].concat());
            }
            4 => bytes.iter_mut().skip(2).take(1).for_each(|version| *version ^= 0x40),
            // As it was.
            _ => {}
        }
        bytes.truncate(FRAME_BYTES_MAX);
        bytes
    }

    fn any(&mut self) -> Frame {
        let inbox = InboxId(self.rng.bytes());
        let giant = if self.rng.below(50) == 0 { 8_000 } else { 3 };
        match self.rng.below(24) {
            0 => self.hello(),
            1 => Frame::Deliver(self.junk()),
            2 => Frame::Deliver(self.unpaid_request()),
            3 => Frame::Deliver(vec![7; if giant > 3 { ENVELOPE_BYTES_MAX + 1 } else { 40 }]),
            4 => Frame::Delivered(Delivered { device: self.device(), envelopes: self.ids(giant), signature: [0; 64] }),
            5 => {
                let delivered = Delivered { device: self.keys.device_id(), envelopes: self.ids(giant), signature: [0; 64] };
                Frame::Delivered(delivered.sign(&self.keys.device))
            }
            6 => Frame::Deferred(self.ids(giant)),
            7 => Frame::Lost(self.ids(giant)),
            8 => {
                let head = |at| Head { account: self.keys.account_id(), device: self.keys.device_id(), number: u64::MAX - at as u64 };
                let heads = (0..giant).map(head).collect();
                Frame::Heads(Heads { room: RoomId(self.rng.bytes()), epoch: 1, epoch_id: [1; 16], heads })
            }
            9 => Frame::MailLimits(Limits { envelope_bytes: 0, ttl_ms: 0, work_bits: 255 }),
            10 => {
                let (owner, secret) = (Signing::from_seed(&self.rng.bytes()), self.rng.bytes());
                let claim = if self.rng.below(2) == 0 { Claim::Contact } else { Claim::Secret(secret) };
                let readers = vec![owner.public(); giant];
                let register = Register { inbox, owner: owner.public(), readers, claim, signature: [0; 64] };
                Frame::Register(register.sign(&self.victim.peer, &owner))
            }
            11 => Frame::Registered(Registered { inbox, quota_bytes: u64::MAX, ttl_ms: u64::MAX, wall: u64::MAX }),
            12 => Frame::OpenInbox(OpenInbox { inbox, reader: self.rng.bytes(), proof: [0; 64] }),
            13 => Frame::Mail(Mail { inbox, sequence: u64::MAX, envelope: self.junk() }),
            14 => Frame::MailAck(MailAck { inbox, sequences: (0..giant as u64).collect() }),
            15 => Frame::OpenToken(self.open_token(inbox)),
            16 => {
                let inboxes = vec![(inbox, Lane::Stranger); giant.min(600)];
                Frame::Deposit(Deposit { inboxes, work: self.rng.below(99), envelope: self.junk() })
            }
            17 => {
                let entries = self.ids(giant).into_iter().map(|id| (id, inbox)).collect();
                Frame::Held(Held { entries, until: u64::MAX, signature: [0; 64] }.sign(&self.keys.transport))
            }
            18 => Frame::Refused(Refused { envelope: None, inbox, reason: Reason::Full }),
            19 => Frame::Refused(Refused { envelope: Some(EnvelopeId(self.rng.bytes())), inbox, reason: Reason::TooLarge }),
            20 => {
                let target = Target { peer: self.victim.peer, addresses: nowhere(), inbox: Some((inbox, self.open_token(inbox))) };
                Frame::Handover(Handover {
                    inbox,
                    to: inbox,
                    targets: vec![target; giant.min(20)],
                    lane: Lane::Chat,
                    envelope: self.junk(),
                })
            }
            21 => {
                let done = HandoverDone::Expired { envelope: EnvelopeId(self.rng.bytes()), to: inbox };
                Frame::HandoverDone(Report { inbox, sequence: self.rng.below(u64::MAX), done })
            }
            22 => Frame::Revoke(Revoke { inbox, tokens: vec![[1; 16]; giant], signature: [0; 64] }),
            _ => Frame::LeaveInbox(LeaveInbox { inbox, signature: [0; 64] }),
        }
    }

    /// Its own, somebody else's, or one that was signed for another connection.
    fn hello(&mut self) -> Frame {
        let (me, there) = (PeerId(self.keys.transport.public()), self.victim.peer);
        let mut hello = Hello {
            account: self.keys.account_id(),
            device: self.keys.device_id(),
            certificate: self.keys.certificate,
            proof: [0; 64],
            knows_number: self.rng.below(2),
            wall: self.rng.below(u64::MAX),
        };
        match self.rng.below(3) {
            0 => return Frame::Hello(hello.sign(&me, &there, &self.keys.device)),
            1 => hello.account = self.victim.card.account,
            _ => hello.certificate = self.rng.bytes(),
        }
        Frame::Hello(hello.sign(&there, &me, &self.keys.device))
    }

    fn device(&self) -> DeviceId {
        self.victim.card.devices.first().map_or_else(|| self.keys.device_id(), |device| device.device)
    }

    fn ids(&mut self, count: usize) -> Vec<EnvelopeId> {
        (0..count).map(|_| EnvelopeId(self.rng.bytes())).collect()
    }

    fn junk(&mut self) -> Vec<u8> {
        let body = [self.rng.bytes::<64>(); 2].concat();
        let kind = if self.rng.below(2) == 0 { Kind::Room } else { Kind::Sealed };
        let mut bytes = Envelope::encode(kind, &body);
        if self.rng.below(8) == 0 {
            bytes[0] = 9;
        }
        bytes
    }

    /// Signed and sealed as it should be, and nothing paid.
    fn unpaid_request(&mut self) -> Vec<u8> {
        let (device, peer) = (self.keys.device_id(), PeerId(self.keys.transport.public()));
        let device = Device { device, peer, addresses: nowhere(), certificate: self.keys.certificate };
        let card = Card {
            account: self.keys.account_id(),
            number: 1,
            name: "Mallory".to_owned(),
            seal: self.keys.seal_public(),
            devices: vec![device],
            mailboxes: Vec::new(),
        };
        let card = card.sign(&self.keys.account);
        let secret = (self.rng.below(2) == 0).then(|| self.rng.bytes());
        let knock = Knock::Request { secret, key_packages: vec![vec![1; 300]; 3], grants: Vec::new(), greeting: "buy".to_owned() };
        let signed = Signed::new(&card, &self.victim.card.account, &knock, &self.keys.account);
        let padded = pad(&tidings::wire::codec::encode(&signed));
        let sealed = seal(&self.victim.card.seal, b"tidings v1 knock", &padded, &mut self.rng).expect("a good key");
        Envelope::encode(Kind::Sealed, &sealed)
    }

    fn open_token(&mut self, inbox: InboxId) -> OpenToken {
        let owner = Signing::from_seed(&self.rng.bytes());
        let not_after = self.rng.below(2) * DAY;
        let token = Token { inbox, id: self.rng.bytes(), holder: owner.public(), not_after, signature: [0; 64] };
        OpenToken { token, until: not_after, proof: self.rng.bytes() }
    }
}

fn nowhere() -> Vec<Address> {
    Address::new("/ip4/127.0.0.1/tcp/1").into_iter().collect()
}

/// The frames of the fuzzer's corpus, when it is there.
pub(super) fn corpus() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus/frame");
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let frames = files.filter_map(|file| std::fs::read(file.path()).ok());
    frames.filter(|frame| (1..=FRAME_BYTES_MAX).contains(&frame.len())).collect()
}
