//! Every bound of the node, with its reason. The table in `docs/LIMITS.md` gives the same numbers; a test compares them.

use super::time::{DAY, HOUR, MINUTE, Millis, SECOND};

macro_rules! limits {
    ($($(#[doc = $reason:literal])+ $name:ident: $type:ty = $value:expr;)+) => {
        $($(#[doc = $reason])+ pub const $name: $type = $value;)+

        /// Name, value and reason of every limit, for the documentation and `tidings doctor`.
        pub const ALL: &[(&str, u64, &str)] = &[$((stringify!($name), $name as u64, concat!($($reason),+))),+];
    };
}

limits! {
    /// Bytes of an address: the longest useful multiaddr (DNS name, QUIC, certificate hashes) is well below.
    ADDRESS_BYTES_MAX: usize = 256;
    /// Addresses of one device or mailbox in a card: a few networks, each with TCP and QUIC.
    ADDRESSES_MAX: usize = 8;
    /// Bytes of a person's or room's name: 32 characters of any script.
    NAME_BYTES_MAX: usize = 128;
    /// Devices of one account: a phone, a few computers, a server.
    DEVICES_MAX: usize = 10;
    /// Mailboxes of one account: two copies wanted, one spare, one being left.
    MAILBOXES_MAX: usize = 4;
    /// Bytes of a card: all devices and mailboxes with all addresses, each as long as it may be.
    CARD_BYTES_MAX: usize = 32 * 1024;
    /// Bytes of an invite link: the largest card in base64 with a secret and tokens; ordinary ones are a (large) QR code.
    LINK_BYTES_MAX: usize = 48 * 1024;
    /// How long an invite is good for, unless told otherwise: long enough for a letter.
    INVITE_TTL_MS: Millis = 30 * DAY;
    /// Open invites at a time: bounds the table, not people.
    INVITES_MAX: usize = 1_000;
    /// Bytes of a text message: a long letter; longer ones are files.
    TEXT_BYTES_MAX: usize = 16 * 1024;
    /// Bytes of a numbered message that is given back to its account: what an envelope carries, less what is around it.
    COPY_BYTES_MAX: usize = ENVELOPE_BYTES_MAX - 8 * 1024;
    /// Bytes of a reaction: one emoji with all its modifiers.
    REACTION_BYTES_MAX: usize = 64;
    /// Bytes of an envelope: the biggest welcome or commit of a room of a few hundred devices; what is larger is media.
    ENVELOPE_BYTES_MAX: usize = 256 * 1024;
    /// Bytes of the largest padded text: an envelope less its header and what its seal adds.
    PADDED_BYTES_MAX: usize = ENVELOPE_BYTES_MAX - 64;
    /// Bytes of a frame on a stream: an envelope with its header.
    FRAME_BYTES_MAX: usize = ENVELOPE_BYTES_MAX + 32 * 1024;
    /// Ids in one frame: bounds the work one frame can cause.
    FRAME_IDS_MAX: usize = 512;
    /// Bytes of a stored value before the store cuts it in pieces: sled puts up to 20 rows on a page, and pages above 128 KiB into
    /// files that it never syncs and leaks.
    VALUE_BYTES_MAX: usize = 6_000;
    /// Bytes written to the database between two syncs of the disk, less one batch: keeps sled's unwritten log short, and less than a
    /// segment of its log between them.
    SYNC_BYTES_MAX: u64 = 128 * 1024;
    /// Bytes applied and not written before the store writes by itself: twice what a node lets wait for its disk.
    PENDING_BYTES_MAX: u64 = 16 * 1024 * 1024;
    /// Bytes written last that the store keeps at hand: what two windows of envelopes and their receipts need, each envelope with its
    /// message, index and number.
    RECENT_BYTES_MAX: u64 = 2 * 1024 * 1024;
    /// Bytes of overwritten rows that a running export keeps aside; one that is overtaken by more gives up.
    CUT_BYTES_MAX: usize = 64 * 1024 * 1024;
    /// Shortest time between two own snapshots of the database.
    SNAPSHOT_MS_MIN: Millis = 6 * HOUR;
    /// Time after which any change is worth another snapshot.
    SNAPSHOT_MS_MAX: Millis = DAY;
    /// How soon the key over MLS values is replaced again while values under it are overwritten or deleted: for so long, and for the minute between two
    /// looks, old bytes of the disk can be read with it.
    MLS_KEY_MS: Millis = 10 * MINUTE;
    /// Keys of bags kept in memory: the rooms a person is talking in, with the epochs that are parked.
    BAG_KEYS_CACHED_MAX: usize = 512;
    /// How long an envelope is owed and held: a long holiday.
    ENVELOPE_TTL_MS: Millis = 30 * DAY;
    /// How long the id of an envelope is remembered: as long as a copy can live, and a clock's error more.
    SEEN_TTL_MS: Millis = ENVELOPE_TTL_MS + 2 * DAY;
    /// How far ahead of this node's clock another person's clock may push the order of messages.
    CLOCK_DRIFT_MS_MAX: Millis = HOUR;
    /// How far this machine's clock may differ from that of the nodes it meets before its owner is told.
    CLOCK_NOTICE_MS: Millis = 10 * MINUTE;
    /// Nodes whose clocks are compared with this machine's.
    WITNESSES_MAX: usize = 64;
    /// Epochs that are parked for late messages and forks: MLS keys live that much longer, no more.
    PARKED_EPOCHS_MAX: usize = 5;
    /// How long a parked epoch is kept.
    PARKED_EPOCH_TTL_MS: Millis = 7 * DAY;
    /// Epochs known of one room, losing branches included: a few rivals at each parked epoch; the worst go first.
    EPOCHS_MAX: usize = 24;
    /// Epochs of one room whose envelopes are known to be too old, so that they are not kept as coming too early.
    EXPIRED_EPOCHS_MAX: usize = 64;
    /// Groups kept ready in memory: the rooms a person is talking in; others are loaded when needed.
    LIVE_GROUPS_MAX: usize = 64;
    /// Key packages of this device that welcomes may still name.
    OWN_KEY_PACKAGES_MAX: usize = 8;
    /// Age at which a device hands out a new key package.
    KEY_PACKAGE_RENEW_MS: Millis = 30 * DAY;
    /// Age at which others no longer take a key package, by the clock of who made it: its secrets have lain about too long.
    KEY_PACKAGE_TTL_MS: Millis = 90 * DAY;
    /// Longest pause before a commit that lost is made anew: long enough that rivals meet first, short enough not to be noticed.
    REISSUE_MS_MAX: Millis = 2 * SECOND;
    /// How long another device's unknown epoch is waited for: commits come by mailboxes too.
    BRANCH_GRACE_MS: Millis = MINUTE;
    /// Pause between requests to be added again, when all who may were asked once.
    REJOIN_MS_MIN: Millis = 2 * MINUTE;
    /// How often that pause doubles while nobody answers: up to about four hours.
    REJOIN_DOUBLINGS_MAX: usize = 7;
    /// Devices whose unknown epoch is being waited for.
    STRANGE_DEVICES_MAX: usize = 1_024;
    /// How often a device renews its keys in a room, at most (post-compromise security against cost).
    UPDATE_MS_MIN: Millis = 7 * DAY;
    /// Chance added to it, so that the devices of a room do not renew at once.
    UPDATE_JITTER_MS: Millis = 6 * HOUR;
    /// Quiet time after any commit before such a renewal: fewer rivals.
    UPDATE_QUIET_MS: Millis = HOUR;
    /// Messages of one sender that may arrive out of order within an epoch (RFC 9420 section 15.3): a mailbox window.
    OUT_OF_ORDER_MAX: u32 = 256;
    /// Messages of one sender that may be skipped within an epoch (RFC 9420 section 15.3): a drained outbox.
    FORWARD_DISTANCE_MAX: u32 = 5_000;
    /// Contents that one device seals in an epoch before it renews its keys: who got none of them must be able to follow.
    STEPS_MAX: u32 = FORWARD_DISTANCE_MAX / 2;
    /// Groups of one account: far more than a person follows; bounds what others can put it into.
    GROUPS_MAX: usize = 1_000;
    /// Groups of one account that one other account is an admin of.
    GROUPS_OF_ADMIN_MAX: usize = 64;
    /// Accounts of a group up to which its members tell each other their cards; beyond, who shares no contact relies on gossip and on being asked for.
    GROUP_CARDS_MAX: usize = 64;
    /// Cards of members in one content.
    MEMBER_CARDS_MAX: usize = 64;
    /// Bytes of them: half of an envelope.
    MEMBER_CARDS_BYTES_MAX: usize = 128 * 1024;
    /// Members of groups, no contacts, whose cards are kept in memory.
    MEMBERS_MAX: usize = 2_048;
    /// Groups whose members' cards one input tells.
    MEMBER_ROOMS_PER_TURN_MAX: usize = 8;
    /// Devices of a direct room: those of two accounts, and as many that are lost.
    DIRECT_DEVICES_MAX: usize = 4 * DEVICES_MAX;
    /// Devices of one room: above this, commits cost too much (measured in `docs/decisions`).
    ROOM_DEVICES_MAX: usize = 1_000;
    /// Contacts of one account.
    CONTACTS_MAX: usize = 10_000;
    /// Unanswered requests of strangers kept: more than a person reads; strangers are refused beyond.
    REQUESTS_MAX: usize = 64;
    /// Bytes of a contact request: a card, a key package for each device, a greeting.
    REQUEST_BYTES_MAX: usize = 48 * 1024;
    /// Leading zero bits of a stranger's proof of work: about a second of one core.
    STRANGER_WORK_BITS: u8 = 22;
    /// Messages owed to one account: months of writing into the void.
    OUTBOX_MAX: usize = 100_000;
    /// Receipts, questions and answers owed to one account: more receipts wait where they are kept, questions are asked later, and unanswered
    /// ones are asked again.
    ASIDES_MAX: usize = 1_024;
    /// Commits owed to one account: a month of a large room; who lacks more is added to the room again.
    COMMITS_OWED_MAX: usize = 4_096;
    /// Rooms unknown here that an account says it shares, and which it is asked to let this device into at a time: more than any person
    /// came into between two backups would be a contact's invention; the next ones follow when these are answered.
    REJOINS_OWED_MAX: usize = 16;
    /// Rows of an outbox that one input looks at for one peer; the next deadline goes on.
    PUMP_ROWS_MAX: usize = 512;
    /// Rows of an outbox that one input seals again; the next deadline goes on.
    RESEAL_ROWS_MAX: usize = 256;
    /// Rows of an outbox that one peer does not take and others overtake; with more of them all wait.
    HELD_BACK_MAX: usize = 1_024;
    /// Reasons to wake that one deadline works off; the others wait for the next, so that no input is long.
    TIMERS_PER_TURN_MAX: usize = 64;
    /// Envelopes in flight to one peer without a receipt: keeps a stream full and a crash cheap.
    WINDOW_ENVELOPES_MAX: usize = 256;
    /// Bytes in flight to one peer without a receipt.
    WINDOW_BYTES_MAX: usize = 1024 * 1024;
    /// First retry of something unanswered.
    RETRY_MS_MIN: Millis = 2 * SECOND;
    /// How long somebody else's message that was passed on is tried with a member who waits for its epoch: commits come sooner, or never.
    COPY_MS_MAX: Millis = HOUR;
    /// Longest pause between retries: a friend who comes back is found within minutes even when nothing told us.
    RETRY_MS_MAX: Millis = 10 * MINUTE;
    /// How long a peer may take to answer what is in flight before another way is tried too.
    STALL_MS: Millis = 10 * SECOND;
    /// How long a peer may be silent on what is in flight before its connection is closed and made anew.
    STUCK_MS: Millis = 45 * SECOND;
    /// How long all ways to a recipient must have failed before the sender's own mailbox is asked to go on trying.
    HANDOVER_AFTER_MS: Millis = 10 * SECOND;
    /// Envelopes kept in memory because their epoch is not here yet; more are left with the one who has them.
    DEFERRED_MAX: usize = 512;
    /// Bytes of those envelopes.
    DEFERRED_BYTES_MAX: usize = 4 * 1024 * 1024;
    /// Envelopes that cannot be opened which a peer may send in `JUNK_MS` before each one counts as misbehaviour: a relay that tries for
    /// somebody who does not know that they are blocked sends some, and more slowly.
    JUNK_MAX: u32 = 64;
    /// How long such an envelope is held against the peer.
    JUNK_MS: Millis = HOUR;
    /// Numbers before the one at which a device's clock was set back whose messages are put before it: what is sent with a wrong clock until somebody notices.
    BACK_NUMBERS_MAX: u64 = 512;
    /// How often that is done for one device of a room: each time may move as many messages.
    BACKS_MAX: usize = 16;
    /// How old a message must be on arrival, behind others of its room, to be marked as late.
    LATE_MS: Millis = MINUTE;
    /// How long a hole in a sender's numbers may stay before it is asked for: most are only out of order.
    ASK_AFTER_MS: Millis = 20 * SECOND;
    /// Longest pause before a hole is asked for again where the answer does not come; a meeting cuts it short.
    ASK_MS_MAX: Millis = DAY;
    /// Rooms of which two devices tell each other how far they are when they meet.
    HEADS_MAX: usize = 256;
    /// Holes remembered for each sending device of a room; older ones are merged beyond.
    HOLES_MAX: usize = 256;
    /// Devices of one account, former ones too, whose numbers are followed in one room: a new one for each restore of a long life. Messages of others are taken all the same.
    SERIES_MAX: usize = 64;
    /// Members of a group whom a device that comes back asks how far it had come: some of them are there soon.
    MEMBERS_ASKED_MAX: usize = 8;
    /// How long receipts are gathered before they are sent together.
    RECEIPT_DELAY_MS: Millis = 300;
    /// How long changes of the own card are gathered before contacts are told.
    CARD_DELAY_MS: Millis = 50;
    /// New cards that may be made one after the other when mailboxes or addresses change; more are made later, of what is so then.
    CARDS_AT_ONCE_MAX: u64 = 8;
    /// Time in which one more of them may be made: contacts find a mailbox that moved within minutes, and one that flaps costs them little.
    CARD_MS_MIN: Millis = 5 * MINUTE;
    /// How long a deposit token is good; each new card brings fresh ones.
    GRANT_TTL_MS: Millis = 400 * DAY;
    /// Contacts that are dialled though nothing is owed to them, so that presence is known.
    IDLE_DIALS_MAX: usize = 64;
    /// Bytes of the greeting in a contact request.
    GREETING_BYTES_MAX: usize = 512;
    /// Key packages that one contact request or card may bring.
    KEY_PACKAGES_MAX: usize = DEVICES_MAX;
    /// Devices online in a room above which envelopes are also published by gossip.
    GOSSIP_ROOM_DEVICES_MIN: usize = 16;
    /// How often expired rows are looked for.
    SWEEP_MS: Millis = 10 * MINUTE;
    /// Rows looked at in one step of that.
    SWEEP_ROWS_MAX: usize = 2_000;
    /// Rows of an outbox read at a time.
    OUTBOX_PAGE: usize = 32;
    /// How long a direct way is tried before a mailbox is asked too.
    DIRECT_GRACE_MS: Millis = 1_500;
    /// Mailbox copies wanted for each envelope.
    COPIES_WANTED: usize = 2;
    /// Bytes that a relay holds for one inbox.
    RELAY_INBOX_BYTES_MAX: u64 = 64 * 1024 * 1024;
    /// Bytes that a person's node holds for one neighbour.
    NEIGHBOUR_INBOX_BYTES_MAX: u64 = 16 * 1024 * 1024;
    /// Neighbours that a person's node serves without being asked each time.
    NEIGHBOURS_MAX: usize = 32;
    /// Accounts that a relay serves unless told otherwise.
    RELAY_INBOXES_MAX: usize = 100_000;
    /// Bytes of a chunk of a blob: 52 seconds at 20 kbit/s, so that a transfer that breaks loses little; and large enough that sealing, hashing and asking
    /// cost little for each byte.
    CHUNK_BYTES: u64 = 128 * 1024;
    /// Digests in a page of a blob: a page is as large as a chunk.
    PAGE_DIGESTS: u32 = 4_096;
    /// Digests in a listing, which travels inside a message: 32 MiB without any page, and 8 KiB of the message.
    LISTING_DIGESTS_MAX: usize = 256;
    /// Bytes of a file that can be sent: an hour and more of video; its bits and pages stay small.
    BLOB_BYTES_MAX: u64 = 16 * 1024 * 1024 * 1024;
    /// Pieces asked for at once: 2 MiB, written and synced together; a crash costs that much of what came.
    ASK_PIECES_MAX: usize = 16;
    /// Asks under way to one holder for one blob: the next one is there when the one before is answered.
    ASKS_MAX: usize = 2;
    /// Bodies fetched at a time; others wait, the smallest first.
    FETCHES_MAX: usize = 4;
    /// How much longer than at its fastest a holder may take to its first piece: behind more, it is asked for less at a time, so that little is under way on a
    /// slow link, and texts do not wait behind it.
    ASK_QUEUE_MS: Millis = 20;
    /// How long a holder may take to answer before others are asked for the same.
    ASK_STALL_MS: Millis = 15 * SECOND;
    /// How long a holder that lacked something or stalled is left alone.
    HOLDER_PAUSE_MS: Millis = 5 * SECOND;
    /// Holders of one blob that are asked: the sender's devices, own mailboxes, some members.
    HOLDERS_MAX: usize = 16;
    /// Bytes of a body that is fetched without being asked for.
    FETCH_AT_ONCE_BYTES: u64 = 16 * 1024 * 1024;
    /// How long a mailbox holds a body: two weekends; shorter than texts, for it is much more.
    BLOB_TTL_MS: Millis = 10 * DAY;
    /// Bytes of bodies that a relay holds for one inbox.
    RELAY_MEDIA_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;
    /// Bytes of bodies that a person's node holds for one neighbour.
    NEIGHBOUR_MEDIA_BYTES_MAX: u64 = 1024 * 1024 * 1024;
    /// Share of that for one token, in percent.
    MEDIA_SHARE_PERCENT: u64 = 50;
    /// Bodies held for one inbox.
    LODGINGS_MAX: usize = 1_000;
    /// How often a body is offered again to a mailbox that has not answered: an answer comes when all pieces are there.
    OFFER_MS: Millis = 30 * SECOND;
    /// Bodies offered in one turn.
    OFFERS_PER_TURN_MAX: usize = 64;
    /// Streams of bodies that are served to all peers.
    BODY_STREAMS_MAX: usize = 64;
    /// Streams of bodies that are served to one peer; of more, the oldest ends.
    BODY_STREAMS_OF_PEER_MAX: usize = 2;
    /// How long a stream of bodies may be quiet before it is closed.
    BODY_IDLE_MS: Millis = 30 * SECOND;
    /// Envelopes held for one inbox.
    INBOX_ENVELOPES_MAX: u64 = 50_000;
    /// Share of an inbox that one token can fill, in percent: no contact can fill the box for the others.
    TOKEN_SHARE_PERCENT: u64 = 25;
    /// Envelopes held for one inbox from strangers.
    STRANGER_ENVELOPES_MAX: u64 = 32;
    /// Bytes that commits and welcomes may take beyond the chat share of an inbox.
    CONTROL_LANE_BYTES_MAX: u64 = 8 * 1024 * 1024;
    /// Commits and welcomes held for one inbox: they are small, so bytes alone would not bound their number.
    CONTROL_ENVELOPES_MAX: u64 = 10_000;
    /// Bytes of one envelope from a stranger: a contact request, padded to its class of 64 KiB and sealed.
    STRANGER_BYTES_MAX: usize = 64 * 1024 + 256;
    /// Tokens revoked at one inbox and remembered.
    REVOKED_MAX: usize = 10_000;
    /// Tokens open on one connection: every member of the largest room; beyond, the one opened first is forgotten and must be opened again.
    TOKENS_OPEN_MAX: usize = 1_024;
    /// Inboxes open for reading on one connection: one, and one that is being left, with room to spare.
    INBOXES_OPEN_MAX: usize = 8;
    /// Inboxes of a relay that one node registered: the one in use, one that is being left, and as many again.
    RELAY_INBOXES_OF_PEER_MAX: usize = 4;
    /// Inboxes of one neighbour: the one in use and one that is being left.
    NEIGHBOUR_INBOXES_MAX: usize = 2;
    /// Inboxes whose counters a mailbox keeps in memory: the busy ones of a large relay in a few megabytes.
    INBOXES_CACHED_MAX: usize = 8_192;
    /// Runs of acknowledged envelopes remembered for one reader while another reader has not acknowledged them: bounds a row that is rewritten.
    ACKED_RUNS_MAX: usize = 1_024;
    /// Rows that a mailbox works through in one step of forgetting: keeps each input short.
    FORGET_ROWS_MAX: usize = 256;
    /// How often a mailbox looks for what expired.
    EXPIRY_CHECK_MS: Millis = 10 * MINUTE;
    /// Envelopes that expire within such a span are forgotten together, at its end: one row for all of them.
    EXPIRY_SPAN_MS: Millis = HOUR;
    /// Custody receipts promise whole steps of this, so that many share one signature.
    RECEIPT_STEP_MS: Millis = MINUTE;
    /// Hand-overs of one inbox that are tried, or whose results wait to be told.
    INBOX_HANDOVERS_MAX: u64 = 1_000;
    /// Hand-overs that one node tries: the peers they go to are kept in memory.
    HANDOVERS_MAX: u64 = 50_000;
    /// Targets of one hand-over: all devices and mailboxes of one account.
    HANDOVER_TARGETS_MAX: usize = DEVICES_MAX + MAILBOXES_MAX;
    /// Dials for hand-overs that run at a time: a relay that comes back does not storm.
    HANDOVER_DIALS_MAX: usize = 64;
    /// How long a target of a hand-over may take to answer before it is tried again later.
    HANDOVER_ANSWER_MS: Millis = MINUTE;
    /// How often a relay tells who it is, at most.
    RELAY_ANNOUNCE_MS: Millis = 6 * HOUR;
    /// Pause of a relay for each relay there is: together they speak 2,000 times a day, however many there are, which is a third of a
    /// megabyte for each node.
    RELAY_SHARE_MS: Millis = DAY / 2_000;
    /// Longest such pause: it says for how long it is to be believed, and nobody is believed for years.
    RELAY_PAUSE_MS_MAX: Millis = 100 * DAY;
    /// Announcements of relays taken and passed on in an hour: ten times what they say together, for a day on which many are new.
    RELAYS_HEARD_MAX: u32 = 1_000;
    /// How long a relay waits with it after its first peer came: until gossip knows that the peer listens.
    RELAY_ANNOUNCE_FIRST_MS: Millis = 3 * SECOND;
    /// How soon it may do so again.
    RELAY_ANNOUNCE_MS_MIN: Millis = MINUTE;
    /// Relays remembered: enough to choose from. Which ones is chance where there are more.
    RELAYS_MAX: usize = 256;
    /// Frames waiting to be written to one peer; a slower peer is told so by a closed stream.
    STREAM_FRAMES_MAX: usize = 1_024;
    /// Bytes waiting to be written to one peer.
    STREAM_BYTES_MAX: usize = 4 * 1024 * 1024;
    /// How long a peer may take no byte of what waits for it before its stream is closed: half a window at 20 kbit/s.
    STREAM_STALL_MS: Millis = 2 * MINUTE;
    /// How long the rest of a begun frame may take: the largest frame at 20 kbit/s.
    FRAME_READ_MS: Millis = 2 * MINUTE;
    /// How long the last frames may take to leave when a stream is closed on purpose.
    STREAM_DRAIN_MS: Millis = SECOND;
    /// Inputs waiting for the node.
    INPUTS_MAX: usize = 1_024;
    /// Bytes of frames waiting for the node: about thirty of the largest.
    INPUT_BYTES_MAX: usize = 8 * 1024 * 1024;
    /// Waiting inputs handled before their writes are applied and others get a turn: one good group commit.
    INPUTS_PER_TURN_MAX: usize = 256;
    /// Commands of this node's screens waiting for the node; more wait at their callers.
    COMMANDS_MAX: usize = 256;
    /// Bytes of writes applied and not yet durable before no further input is taken: two flushes of work on a slow disk.
    UNFLUSHED_BYTES_MAX: usize = 8 * 1024 * 1024;
    /// Longest time that a batch waits for its flush when nothing is to be said after it (a receipt that came, above all): what comes
    /// next shares the flush, and does not stand behind it.
    QUIET_FLUSH_MS: u64 = 10;
    /// Outputs waiting for a flush before no further input is taken.
    UNFLUSHED_OUTPUTS_MAX: usize = 16_384;
    /// Proofs of work sought at a time: leaves a core for everything else.
    WORKERS_MAX: usize = 1;
    /// Proofs of work waiting for that; more are forgotten, and asked for again by whoever needs them.
    WORK_WAITING_MAX: usize = 256;
    /// How long a proof of work may take before it is asked for again: twenty times what a small board needs.
    WORK_MS_MAX: Millis = HOUR;
    /// How often the store gets its housekeeping: ballast, snapshots.
    TEND_MS: Millis = MINUTE;
    /// How often the free space of the disk is looked at.
    DISK_POLL_MS: Millis = 5 * SECOND;
    /// How long a clean stop may take.
    STOP_MS: Millis = 5 * SECOND;
    /// How long a peer that misbehaved is refused.
    REFUSE_MS: Millis = HOUR;
    /// Time in which a point of misbehaviour is forgiven: an honest peer with an old bug is not cut off for ever.
    MISBEHAVIOUR_DECAY_MS: Millis = MINUTE;
    /// Peers whose misbehaviour is remembered; the least guilty is forgotten first.
    SCORED_PEERS_MAX: usize = 4_096;
    /// Peers refused at a time; the one that would be let in soonest is let in first.
    REFUSED_PEERS_MAX: usize = 4_096;
    /// Dials under way at a time: a home router's table and a phone's radio are small.
    DIALS_MAX: usize = 16;
    /// Dials waiting for their turn; more fail at once.
    DIALS_WAITING_MAX: usize = 16_384;
    /// How long one dial may take, with its handshakes: a satellite link and some lost packets.
    DIAL_MS: Millis = 15 * SECOND;
    /// How long a connection may stay without our stream: gossip alone is no reason to keep one.
    STREAM_WAIT_MS: Millis = 15 * SECOND;
    /// How long a connection that nothing uses stays.
    CONNECTION_IDLE_MS: Millis = MINUTE;
    /// How often a peer is asked whether it is there: one that is gone is noticed within 40 seconds.
    PING_MS: Millis = 10 * SECOND;
    /// How long the answer may take; after two that did not come the connection is closed, unless much is in flight.
    PING_WAIT_MS: Millis = 10 * SECOND;
    /// Bytes per second of the slowest link that is still served (20 kbit/s): an answer may wait that much longer behind what is in flight.
    SLOWEST_BYTES_PER_SECOND: u64 = 2_500;
    /// Handshakes under way, each way, at a person's node.
    CONNECTIONS_PENDING_MAX: u32 = 32;
    /// Handshakes under way, each way, at a relay.
    RELAY_CONNECTIONS_PENDING_MAX: u32 = 256;
    /// Streams being negotiated on one connection: ours, identify, ping, two of gossip, and as many again being replaced.
    STREAMS_PENDING_MAX: usize = 16;
    /// Streams of one connection.
    STREAMS_PER_CONNECTION_MAX: usize = 32;
    /// Bytes of one stream in flight: fills 100 Mbit/s over 300 ms.
    STREAM_WINDOW_BYTES: u32 = 4 * 1024 * 1024;
    /// Share of the machine's memory above which a person's node takes no new connection, in percent.
    MEMORY_PERCENT_MAX: u64 = 50;
    /// Share of the machine's memory above which a relay takes no new connection, in percent.
    RELAY_MEMORY_PERCENT_MAX: u64 = 75;
    /// Memory of a person's node under a flood: about 35 MiB at rest, 16 for inputs and unflushed writes, a first window of 256 KiB for each connection, and as much again to spare.
    HOSTILE_MEMORY_BYTES_MAX: u64 = 128 * 1024 * 1024;
    /// Events waiting for a screen; a slower one re-reads.
    EVENTS_MAX: usize = 1_024;
    /// Connections to one peer: a direct one, a relayed one, and one being replaced.
    CONNECTIONS_PER_PEER_MAX: u32 = 3;
    /// Connections of a person's node.
    CONNECTIONS_MAX: u32 = 128;
    /// Connections of a relay.
    RELAY_CONNECTIONS_MAX: u32 = 8_192;
    /// Connections from one address at a person's node (IPv4 /32, IPv6 /64); loopback gets the relay's figure, so that a mesh on one machine works.
    CONNECTIONS_PER_ADDRESS_MAX: u32 = 8;
    /// Connections from one address at a relay.
    RELAY_CONNECTIONS_PER_ADDRESS_MAX: u32 = 64;
    /// Bytes of one gossip message (gossipsub `max_transmit_size`).
    GOSSIP_BYTES_MAX: usize = 16 * 1024;
    /// Gossip messages waiting for the node; more are dropped, as gossip may be.
    GOSSIP_WAITING_MAX: usize = 64;
    /// Topics of one peer on the rooms mesh: busy groups of a busy person.
    TOPICS_PER_PEER_MAX: usize = 1_024;
    /// Free bytes under which new work is refused, so that what was accepted can be finished.
    DISK_FLOOR_BYTES: u64 = 48 * 1024 * 1024;
    /// Free bytes under which nothing is written at all: sled is never let run into a full disk.
    DISK_STOP_BYTES: u64 = 8 * 1024 * 1024;
    /// Free bytes needed to open a database, beside a share of its size: its log goes on and its table of pages is written.
    OPEN_ROOM_BYTES: u64 = 16 * 1024 * 1024;
    /// Bytes of the ballast file, given free to open a database on a full disk.
    BALLAST_BYTES: u64 = 32 * 1024 * 1024;
    /// Scores of misbehaviour after which a peer is disconnected and not accepted for a while.
    MISBEHAVIOUR_MAX: u32 = 100;
    /// Memory that stretching a passphrase takes, in KiB (RFC 9106 section 4, second choice).
    PASSPHRASE_MEMORY_KIB: u32 = 64 * 1024;
    /// Passes of it.
    PASSPHRASE_PASSES: u32 = 3;
    /// Memory that a key file may ask for, in KiB: a forged one cannot exhaust the machine.
    PASSPHRASE_MEMORY_KIB_MAX: u32 = 1024 * 1024;
    /// Passes that it may ask for.
    PASSPHRASE_PASSES_MAX: u32 = 10;
    /// Bytes of one HTTP request to the node's own interface.
    HTTP_BODY_BYTES_MAX: usize = 1024 * 1024;
    /// Texts in one HTTP request: one flush serves them all, and all fit among the inputs that may wait.
    HTTP_TEXTS_MAX: usize = 256;
    /// Messages in one HTTP answer.
    MESSAGES_SHOWN_MAX: usize = 1_000;
    /// Bytes of a media type: the longest in use have about 75.
    MIME_BYTES_MAX: usize = 96;
    /// Pixels of one side of a picture or video that are told: more than any camera or screen has.
    MEDIA_SIDE_MAX: u32 = 1_000_000;
    /// Longest duration that is told: what plays for longer than a week is a stream.
    MEDIA_MS_MAX: u32 = 7 * DAY as u32;
    /// Levels of a waveform: bars of a few pixels across a phone.
    WAVEFORM_LEVELS_MAX: usize = 64;
    /// Bytes that a preview picture aims at: it travels with the text, in one envelope, to everybody in the room.
    PREVIEW_PICTURE_BYTES: usize = 16 * 1024;
    /// Bytes of a preview picture: leaves most of an envelope to the manifest and the caption.
    PREVIEW_PICTURE_BYTES_MAX: usize = 32 * 1024;
    /// Pixels of the longer side of a preview picture that this node makes: sharp in a bubble on most screens.
    PREVIEW_PICTURE_SIDE: u32 = 400;
    /// Pixels of one side of a preview picture that is taken from a peer: a screen decodes it at once, so it must not be a bomb.
    PREVIEW_PICTURE_SIDE_MAX: u32 = 1_024;
    /// Bytes of a file's name: what every file system of ours takes, with something to spare for a number behind it.
    FILE_NAME_BYTES_MAX: usize = 200;
    /// Parts that a file is put together from when its metadata is taken out: a film of hours with a track of data beside it; 40 bytes each.
    MEDIA_PIECES_MAX: usize = 200_000;
    /// Bytes of an Exif block that are looked at for the orientation: it stands at the beginning, the rest is thumbnails and makers' notes.
    EXIF_BYTES_MAX: usize = 64 * 1024;
    /// Places of items in one HEIF or AVIF picture: a large one has some hundred tiles.
    HEIF_ITEMS_MAX: usize = 16_384;
    /// Elements of a WebM or Matroska file that are looked at: some hours of pictures and sound.
    MATROSKA_ELEMENTS_MAX: usize = 2_000_000;
    /// Bytes of a video's first frame, as it is coded, that is made into a poster.
    FRAME_FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;
    /// Bytes of a picture's file from which a preview is made: decoders take it into memory as a whole.
    PICTURE_FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;
    /// Pixels of a picture that is decoded: 48 million, as the largest phones take them.
    PICTURE_PIXELS_MAX: u64 = 50_000_000;
    /// Pixels of a picture that is decoded whatever the size of its file.
    PICTURE_PIXELS_FREE: u64 = 1_000_000;
    /// Pixels beyond these for each byte of its file: a plain colour is coded in a few bytes, a photo takes one for some pixels; what claims more is a bomb.
    PICTURE_PIXELS_PER_BYTE_MAX: u64 = 4_000;
    /// Bytes that decoding one picture may take, beside its file: 50 million pixels in four bytes, and as much again while it works.
    PICTURE_DECODE_BYTES_MAX: u64 = 400 * 1024 * 1024;
    /// Bytes of a colour profile that goes into a preview picture: those of screens are small.
    PREVIEW_PROFILE_BYTES_MAX: usize = 1_024;
    /// Bytes of a recording that are read for its duration and waveform: an hour of good quality; of a longer one the duration is what it says.
    SOUND_FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;
    /// Packets of a recording that are read: ten hours of 20 ms.
    SOUND_PACKETS_MAX: usize = 1_800_000;
    /// Longest recording that is decoded for a waveform.
    SOUND_DECODED_MS_MAX: u64 = 30 * MINUTE;
    /// How long an HTTP request may wait for another node: a person's patience.
    HTTP_WAIT_MS_MAX: Millis = 10 * MINUTE;
}
