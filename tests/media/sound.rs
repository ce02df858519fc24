//! Voice messages and other recordings.

use tidings::media::{MediaError, Wants};
use tidings::wire::media::MediaKind;

use super::{as_voice, golden, looked, sent, tells};

/// A quarter of a second of silence, half a second of a tone, a quarter of silence.
fn sounds_right(waveform: &[u8], name: &str) {
    let part = |from: usize, to: usize| &waveform[from * waveform.len() / 100..to * waveform.len() / 100];
    assert!(waveform.len() >= 32, "{name}: {}", waveform.len());
    assert!(part(0, 18).iter().all(|level| *level < 16), "{name}: {waveform:?}");
    assert!(part(35, 65).iter().all(|level| *level > 180), "{name}: {waveform:?}");
    assert!(part(88, 100).iter().all(|level| *level < 16), "{name}: {waveform:?}");
    assert_eq!(waveform.iter().max(), Some(&255), "{name}");
}

#[test]
fn a_voice_message_shows_how_long_and_how_loud() {
    for (name, mime) in [("voice.ogg", "audio/ogg"), ("voice.webm", "audio/webm")] {
        let (preview, _) = looked(&golden(name), name, as_voice()).unwrap();
        assert_eq!((preview.kind, preview.mime.as_str()), (MediaKind::Voice, mime));
        assert!((990..=1_040).contains(&preview.duration_ms), "{name}: {} ms", preview.duration_ms);
        sounds_right(&preview.waveform, name);
    }
}

#[test]
fn other_recordings_are_sounds() {
    let mut wav = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\x80\x3e\0\0".to_vec();
    wav.extend((0..8_000_u32).flat_map(|at| {
        let level = if (2_000..6_000).contains(&at) { (f64::from(at) * 0.17).sin() * 16_000.0 } else { 0.0 };
        (level as i16).to_le_bytes()
    }));
    let size = u32::try_from(wav.len() - 8).unwrap().to_le_bytes();
    wav[4..8].copy_from_slice(&size);
    let sounds = [
        ("song.wav", "audio/wav", wav),
        ("song.mp3", "audio/mpeg", golden("song.mp3")),
        ("song.m4a", "audio/mp4", golden("song.m4a")),
        ("voice.ogg", "audio/ogg", golden("voice.ogg")),
    ];
    for (name, mime, bytes) in sounds {
        let (preview, _) = sent(&bytes, name);
        assert_eq!((preview.kind, preview.mime.as_str()), (MediaKind::Audio, mime), "{name}");
        assert!((950..=1_150).contains(&preview.duration_ms), "{name}: {} ms", preview.duration_ms);
        if name != "song.mp3" && name != "song.m4a" {
            sounds_right(&preview.waveform, name);
        }
        assert_eq!(preview.waveform.iter().max(), Some(&255), "{name}");
    }
}

#[test]
fn a_song_keeps_its_title_and_loses_where_it_was_recorded() {
    let song = golden("song.m4a");
    let has = |bytes: &[u8], word: &[u8]| bytes.windows(word.len()).any(|window| window == word);
    assert!(has(&song, b"at home"));
    let (_, clean) = sent(&song, "song.m4a");
    assert!(tells(&clean).is_empty());
    assert!(has(&clean, b"Song"), "its title is for who listens");
    let (_, spoken) = looked(&song, "song.m4a", as_voice()).unwrap();
    assert!(!has(&spoken, b"Song"), "a recorder writes a place as the title of what was said");
}

#[test]
fn only_a_sound_is_a_voice_message() {
    for name in ["photo.jpg", "film.mp4", "film.webm"] {
        assert!(matches!(looked(&golden(name), name, as_voice()), Err(MediaError::NotVoice)), "{name}");
    }
    assert!(matches!(looked(b"", "nothing.ogg", as_voice()), Err(MediaError::NotVoice)));
    assert!(looked(&golden("voice.ogg"), "", Wants { keep_metadata: true, as_voice: true }).is_ok());
}

#[test]
fn silence_is_shown_as_silence() {
    let mut wav = b"RIFF\xa4\x3e\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\x80\x3e\0\0".to_vec();
    wav.extend([0; 16_000]);
    let (preview, _) = sent(&wav, "a.wav");
    assert_eq!(preview.duration_ms, 1_000);
    assert!(preview.waveform.len() == 64 && preview.waveform.iter().all(|level| *level == 0));
}
