//! The fuzz corpus, through the doors that the fuzz targets use. `TIDINGS_WRITE_GOLDEN=1` adds what the golden files hold, and some
//! changes of it that are worth starting from; what a fuzzer found stays.

use std::fs;
use std::path::PathBuf;

use super::{entry, sample};

fn folder(target: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(target)
}

#[test]
fn every_input_of_the_corpus_is_survived() {
    for (target, enter) in entry::TARGETS {
        // Files are seeds of their own.
        if std::env::var_os("TIDINGS_WRITE_GOLDEN").is_some() && *target != "media" {
            seed(target);
        }
        let inputs: Vec<PathBuf> = fs::read_dir(folder(target)).unwrap().map(|input| input.unwrap().path()).collect();
        assert!(!inputs.is_empty(), "{target} has no corpus");
        let taken = inputs.iter().filter(|input| enter(&fs::read(input).unwrap())).count();
        assert!(taken > 0, "nothing in the corpus of {target} gets past the first check");
        assert!(taken < inputs.len(), "nothing in the corpus of {target} is refused");
    }
}

/// The examples of a target, and for the first of them some changes.
fn seed(target: &str) {
    let folder = folder(target);
    fs::create_dir_all(&folder).unwrap();
    let behind_length = |bytes: &[u8]| [&(bytes.len() as u16).to_be_bytes()[..], bytes].concat();
    let groups = sample::all();
    let mut entries = match groups.iter().find(|(group, _)| *group == target) {
        Some((_, entries)) => entries.clone(),
        None => groups[0].1.iter().map(|(name, frame)| (*name, behind_length(frame))).collect(),
    };
    if target == "node" {
        let all = groups[0].1.iter().flat_map(|(_, frame)| behind_length(frame)).collect();
        let (_, announcement) = groups.iter().find(|(group, _)| *group == "announcement").unwrap();
        entries = vec![("every-kind", all), ("announcement", announcement[0].1.clone()), ("nothing", vec![0, 0])];
    }
    let first = entries[0].1.clone();
    let changes: [(&'static str, Vec<u8>); 5] = [
        ("cut", first[..first.len() / 2].to_vec()),
        ("extended", [&first[..], &[0; 9]].concat()),
        ("claims-all-memory", [&first[..first.len().min(3)], &[0xfd, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]].concat()),
        (
            "other-version",
            first.iter().enumerate().map(|(at, byte)| if at == 0 || at == 2 { byte.wrapping_add(1) } else { *byte }).collect(),
        ),
        ("empty", Vec::new()),
    ];
    for (name, bytes) in entries.into_iter().chain(changes) {
        fs::write(folder.join(name), bytes).unwrap();
    }
}
