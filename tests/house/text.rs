//! Rust read as text: enough of its lexing to tell code from comments and strings, and to find what the checks look for.

use std::collections::BTreeSet;

/// Every `x` in `prefix::x` and `prefix::{x, y::..}`, where the prefix starts a path.
pub(super) fn named_after(code: &str, prefix: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (at, _) in code.match_indices(prefix) {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let rest = code[at + prefix.len()..].trim_start();
        let Some(group) = rest.strip_prefix('{') else {
            names.insert(ident(rest));
            continue;
        };
        let (mut depth, mut item) = (1, String::new());
        for c in group.chars() {
            depth += match c {
                '{' => 1,
                '}' => -1,
                _ => 0,
            };
            if depth == 0 || (depth == 1 && c == ',') {
                names.insert(ident(item.trim()));
                item.clear();
            } else {
                item.push(c);
            }
            if depth == 0 {
                break;
            }
        }
    }
    names.remove("");
    names
}

/// Name, first line and number of lines of each function with a body.
pub(super) fn functions(code: &str) -> Vec<(String, usize, usize)> {
    let mut found = Vec::new();
    for at in keyword(code, "fn") {
        let name = ident(code[at + 2..].trim_start());
        let mut depth = 0_i32;
        let opening = code[at..].char_indices().find(|(_, c)| {
            depth += match c {
                '(' | '[' => 1,
                ')' | ']' => -1,
                _ => 0,
            };
            depth == 0 && (*c == '{' || *c == ';')
        });
        let Some((offset, '{')) = opening else { continue };
        if name.is_empty() {
            continue;
        }
        let end = at + offset + closing(&code[at + offset..]);
        found.push((name, line_of(code, at), code[at..=end].lines().count()));
    }
    found
}

/// Name, line and number of fields of each struct with named fields.
pub(super) fn structs(code: &str) -> Vec<(String, usize, usize)> {
    let mut found = Vec::new();
    for at in keyword(code, "struct") {
        let Some(offset) = code[at..].find(['{', ';', '(']).filter(|offset| code[at + offset..].starts_with('{')) else { continue };
        let open = at + offset;
        let body = &code[open + 1..open + closing(&code[open..])];
        let (mut depth, mut fields, mut pending) = (0_i32, 0, false);
        let mut previous = ' ';
        for c in body.chars() {
            match c {
                '{' | '(' | '[' | '<' => depth += 1,
                '>' if previous == '-' => {}
                '}' | ')' | ']' | '>' => depth -= 1,
                ',' if depth == 0 => {
                    fields += usize::from(pending);
                    pending = false;
                }
                c if !c.is_whitespace() => pending = true,
                _ => {}
            }
            previous = c;
        }
        found.push((ident(code[at + 6..].trim_start()), line_of(code, at), fields + usize::from(pending)));
    }
    found
}

/// Where a keyword stands as a word of its own, followed by a space.
fn keyword<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    code.match_indices(word).map(|(at, _)| at).filter(move |at| {
        let before = code[..*at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_') && code[at + word.len()..].starts_with(' ')
    })
}

/// The offset of the brace that closes the one this text starts with.
fn closing(code: &str) -> usize {
    let mut depth = 0_i32;
    let end = code.char_indices().find(|(_, c)| {
        depth += match c {
            '{' => 1,
            '}' => -1,
            _ => 0,
        };
        depth == 0
    });
    end.map_or(code.len() - 1, |(at, _)| at)
}

/// Rust text with comments, strings and characters replaced by spaces; lines stay where they are.
pub(super) fn code(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let length = skipped(&chars, at);
        if length == 0 {
            out.push(chars[at]);
            at += 1;
        }
        for c in &chars[at..at + length] {
            out.push(if *c == '\n' { '\n' } else { ' ' });
        }
        at += length;
    }
    out
}

/// How many characters from here are a comment, a string or a character literal.
fn skipped(chars: &[char], at: usize) -> usize {
    let rest = &chars[at..];
    let next = |offset: usize| rest.get(offset).copied().unwrap_or(' ');
    let part_of_a_word = at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_');
    match (next(0), next(1)) {
        ('/', '/') => rest.iter().position(|c| *c == '\n').unwrap_or(rest.len()),
        ('/', '*') => {
            let (mut depth, mut offset) = (1, 2);
            while depth > 0 && offset < rest.len() {
                match (next(offset), next(offset + 1)) {
                    ('/', '*') => (depth, offset) = (depth + 1, offset + 2),
                    ('*', '/') => (depth, offset) = (depth - 1, offset + 2),
                    _ => offset += 1,
                }
            }
            offset
        }
        ('r', '"' | '#') if !part_of_a_word || at > 0 && chars[at - 1] == 'b' => {
            let hashes = rest[1..].iter().take_while(|c| **c == '#').count();
            if next(1 + hashes) != '"' {
                return 0;
            }
            let mut offset = 2 + hashes;
            while offset < rest.len() && !(next(offset) == '"' && (1..=hashes).all(|hash| next(offset + hash) == '#')) {
                offset += 1;
            }
            (offset + hashes + 1).min(rest.len())
        }
        ('"', _) => {
            let mut offset = 1;
            while offset < rest.len() && next(offset) != '"' {
                offset += if next(offset) == '\\' { 2 } else { 1 };
            }
            (offset + 1).min(rest.len())
        }
        ('\'', '\\') => 2 + rest.iter().skip(3).position(|c| *c == '\'').map_or(0, |offset| offset + 2),
        ('\'', _) if next(2) == '\'' => 3,
        _ => 0,
    }
}

pub(super) fn words(code: &str) -> impl Iterator<Item = &str> {
    code.split(|c: char| !(c.is_alphanumeric() || c == '_'))
}

pub(super) fn ident(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

fn line_of(code: &str, at: usize) -> usize {
    code[..at].matches('\n').count() + 1
}
