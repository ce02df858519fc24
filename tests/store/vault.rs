//! Key files: passphrases, crashes while they are made, losses.

use std::fs;

use tempfile::TempDir;
use tidings::store::{DataDir, Store, StoreError, Vault};

#[test]
fn a_passphrase_is_asked_for_from_then_on() {
    let temp = TempDir::new().unwrap();
    let dir = DataDir::open(temp.path()).unwrap();
    let vault = Vault::open(&dir, None, None).unwrap();
    assert!(vault.is_new && !vault.is_protected);
    vault.set_passphrase(&dir, Some("correct horse")).unwrap();
    assert!(matches!(Vault::open(&dir, None, None), Err(StoreError::PassphraseMissing { .. })));
    let Err(wrong) = Vault::open(&dir, Some("battery staple"), None) else { panic!("any passphrase opens") };
    assert!(matches!(wrong, StoreError::PassphraseWrong { .. }));
    assert!(!wrong.to_string().contains("battery"), "a passphrase is never repeated");
    let opened = Vault::open(&dir, Some("correct horse"), None).unwrap();
    assert!(opened.is_protected && !opened.is_new);
    assert_eq!(opened.keys.device_id(), vault.keys.device_id());
    assert_eq!(*opened.root, *vault.root);
    opened.set_passphrase(&dir, None).unwrap();
    assert!(!Vault::open(&dir, None, None).unwrap().is_protected);
}

#[test]
fn a_recovery_phrase_makes_the_account_once() {
    let temp = TempDir::new().unwrap();
    let dir = DataDir::open(temp.path()).unwrap();
    let alice = Vault::open(&dir, None, Some([1; 32])).unwrap().keys;
    assert_eq!(alice.entropy(), &[1; 32]);
    assert_eq!(Vault::open(&dir, None, Some([1; 32])).unwrap().keys.device_id(), alice.device_id());
    assert!(matches!(Vault::open(&dir, None, Some([2; 32])), Err(StoreError::AccountExists { .. })));
}

#[test]
fn a_first_start_that_was_cut_short_is_completed_at_any_point() {
    let names = ["root", "account", "device", "transport"];
    for made in 0..names.len() {
        for temporary in [false, true] {
            // The passphrase is made costly on purpose: two of the eight are enough.
            let passphrase = (made % 2 == usize::from(temporary) && made < 2).then_some("horse");
            let temp = TempDir::new().unwrap();
            let dir = DataDir::open(temp.path()).unwrap();
            let first = Vault::open(&dir, passphrase, None).unwrap();
            for name in &names[made..] {
                fs::remove_file(temp.path().join("keys").join(name)).unwrap();
            }
            if temporary {
                fs::write(temp.path().join("keys").join(format!("{}.new", names[made])), b"tid").unwrap();
            }
            let second = Vault::open(&dir, passphrase, Some([9; 32])).unwrap();
            assert!(second.is_new);
            assert_eq!(second.is_protected, passphrase.is_some());
            assert_eq!(second.keys.entropy(), &[9; 32], "what was never used gives way to the phrase");
            assert_eq!(*first.root == *second.root, made > 0);
            let third = Vault::open(&dir, passphrase, None).unwrap();
            assert_eq!(third.keys.device_id(), second.keys.device_id());
        }
    }
}

#[test]
fn a_key_that_was_used_is_never_made_anew() {
    for name in ["root", "account", "device", "transport"] {
        let temp = TempDir::new().unwrap();
        let dir = DataDir::open(temp.path()).unwrap();
        let vault = Vault::open(&dir, None, None).unwrap();
        let (store, _) = Store::open(&dir, &vault.root).unwrap();
        store.close().unwrap();
        let path = temp.path().join("keys").join(name);
        let bytes = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let Err(StoreError::KeyMissing { path: missing }) = Vault::open(&dir, None, None) else { panic!("{name} was made anew") };
        assert_eq!(missing, path);
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1;
            fs::write(&path, flipped).unwrap();
            assert!(matches!(Vault::open(&dir, None, None), Err(StoreError::KeyDamaged { .. })), "{name} at {at}");
        }
        fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        assert!(matches!(Vault::open(&dir, None, None), Err(StoreError::KeyDamaged { .. })));
        fs::write(&path, bytes).unwrap();
        assert_eq!(Vault::open(&dir, None, None).unwrap().keys.device_id(), vault.keys.device_id());
    }
}

#[cfg(unix)]
#[test]
fn only_the_person_can_read_the_keys() {
    use std::os::unix::fs::PermissionsExt as _;
    let temp = TempDir::new().unwrap();
    let home = temp.path().join("alice");
    let dir = DataDir::open(&home).unwrap();
    Vault::open(&dir, None, None).unwrap();
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&home), 0o700);
    assert_eq!(mode(&home.join("keys")), 0o700);
    for name in ["root", "account", "device", "transport"] {
        assert_eq!(mode(&home.join("keys").join(name)), 0o600);
    }
}
