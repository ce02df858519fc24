//! What must not stand in a log does not print.

use tidings::wire::mailbox::Claim;
use tidings::wire::row;

use super::sample;

#[test]
fn secrets_and_addresses_do_not_print() {
    let frames = format!("{:?}", sample::frames());
    let rows: Vec<String> = sample::rows()
        .iter()
        .map(|(_, bytes)| format!("{:?} {:?}", row::decode::<row::Contact>(bytes), row::decode::<row::Mailbox>(bytes)))
        .collect();
    let shown =
        format!("{frames} {rows:?} {:?} {:?} {:?} {:?}", sample::invites(), sample::relay_invite(), sample::knocks(), sample::card());
    // The secrets of the examples, as a derived `Debug` would print them: of an invite, a relay, a grant.
    for secret in ["92, 92", "153, 153", "94, 94", "127.0.0.1", "it is me"] {
        assert!(!shown.contains(secret), "{secret}");
    }
    assert_eq!(format!("{:?}", Claim::Secret([1; 32])), "Secret(..)");
}
