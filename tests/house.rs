//! Tests on the code itself: which floor may see which, sizes, forgotten files, names kept to their place, and documents
//! that give the same numbers as the code. Everything is read as text, with comments and strings blanked out.
//!
//! `TIDINGS_WRITE_DOCS=1 cargo test --test main house` writes the generated documents anew.
#![allow(clippy::unwrap_used)] // A test that fails says where.

mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use self::text::{code, functions, named_after, structs, words};

/// The floor plan: module, floor, and the only other modules it may name.
const PLAN: &[(&str, u8, &[&str])] = &[
    ("types", 0, &[]),
    ("crypto", 1, &["types"]),
    ("wire", 2, &["types", "crypto"]),
    ("proto", 3, &["types", "crypto", "wire"]),
    ("store", 4, &["types", "crypto", "wire"]),
    ("net", 4, &["types", "wire"]),
    ("media", 4, &["types", "wire"]),
    ("node", 5, &["types", "crypto", "wire", "proto", "store", "net", "media"]),
    ("sim", 5, &["types", "crypto", "wire", "proto"]),
    ("api", 6, &["types", "node", "store"]),
    ("mesh", 6, &["types", "wire", "store", "node", "api"]),
    ("bench", 6, &["types", "crypto", "wire", "proto", "store", "net", "node", "api"]),
    ("cli", 7, &["types", "store", "node", "sim", "api", "mesh", "bench"]),
];

/// Seen by these modules only: they belong to the process, not to a floor.
const OF_THE_PROCESS: &[(&str, &[&str], &[&str])] =
    &[("config", &["cli", "api"], &["types", "node", "telemetry"]), ("telemetry", &["cli", "api", "config"], &["types"])];

/// Floors below this one are pure.
const PURE_BELOW: u8 = 4;

/// What a pure module does not name: the outside, clocks, chance, and containers whose order is chance.
const IMPURE_WORDS: &[&str] = &[
    "tokio",
    "libp2p",
    "sled",
    "axum",
    "async",
    "await",
    "HashMap",
    "HashSet",
    "Instant",
    "SystemTime",
    "OsRng",
    "SysRng",
    "getrandom",
    "thread_rng",
];
const IMPURE_STD: &[&str] = &["fs", "net", "env", "thread", "process"];

const FILE_LINES_MAX: usize = 800;
const FUNCTION_LINES_MAX: usize = 100;
const STRUCT_FIELDS_MAX: usize = 16;

/// What other crates may be named by: the two that nobody keeps up any more stay behind one file each.
const BINCODE_DERIVES: &[&str] = &["Encode", "Decode", "BorrowDecode", "de", "enc", "error"];

#[test]
fn every_module_keeps_to_its_floor() {
    let mut errors = Vec::new();
    let plan: BTreeMap<&str, &[&str]> = PLAN.iter().map(|(module, _, sees)| (*module, *sees)).collect();
    for source in Source::all("src") {
        let Some(module) = source.module() else { continue };
        let process = OF_THE_PROCESS.iter().find(|(name, ..)| *name == module);
        let Some(sees) = plan.get(module.as_str()).copied().or(process.map(|(_, _, sees)| *sees)) else {
            errors.push(format!("{}: module `{module}` is not on the floor plan", source.path));
            continue;
        };
        for named in source.named_modules() {
            let belongs = OF_THE_PROCESS.iter().find(|(name, ..)| *name == named);
            let allowed = match belongs {
                Some((_, users, _)) => users.contains(&module.as_str()),
                None => !plan.contains_key(named.as_str()) || sees.contains(&named.as_str()),
            };
            if named != module && !allowed {
                errors.push(format!("{}: `{module}` may not see `{named}`", source.path));
            }
        }
        if source.code.contains("super::super::") {
            errors.push(format!("{}: climb with `crate::`, not `super::super::`", source.path));
        }
    }
    none(errors);
}

#[test]
fn the_plan_goes_down_and_the_map_agrees() {
    let mut errors = Vec::new();
    let floor: BTreeMap<&str, u8> = PLAN.iter().map(|(module, floor, _)| (*module, *floor)).collect();
    for (module, number, sees) in PLAN {
        for seen in *sees {
            // The only looks sideways: the mesh kit starts the web app of each of its nodes, a bench speaks to nodes as a program does.
            let sideways = matches!((*module, *seen), ("mesh" | "bench", "api"));
            if floor[seen] >= *number && !sideways {
                errors.push(format!("`{module}` on floor {number} sees `{seen}` on floor {}", floor[seen]));
            }
        }
    }
    let map = read("src/lib.rs");
    for (module, number, _) in PLAN {
        if !map.contains(&format!("//! | {number} | [`{module}`] |")) {
            errors.push(format!("src/lib.rs: the map does not show `{module}` on floor {number}"));
        }
    }
    none(errors);
}

#[test]
fn below_the_edge_nothing_touches_the_outside() {
    let mut errors = Vec::new();
    for source in Source::all("src") {
        let module = source.module().unwrap_or_default();
        let Some((_, floor, _)) = PLAN.iter().find(|(name, ..)| *name == module) else { continue };
        if *floor >= PURE_BELOW {
            continue;
        }
        let words: BTreeSet<&str> = words(&source.code).collect();
        for word in IMPURE_WORDS.iter().filter(|word| words.contains(*word)) {
            errors.push(format!("{}: `{word}` below floor {PURE_BELOW}", source.path));
        }
        for named in named_after(&source.code, "std::").iter().filter(|named| IMPURE_STD.contains(&named.as_str())) {
            errors.push(format!("{}: `std::{named}` below floor {PURE_BELOW}", source.path));
        }
        if source.code.contains("allow(clippy::disallowed") {
            errors.push(format!("{}: only an edge module opts out of the bans", source.path));
        }
    }
    none(errors);
}

#[test]
fn unkept_crates_stay_behind_one_file_each() {
    let mut errors = Vec::new();
    for source in Source::all("src") {
        if source.path != "src/wire/codec.rs" {
            for name in named_after(&source.code, "bincode::").iter().filter(|name| !BINCODE_DERIVES.contains(&name.as_str())) {
                errors.push(format!("{}: `bincode::{name}`: only src/wire/codec.rs calls bincode", source.path));
            }
        }
        if !source.path.starts_with("src/store/sled") && names_the_sled_crate(&source) {
            errors.push(format!("{}: only src/store/sled.rs names sled", source.path));
        }
    }
    none(errors);
}

#[test]
fn only_the_simulated_world_gets_into_the_fake_suite() {
    let errors = Source::all("src").iter().filter_map(names_the_fake_suite).collect();
    none(errors);
}

#[test]
fn nothing_grows_past_one_look() {
    let mut errors = Vec::new();
    for source in Source::all("src").into_iter().chain(Source::all("tests")).chain(Source::all("docs")) {
        let lines = source.text.lines().count();
        if lines > FILE_LINES_MAX {
            errors.push(format!("{}: {lines} lines, {FILE_LINES_MAX} at most", source.path));
        }
        for (name, line, length) in functions(&source.code) {
            if length > FUNCTION_LINES_MAX {
                errors.push(format!("{}:{line}: `{name}` has {length} lines, {FUNCTION_LINES_MAX} at most", source.path));
            }
        }
        for (name, line, fields) in structs(&source.code) {
            if fields > STRUCT_FIELDS_MAX {
                errors.push(format!("{}:{line}: `{name}` has {fields} fields, {STRUCT_FIELDS_MAX} at most", source.path));
            }
        }
        let stem = Path::new(&source.path).components().filter_map(|part| part.as_os_str().to_str());
        for part in stem.map(|part| part.trim_end_matches(".rs")) {
            if ["util", "utils", "common", "manager", "service", "helper", "helpers", "misc"].contains(&part) {
                errors.push(format!("{}: `{part}` is no noun of this house", source.path));
            }
        }
    }
    none(errors);
}

#[test]
fn no_file_is_forgotten() {
    let mut reached = BTreeSet::new();
    let mut manifests = vec![PathBuf::from("Cargo.toml")];
    manifests.extend(files("tests").into_iter().filter(|path| path.ends_with("Cargo.toml")));
    for manifest in manifests {
        let folder = manifest.parent().unwrap_or(Path::new("")).to_owned();
        for line in read(&manifest).lines() {
            let path = line.split_once("path = \"").and_then(|(_, rest)| rest.split_once('"')).map(|(path, _)| path);
            if let Some(path) = path.filter(|path| path.ends_with(".rs")) {
                reach(&folder.join(path), &mut reached);
            }
        }
    }
    let mut errors = Vec::new();
    for path in ["src", "tests", "docs"].iter().flat_map(files) {
        if path.extension().is_some_and(|extension| extension == "rs") && !reached.contains(&path) {
            errors.push(format!("{}: no target of Cargo.toml leads to it", path.display()));
        }
    }
    let runner = read("scripts/test");
    for target in ["--test main", "--test mesh", "--doc", "--examples"] {
        if !runner.contains(target) {
            errors.push(format!("scripts/test does not run `{target}`"));
        }
    }
    if !read("scripts/browser").contains("--test browser") {
        errors.push("scripts/browser does not run `--test browser`".to_owned());
    }
    none(errors);
}

#[test]
fn limits_in_the_documents_are_those_of_the_code() {
    let mut table = String::from("| limit | value | why |\n|---|---|---|\n");
    for (name, value, reason) in tidings::types::limits::ALL {
        table += &format!("| `{name}` | {} | {} |\n", amount(name, *value), reason.trim().replace('|', "\\|"));
    }
    generated("docs/LIMITS.md", "limits", &table);
}

#[test]
fn the_top_level_holds_what_it_should() {
    let mut errors = Vec::new();
    for entry in fs::read_dir(root()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let known = ["Cargo.toml", "Cargo.lock", "src", "docs", "scripts", "tests", "README.md"].contains(&name.as_str());
        let ignored = name == "target" && read(".gitignore").contains("/target");
        if !known && !ignored && !name.starts_with('.') {
            errors.push(format!("{name}: the top level is Cargo.toml, Cargo.lock, src, docs, scripts, tests, README.md and dotfiles"));
        }
    }
    if read("Cargo.toml").lines().any(|line| line.trim() == "[features]") {
        errors.push("Cargo.toml: no cargo features".to_owned());
    }
    none(errors);
}

#[test]
fn words_that_do_not_belong() {
    // Put together here, so that this file does not find itself.
    let foreign = [concat!("/wor", "k/"), concat!("/tmp", "/w/"), concat!("/roo", "t/"), concat!("FIX", "ME"), concat!("TO", "DO")];
    let numbered = ["issue", "ticket", "pull request", "pr"];
    let mut errors = Vec::new();
    let folders = ["src", "tests", "docs", "scripts", ".ci", ".config"].iter().flat_map(files);
    let single = ["README.md", "Cargo.toml", ".deny.toml", ".clippy.toml"].iter().map(PathBuf::from);
    for path in folders.chain(single) {
        let Ok(text) = fs::read_to_string(root().join(&path)) else { continue };
        for (number, line) in text.lines().enumerate() {
            let at = format!("{}:{}", path.display(), number + 1);
            for word in foreign.iter().filter(|word| line.contains(*word)) {
                errors.push(format!("{at}: `{word}`"));
            }
            let lower = line.to_lowercase();
            for word in numbered {
                let hit = lower.match_indices(word).any(|(start, _)| {
                    let before = lower[..start].chars().next_back();
                    let after = lower[start + word.len()..].trim_start_matches([' ', '#']);
                    let spaced = lower[start + word.len()..].starts_with([' ', '#']);
                    spaced && !before.is_some_and(char::is_alphanumeric) && after.starts_with(|c: char| c.is_ascii_digit())
                });
                if hit {
                    errors.push(format!("{at}: the number of a {word}"));
                }
            }
        }
    }
    none(errors);
}

#[test]
fn the_documents_name_what_is_there() {
    let mut errors = Vec::new();
    let pages =
        files("docs").into_iter().chain([PathBuf::from("README.md")]).filter(|path| path.extension().is_some_and(|ext| ext == "md"));
    for page in pages {
        let text = read(&page);
        for (at, _) in text.match_indices("](") {
            let target = text[at + 2..].split(')').next().unwrap_or_default();
            let file = target.split('#').next().unwrap_or_default();
            if file.is_empty() || target.contains("://") || target.contains('\n') {
                continue;
            }
            if !root().join(page.parent().unwrap_or(Path::new(""))).join(file).exists() {
                errors.push(format!("{}: {target} leads nowhere", page.display()));
            }
        }
        // Source files are named from the top level, or from `src/`.
        for name in text.split('`').filter(|name| name.ends_with(".rs") && name.contains('/') && !name.contains(char::is_whitespace)) {
            if !root().join(name).exists() && !root().join("src").join(name).exists() {
                errors.push(format!("{}: there is no {name}", page.display()));
            }
        }
    }
    none(errors);
}

#[test]
fn every_dependency_has_its_reason() {
    let manifest = read("Cargo.toml");
    let sections = manifest.split("\n[").filter(|section| section.starts_with("dependencies]") || section.starts_with("dev-dependencies]"));
    let named = sections.flat_map(str::lines).filter_map(|line| line.split_once(" = ").map(|(name, _)| name.to_owned()));
    let named: BTreeSet<String> = named.filter(|name| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')).collect();
    let page = read("docs/decisions/dependencies.md");
    let told = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` |").map(|(name, _)| name.to_owned()));
    assert_eq!(named, told.collect(), "docs/decisions/dependencies.md tells of other crates than Cargo.toml names");
}

#[test]
fn the_checks_see_what_they_look_for() {
    let source = |path: &str, text: &str| Source { path: path.to_owned(), text: text.to_owned(), code: code(text) };
    let groups = source(
        "src/proto/node.rs",
        "use crate::{types::{Now, id}, store::Store};\n// crate::cli\nfn f() { crate::net::dial(\"crate::api\") }",
    );
    assert_eq!(groups.named_modules(), ["net", "store", "types"].map(str::to_owned).into());
    let climbing = source("src/proto/mod.rs", "use super::{node, api as a};");
    assert_eq!(climbing.named_modules(), ["api", "node"].map(str::to_owned).into());
    assert!(source("src/proto/room/mod.rs", "use super::node;").named_modules().is_empty());

    let text = "fn long<T>(a: [u8; 3]) -> u8 {\n let b = '{'; let c = r#\"}\"#;\n 1\n}\nstruct P(u8, u8);\nstruct Q<'a> {\n /// a, b\n a: &'a u8,\n pub b: BTreeMap<u8, (u8, u8)>,\n}";
    assert_eq!(functions(&code(text)), [("long".to_owned(), 1, 4)]);
    assert_eq!(structs(&code(text)), [("Q".to_owned(), 6, 2)]);

    assert!(named_after("use bincode::{Encode, config};", "bincode::").contains("config"));
    assert!(names_the_sled_crate(&source("src/net/mod.rs", "fn f() -> sled::Db {}")));
    assert!(names_the_sled_crate(&source("src/store/tables.rs", "use sled::Db;")));
    assert!(!names_the_sled_crate(&source("src/store/mod.rs", "mod sled; use self::sled::Rows;")));
    let enters = |path: &str, text: &str| names_the_fake_suite(&source(path, text)).is_some();
    assert!(enters("src/node/driver.rs", "use crate::crypto::{fake as quick, keys};"));
    assert!(enters("src/main.rs", "use tidings::crypto::fake::*;"));
    assert!(enters("src/crypto/mod.rs", "pub use self::fake::within;"));
    assert!(enters("src/crypto/mls/group.rs", "fn f() { within(g) }"));
    assert!(enters("src/crypto/aead.rs", "use super::fake;"));
    assert!(!enters("src/sim/world.rs", "use crate::crypto::fake;"));
    assert!(!enters("src/crypto/keys.rs", "use super::fake;"));
    assert!(!enters("src/node/driver.rs", "fn within() {} // fake"));
    assert_eq!(amount("A_MS", 90_000), "90,000 (90 s)");
    assert_eq!(amount("A_BYTES_MAX", 65_536), "65,536 (64 KiB)");
}

/// One Rust file.
struct Source {
    path: String,
    text: String,
    /// The text with comments, strings and characters blanked.
    code: String,
}

impl Source {
    fn all(folder: &str) -> Vec<Self> {
        let rust = files(folder).into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
        rust.map(|path| {
            let text = read(&path);
            Self { path: path.to_str().unwrap().to_owned(), code: code(&text), text }
        })
        .collect()
    }

    /// The module at the root of the crate that the file belongs to; none for the roots themselves.
    fn module(&self) -> Option<String> {
        let first = self.path.strip_prefix("src/")?.split('/').next()?.trim_end_matches(".rs");
        (first != "lib" && first != "main").then(|| first.to_owned())
    }

    /// Every module at the root of the crate that this file names.
    fn named_modules(&self) -> BTreeSet<String> {
        let mut named = named_after(&self.code, "crate::");
        let is_root_module = self.path.split('/').count() == 2 || (self.path.split('/').count() == 3 && self.path.ends_with("/mod.rs"));
        if is_root_module {
            named.extend(named_after(&self.code, "super::"));
        }
        named.retain(|name| PLAN.iter().any(|(module, ..)| module == name) || OF_THE_PROCESS.iter().any(|(module, ..)| module == name));
        named
    }
}

/// What is wrong with a file that names the suite without security. Outside of `crypto` and `sim` the very word is refused, so that
/// no way of importing slips through; in `crypto` it stands where the suites part, and nothing there calls `within`.
fn names_the_fake_suite(source: &Source) -> Option<String> {
    const PARTINGS: &[&str] = &["fake.rs", "mod.rs", "keys.rs", "seal.rs", "work.rs"];
    let module = source.module().unwrap_or_default();
    let part = source.path.strip_prefix("src/crypto/").unwrap_or_default();
    let may_name = module == "sim" || PARTINGS.contains(&part) || part.starts_with("mls/");
    let may_enter = module != "crypto" || part == "fake.rs";
    let wrong = words(&source.code).find(|word| (*word == "fake" && !may_name) || (*word == "within" && !may_enter))?;
    Some(format!("{}: `{wrong}`: only `sim` gets into the suite without security", source.path))
}

/// Whether a file names the crate, not the module `store::sled` that stands before it.
fn names_the_sled_crate(source: &Source) -> bool {
    if !source.path.starts_with("src/store/") {
        return words(&source.code).any(|word| word == "sled");
    }
    source.code.match_indices("sled::").any(|(at, _)| {
        let before = source.code[..at].trim_end();
        let of_ours = ["self::", "super::", "store::"].iter().any(|path| before.ends_with(path)) || source.path == "src/store/mod.rs";
        let part_of_a_word = before.len() == at && before.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        !of_ours && !part_of_a_word
    })
}

/// Follows the modules of a file.
fn reach(file: &Path, reached: &mut BTreeSet<PathBuf>) {
    let file: PathBuf = file.components().collect();
    if !root().join(&file).exists() || !reached.insert(file.clone()) {
        return;
    }
    let text = read(&file);
    let folder = file.parent().unwrap_or(Path::new("")).to_owned();
    let stem = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    // The root of a target and a `mod.rs` have their modules beside them; other files in a folder of their name.
    let beside = stem == "mod" || stem == "main" || stem == "lib" || !is_module(&file, reached);
    let inside = if beside { folder.clone() } else { folder.join(stem) };
    for line in code(&text).lines() {
        let words: Vec<&str> = line.split_whitespace().skip_while(|word| word.starts_with("pub")).collect();
        let ["mod", name] = words[..] else { continue };
        let Some(name) = name.strip_suffix(';') else { continue };
        reach(&inside.join(format!("{name}.rs")), reached);
        reach(&inside.join(name).join("mod.rs"), reached);
    }
}

/// Whether a file was reached from another file, and is not itself the root of a target.
fn is_module(file: &Path, reached: &BTreeSet<PathBuf>) -> bool {
    let quoted = format!("path = \"{}\"", file.display());
    !read("Cargo.toml").contains(&quoted) && reached.len() > 1
}

/// Compares the part of a document between its two marks with what it should be, or writes it when asked to.
fn generated(path: &str, mark: &str, wanted: &str) {
    let text = read(path);
    let (open, close) = (format!("<!-- {mark}: generated from the code -->\n"), format!("<!-- end of {mark} -->"));
    let (head, rest) = text.split_once(&open).unwrap_or_else(|| panic!("{path} has no mark `{}`", open.trim()));
    let (stands, tail) = rest.split_once(&close).unwrap_or_else(|| panic!("{path} has no mark `{close}`"));
    if std::env::var_os("TIDINGS_WRITE_DOCS").is_some() {
        return fs::write(root().join(path), format!("{head}{open}{wanted}{close}{tail}")).unwrap();
    }
    let differs = wanted.lines().find(|line| !stands.lines().any(|other| other == *line));
    assert!(stands == wanted, "{path} differs from the code, first at {differs:?}; TIDINGS_WRITE_DOCS=1 writes it anew");
}

/// A number, and what a person would call it.
fn amount(name: &str, value: u64) -> String {
    let digits = value.to_string();
    let grouped: Vec<&str> = digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap()).collect();
    let plain = grouped.join(",");
    let of = |units: &[(u64, &str)]| {
        let unit = units.iter().find(|(size, _)| value >= *size && value.is_multiple_of(*size));
        unit.map_or(plain.clone(), |(size, unit)| format!("{plain} ({} {unit})", value / size))
    };
    if name.contains("_MS") {
        of(&[(86_400_000, "days"), (3_600_000, "h"), (60_000, "min"), (1_000, "s")])
    } else if name.contains("BYTES") {
        of(&[(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")])
    } else {
        plain
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every file under a folder, relative to the top level, in order; build output left out.
fn files(folder: impl AsRef<Path>) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(root().join(folder.as_ref())) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| folder.as_ref().join(entry.unwrap().file_name())).collect();
    paths.sort();
    paths.retain(|path| !path.ends_with("target"));
    paths.into_iter().flat_map(|path| if root().join(&path).is_dir() { files(path) } else { vec![path] }).collect()
}

fn none(errors: Vec<String>) {
    assert!(errors.is_empty(), "\n{}", errors.join("\n"));
}
