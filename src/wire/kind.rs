//! The registry of frame kinds. A number is never used twice; a removed one stays in the list as removed. The same table
//! stands in `docs/protocol/kinds.md`.

/// Number, name and meaning of every frame kind.
pub const KINDS: &[(u16, &str, &str)] = &[
    (1, "Hello", "who this device is, to a contact's device"),
    (2, "Deliver", "an envelope for the receiving device"),
    (3, "Delivered", "signed receipt: these envelopes are durable on this device"),
    (4, "Deferred", "these cannot be opened yet; keep them and try later"),
    (5, "Heads", "how far this device is in a shared room"),
    (6, "Lost", "these can never be opened here: seal them anew"),
    (16, "MailLimits", "what this mailbox takes"),
    (17, "Register", "a mailbox, please"),
    (18, "Registered", "the mailbox and its quota"),
    (19, "OpenInbox", "proof of owning an inbox; asks for what waits there"),
    (20, "Mail", "an envelope that waited in an inbox"),
    (21, "MailAck", "durable on this device: release"),
    (22, "OpenToken", "proof of holding a deposit token, for this connection"),
    (23, "Deposit", "an envelope for one or more inboxes"),
    (24, "Held", "signed receipt: held until"),
    (25, "Refused", "not held, and why"),
    (26, "Handover", "deliver this for me when I am away"),
    (27, "HandoverDone", "what became of a hand-over"),
    (28, "Revoke", "tokens that are no longer good at an inbox"),
    (29, "LeaveInbox", "forget this inbox and what it holds"),
    (30, "MailEnd", "nothing more waits in this inbox"),
    (31, "Withdraw", "these hand-overs need not be tried any more"),
];
