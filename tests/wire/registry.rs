//! The registry of kinds, the code that decodes them, and the document about them say the same.

use tidings::wire::frame::Frame;
use tidings::wire::kind::KINDS;

#[test]
fn the_registry_is_what_is_decoded() {
    let registered: Vec<(u16, &str)> = KINDS.iter().map(|(number, name, _)| (*number, *name)).collect();
    assert_eq!(registered, Frame::DECODED);
    assert!(KINDS.is_sorted_by(|one, next| one.0 < next.0), "in order, no number twice");
}

#[test]
fn the_document_has_the_same_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/protocol/kinds.md");
    let text = std::fs::read_to_string(path).unwrap();
    let rows = text.lines().skip_while(|line| *line != "| number | name | meaning |").skip(2).take_while(|line| line.starts_with('|'));
    let documented: Vec<String> = rows.map(str::to_owned).collect();
    let registered: Vec<String> = KINDS.iter().map(|(number, name, meaning)| format!("| {number} | `{name}` | {meaning} |")).collect();
    assert_eq!(documented, registered, "docs/protocol/kinds.md");
}
