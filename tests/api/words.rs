//! The sentences of the web app, and its files.

use std::collections::{BTreeMap, BTreeSet};

use tidings::api::FILES;

fn files(extension: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let files = FILES.iter().filter(move |(path, ..)| path.ends_with(extension) && !path.starts_with("/vendor/"));
    files.map(|(path, _, bytes)| (*path, std::str::from_utf8(bytes).unwrap()))
}

/// The sentences of a catalogue: their text with all variants.
fn sentences(catalogue: &'static str) -> BTreeMap<&'static str, String> {
    let mut sentences: BTreeMap<&str, String> = BTreeMap::new();
    let mut last = "";
    for line in catalogue.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        match line.split_once(" = ").filter(|(key, _)| key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')) {
            Some((key, text)) => {
                assert!(sentences.insert(key, text.to_owned()).is_none(), "{key} stands there twice");
                last = key;
            }
            None => *sentences.get_mut(last).unwrap() += line,
        }
    }
    sentences
}

fn values(text: &str) -> BTreeSet<&str> {
    let named = text.split('$').skip(1);
    named.map(|rest| rest.split(|c: char| !c.is_ascii_lowercase()).next().unwrap_or_default()).collect()
}

/// The forms that numbers have in a language (https://cldr.unicode.org, plural rules for whole numbers).
fn forms(path: &str) -> &'static [&'static str] {
    match path {
        "/text/en.ftl" | "/text/es.ftl" => &["[one]", "*[other]"],
        "/text/ar.ftl" => &["[zero]", "[one]", "[two]", "[few]", "[many]", "*[other]"],
        _ => &["*[other]"],
    }
}

/// Everything in the scripts that stands in quotes, and could be the name of a sentence.
fn quoted() -> BTreeSet<String> {
    let mut quoted = BTreeSet::new();
    for (_, script) in files(".js") {
        quoted.extend(script.split('"').skip(1).step_by(2).map(str::to_owned));
        // Quotes inside of templates shift the pairs, and so every word in quotes counts by itself too.
        quoted.extend(script.split('"').map(str::to_owned));
    }
    quoted
}

#[test]
fn every_language_has_every_sentence_with_its_values_and_forms() {
    let english = sentences(files("en.ftl").next().unwrap().1);
    assert!(english.len() > 200);
    for (path, catalogue) in files(".ftl") {
        let sentences = sentences(catalogue);
        assert_eq!(sentences.keys().collect::<Vec<_>>(), english.keys().collect::<Vec<_>>(), "{path}");
        for (key, text) in &sentences {
            assert_eq!(values(text), values(&english[key]), "{path}: the values of {key}");
            assert_eq!(text.matches('{').count(), text.matches('}').count(), "{path}: the braces of {key}");
            assert!(!text.trim().is_empty(), "{path}: {key} says nothing");
            if text.contains("->") {
                for form in forms(path) {
                    assert!(text.contains(form), "{path}: {key} has no form {form}");
                }
            }
        }
    }
}

#[test]
fn no_sentence_is_missing_and_none_is_without_use() {
    let english = sentences(files("en.ftl").next().unwrap().1);
    let quoted = quoted();
    let codes: BTreeSet<String> = [include_str!("../../src/api/node.rs"), include_str!("../../src/api/error.rs")]
        .iter()
        .flat_map(|source| source.split('"').map(|word| word.replace('_', "-")))
        .collect();
    for key in english.keys() {
        let code = key.strip_prefix("doctor-").or(key.strip_prefix("error-"));
        let code = code.map(|code| code.strip_suffix("-do").unwrap_or(code));
        let is_used = quoted.contains(*key) || code.is_some_and(|code| codes.contains(code));
        assert!(is_used, "nothing says {key}");
    }
    for (path, script) in files(".js") {
        for (at, _) in script.match_indices("t(\"") {
            // Other names end in a t too.
            if script[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_') {
                continue;
            }
            let key = script[at + 3..].split('"').next().unwrap_or_default();
            assert!(english.contains_key(key), "{path}: there is no sentence {key}");
        }
    }
    let doctor = include_str!("../../src/api/node.rs");
    for call in doctor.split("ill(").chain(doctor.split("well(")).skip(1) {
        let mut words = call.split('"').skip(1).step_by(2);
        let (Some(name), Some(code)) = (words.next(), words.next()) else { continue };
        let is_code = code.split('-').next() == Some(name) || code.starts_with("clock") || code.starts_with("requests");
        if is_code && !code.contains(' ') {
            assert!(english.contains_key(format!("doctor-{code}").as_str()), "the app has no words for {code}");
        }
    }
}

#[test]
fn every_file_of_the_app_is_served_and_it_is_light() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/api/ui");
    let mut there = BTreeSet::new();
    let mut folders = vec![folder.clone()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().is_some_and(|name| name != "LICENSE") {
                there.insert(path.strip_prefix(&folder).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    let served: BTreeSet<String> = FILES.iter().map(|(path, ..)| path.trim_start_matches('/').to_owned()).collect();
    let served: BTreeSet<String> = served
        .into_iter()
        .filter(|path| path != "favicon.ico")
        .map(|path| if path.is_empty() { "index.html".to_owned() } else { path })
        .collect();
    assert_eq!(served, there);
    // As a browser gets it, with what others wrote in it; pictures and icons apart.
    let files = FILES.iter().filter(|(path, ..)| ![".png", ".ico", ".svg"].iter().any(|picture| path.ends_with(picture)));
    let bytes: usize = files.map(|(path, _, bytes)| tidings::api::sent(path, bytes).len()).sum();
    assert!(bytes < 250_000, "the app weighs {bytes} bytes");
}

#[test]
fn what_a_browser_gets_says_the_same_as_the_file() {
    for (path, script) in files(".js").chain(files(".css")) {
        let sent = tidings::api::sent(path, script.as_bytes());
        let sent = std::str::from_utf8(&sent).unwrap();
        assert_eq!(sent.lines().count(), script.lines().count(), "{path}");
        for (at, (written, sent)) in script.lines().zip(sent.lines()).enumerate() {
            let bare = |text: &str| text.replace(' ', "").replace(";}", "}");
            let is_said = written.trim() == sent || sent.is_empty() || (path.ends_with(".css") && bare(written) == bare(sent));
            assert!(is_said && written.matches('`').count() % 2 == 0, "{path}:{}: a text over several lines would be changed", at + 1);
        }
        let code = |text: &str| text.split_whitespace().filter(|word| *word == "function" || *word == "const" || *word == "return").count();
        let comments: usize = script.lines().map(str::trim).filter(|line| line.starts_with(['/', '*'])).map(code).sum();
        assert_eq!(code(sent) + comments, code(script), "{path}: no code is taken for a comment");
    }
}

#[test]
fn no_script_makes_markup_or_code_of_text_and_nothing_comes_from_elsewhere() {
    for (path, text) in files(".js").chain(files(".html")).chain(files("/")).chain(files(".css")) {
        for word in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "DOMParser", "srcdoc"] {
            assert!(!text.contains(word), "{path}: {word}");
        }
        for address in ["http://", "https://"].iter().flat_map(|scheme| text.split(scheme).skip(1)) {
            let host = address.split(['/', '"', ' ', '\'']).next().unwrap_or_default();
            assert!(host == "www.w3.org" || host.is_empty() || !host.contains('.'), "{path}: {host}");
        }
    }
}
