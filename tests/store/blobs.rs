//! Bodies of media in their files: sealed on the way in, read back through the seal, checked piece by piece on the way from others.

use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};

use tidings::store::{Blobs, Put, Store};
use tidings::types::limits::{CHUNK_BYTES, LISTING_DIGESTS_MAX};
use tidings::types::{Batch, Rng, Table, View as _};
use tidings::wire::blob::{Bits, Listing, Manifest, Stored, bits_key};
use tidings::wire::row;

fn bytes(count: u64) -> Vec<u8> {
    let mut rng = Rng::from_seed([7; 32]);
    (0..count.div_ceil(32)).flat_map(|_| rng.bytes::<32>()).take(count as usize).collect()
}

fn sealed(blobs: &Blobs, plain: &[u8]) -> Manifest {
    let mut sealer = blobs.create().unwrap();
    // In odd parts, as a socket gives them.
    plain.chunks(70_001).for_each(|part| sealer.write_all(part).unwrap());
    sealer.finish().unwrap()
}

/// A file of every awkward size, the largest with a page, goes from one directory to another in any order, and comes out as it went in.
#[test]
fn what_goes_in_comes_out_at_the_far_end_piece_by_piece() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (ours, theirs) = (Blobs::open(here.path()).unwrap(), Blobs::open(there.path()).unwrap());
    for size in [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES, CHUNK_BYTES * LISTING_DIGESTS_MAX as u64 + 9] {
        let plain = bytes(size);
        let manifest = sealed(&ours, &plain);
        let (listing, blob) = (&manifest.listing, manifest.listing.id());
        assert!(listing.is_sound() && listing.size == size);
        let mut sink = theirs.sink(&blob, || Some(listing.clone())).unwrap().unwrap();
        // Pages first, then from the last chunk to the first.
        let order = (listing.chunks()..listing.pieces()).chain((0..listing.chunks()).rev());
        let mut sum = 0;
        for piece in order {
            let bytes = ours.source(&blob, listing.clone()).unwrap().piece(piece).unwrap();
            sum += bytes.len() as u64;
            assert_eq!(sink.put(piece, &bytes).unwrap(), Put::Written);
        }
        sink.sync().unwrap();
        assert_eq!(sum, listing.sealed_bytes());
        let mut back = Vec::new();
        let mut reader = theirs.reader(&manifest).unwrap();
        reader.read_to_end(&mut back).unwrap();
        assert!(back == plain, "{size}");
        for at in [0, size / 2, size.saturating_sub(3)] {
            let mut part = Vec::new();
            reader.seek(SeekFrom::Start(at)).unwrap();
            (&mut reader).take(5).read_to_end(&mut part).unwrap();
            assert_eq!(part, plain[at as usize..(at as usize + 5).min(plain.len())]);
        }
    }
}

#[test]
fn nothing_but_the_piece_itself_is_taken_and_no_sealed_byte_can_change() {
    let dir = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(dir.path()).unwrap();
    let plain = bytes(3 * CHUNK_BYTES + 7);
    let manifest = sealed(&blobs, &plain);
    let (listing, blob) = (manifest.listing.clone(), manifest.listing.id());
    let mut sink = blobs.sink(&blob, || Some(listing.clone())).unwrap().unwrap();
    let right = blobs.source(&blob, listing.clone()).unwrap().piece(1).unwrap();
    let mut wrong = right.clone();
    wrong[100] ^= 1;
    assert_eq!(sink.put(1, &wrong).unwrap(), Put::Wrong);
    assert_eq!(sink.put(2, &right).unwrap(), Put::Wrong, "in another place");
    assert_eq!(sink.put(1, &right[..right.len() - 1]).unwrap(), Put::Wrong);
    assert_eq!(sink.put(4, &right).unwrap(), Put::Wrong, "there is no such piece");
    assert_eq!(sink.put(u32::MAX, &[]).unwrap(), Put::Wrong);
    assert_eq!(sink.put(1, &right).unwrap(), Put::Written);
    // The same words under another key, and a listing that cuts the end off.
    let mut other = Manifest { key: [9; 32], listing: listing.clone() };
    assert!(blobs.reader(&other).unwrap().read_to_end(&mut Vec::new()).is_err());
    other = Manifest { listing: Listing { size: 3 * CHUNK_BYTES, digests: listing.digests[..3].to_vec() }, key: manifest.key };
    fs::copy(dir.path().join("blobs").join(blob.to_string()), dir.path().join("blobs").join(other.listing.id().to_string())).unwrap();
    assert!(blobs.reader(&other).unwrap().read_to_end(&mut Vec::new()).is_err(), "the last chunk is not the last one");
}

/// Rows that speak of files which are not there (an old copy was restored), files without rows, uploads that broke off.
#[test]
fn rows_and_files_agree_after_a_start_and_damage_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let (blobs, store) = (Blobs::open(dir.path()).unwrap(), Store::memory());
    let (kept, lost, loose) = (sealed(&blobs, b"kept").listing, sealed(&blobs, b"lost").listing, sealed(&blobs, b"loose").listing);
    drop(blobs.create().unwrap());
    let mut batch = Batch::default();
    for listing in [&kept, &lost] {
        batch.put(Table::Blob, listing.id().0, row::encode(&Stored { listing: listing.clone(), wanted: false }));
        batch.put(Table::Blob, bits_key(&listing.id()), Bits::full(1).0);
    }
    store.apply(&batch).unwrap();
    let file = |listing: &Listing| dir.path().join("blobs").join(listing.id().to_string());
    fs::remove_file(file(&lost)).unwrap();
    fs::write(dir.path().join("blobs/0011.new"), b"half an upload").unwrap();
    let blobs = Blobs::open(dir.path()).unwrap();
    blobs.reconcile(&store).unwrap();
    assert!(store.get(Table::Blob, &bits_key(&kept.id())).is_some() && file(&kept).exists());
    assert!(store.get(Table::Blob, &bits_key(&lost.id())).is_none(), "it does not count as here");
    assert!(!file(&loose).exists() && fs::read_dir(dir.path().join("blobs")).unwrap().count() == 1);
    assert!(blobs.scrub(&store).is_empty());
    let mut bytes = fs::read(file(&kept)).unwrap();
    bytes[2] ^= 1;
    fs::write(file(&kept), bytes).unwrap();
    assert_eq!(blobs.scrub(&store), [kept.id()]);
}
