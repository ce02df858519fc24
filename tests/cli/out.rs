//! What is printed.

use serde_json::{Value, json};
use tidings::cli::out::{align, escape_line, escape_lines, json_line};

#[test]
fn a_text_of_somebody_else_does_not_steer_the_terminal() {
    let evil = "\u{1b}[2J\u{9b}31m\r\u{7f}\u{202e}gnp.exe\tx";
    let shown = escape_line(evil);
    assert_eq!(shown, "\\u{1b}[2J\\u{9b}31m\\r\\u{7f}\\u{202e}gnp.exe\\tx");
    assert_eq!(escape_line("schön 👩‍👩‍👧 \\n"), "schön 👩‍👩‍👧 \\n");
    assert_eq!(escape_lines("one\n19:00 bob: two\r\nthree", 4), "one\n    19:00 bob: two\n    three", "no line passes for another message");

    let line = json_line(&json!({ "text": evil })).unwrap();
    assert!(!line.chars().any(|c| c.is_control() || c == '\u{202e}'), "{line:?}");
    let back: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(back["text"], evil, "scripts get what was sent");
}

#[test]
fn columns_line_up() {
    let rows = [vec!["a".to_owned(), "läng".to_owned(), "x".to_owned()], vec!["bbb".to_owned(), "c".to_owned()]];
    assert_eq!(align(&rows), "a    läng  x\nbbb  c");
    assert_eq!(align(&[]), "");
}
