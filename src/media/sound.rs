//! How long a recording is, and how loud from beginning to end: by decoding it.

use std::io::{self, Read, Seek, SeekFrom};

use opus_pure::{MAX_PACKET_SAMPLES, OpusDecoder};
use symphonia::core::codecs::audio::well_known::CODEC_ID_OPUS;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::common::Limit;
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, Track, TrackType};
use symphonia::core::io::{MediaSource, MediaSourceStream};
use symphonia::core::meta::MetadataOptions;
use symphonia::core::packet::Packet;

use super::input::Input;
use super::kind::Format;
use crate::types::limits::{SOUND_DECODED_MS_MAX, SOUND_FILE_BYTES_MAX, SOUND_PACKETS_MAX, WAVEFORM_LEVELS_MAX};

/// What is heard in a file.
pub(super) struct Heard {
    /// 0: unknown.
    pub(super) duration_ms: u32,
    /// Empty: unknown.
    pub(super) waveform: Vec<u8>,
}

/// Samples of one channel in a second, of all Opus.
const OPUS_RATE: i32 = 48_000;

/// Reads the first track of sound to its end. A file beyond the limits has no waveform; its duration is what it says.
pub(super) fn heard<F: Read + Seek + Send + Sync>(input: &mut Input<'_, F>, format: Format) -> Option<Heard> {
    let length = input.length();
    let source = Bounded { file: input.rewound().ok()?, length, left: SOUND_FILE_BYTES_MAX };
    let stream = MediaSourceStream::new(Box::new(source), Default::default());
    let mut hint = Hint::new();
    hint.mime_type(format.mime(format.kind()));
    let metadata = MetadataOptions::default().limit_tag_bytes(Limit::Maximum(64 * 1024)).limit_visual_bytes(Limit::Maximum(1));
    let mut reader = symphonia::default::get_probe().probe(&hint, stream, FormatOptions::default(), metadata).ok()?;
    let track = reader.first_track(TrackType::Audio)?.clone();
    let (id, said) = (track.id, said_ms(&track));
    if length > SOUND_FILE_BYTES_MAX {
        return Some(Heard { duration_ms: said, waveform: Vec::new() });
    }
    let mut levels = Levels::default();
    let mut decoder = Decoder::new(track.codec_params.as_ref()?.audio()?, track.delay.unwrap_or(0));
    let (mut ticks, mut is_complete) = (0_u64, false);
    for _ in 0..SOUND_PACKETS_MAX {
        let packet = match reader.next_packet() {
            Ok(Some(packet)) => packet,
            Ok(None) => {
                is_complete = true;
                break;
            }
            // What is cut off sounds as far as it goes.
            Err(Error::IoError(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                is_complete = true;
                break;
            }
            Err(_) => break,
        };
        if packet.track_id != id {
            continue;
        }
        ticks = ticks.saturating_add(packet.dur.get());
        if levels.ms() > SOUND_DECODED_MS_MAX {
            decoder = Decoder::None;
        }
        decoder.decode(&packet, &mut levels);
    }
    let was_decoded = is_complete && !matches!(decoder, Decoder::None) && levels.frames > 0;
    let of_packets = track.time_base.and_then(|base| base.calc_duration(ticks.into())).map_or(0, |time| to_ms(time.as_millis()));
    let duration_ms = match (was_decoded, is_complete, said) {
        (true, ..) => u32::try_from(levels.ms()).unwrap_or(u32::MAX),
        (false, _, said) if said > 0 => said,
        (false, true, _) => of_packets,
        (false, false, _) => 0,
    };
    Some(Heard { duration_ms, waveform: if was_decoded { levels.waveform() } else { Vec::new() } })
}

/// What the file says about itself.
fn said_ms(track: &Track) -> u32 {
    let time = track.time_base.zip(track.duration).and_then(|(base, duration)| base.calc_duration(duration));
    time.map_or(0, |time| to_ms(time.as_millis()))
}

fn to_ms(ms: i128) -> u32 {
    u32::try_from(ms.max(0)).unwrap_or(u32::MAX)
}

/// What turns packets into samples.
enum Decoder {
    Opus {
        decoder: Box<OpusDecoder>,
        samples: Vec<f32>,
        channels: usize,
        /// Frames that the encoder put before the first one (RFC 7845 section 4.2).
        delay: usize,
    },
    Other {
        decoder: Box<dyn AudioDecoder>,
        samples: Vec<f32>,
    },
    None,
}

impl Decoder {
    fn new(track: &AudioCodecParameters, delay: u32) -> Self {
        if track.codec == CODEC_ID_OPUS {
            let channels = track.channels.as_ref().map_or(1, symphonia::core::audio::Channels::count);
            let Ok(decoder) = OpusDecoder::new(OPUS_RATE, channels) else { return Self::None };
            let samples = vec![0.0; MAX_PACKET_SAMPLES * channels];
            return Self::Opus { decoder: Box::new(decoder), samples, channels, delay: delay as usize };
        }
        match symphonia::default::get_codecs().make_audio_decoder(track, &AudioDecoderOptions::default()) {
            Ok(decoder) => Self::Other { decoder, samples: Vec::new() },
            Err(_) => Self::None,
        }
    }

    /// A packet that is damaged is left out, as players do.
    fn decode(&mut self, packet: &Packet, levels: &mut Levels) {
        match self {
            Self::Opus { decoder, samples, channels, delay } => {
                if packet.data.is_empty() {
                    return;
                }
                let Ok(frames) = decoder.decode(&packet.data, MAX_PACKET_SAMPLES, samples) else { return };
                let from = (*delay).min(frames);
                *delay -= from;
                let to = frames - usize::try_from(packet.trim_end.get()).unwrap_or(frames).min(frames);
                levels.add(OPUS_RATE.unsigned_abs(), samples.get(from * *channels..to * *channels).unwrap_or_default(), *channels);
            }
            Self::Other { decoder, samples } => {
                let Ok(buffer) = decoder.decode(packet) else { return };
                let (rate, channels) = (buffer.spec().rate(), buffer.spec().channels().count());
                samples.clear();
                buffer.copy_to_vec_interleaved(samples);
                levels.add(rate, samples, channels);
            }
            Self::None => {}
        }
    }
}

/// Loudness over time, in a number of steps that does not grow: when all are full, two become one.
#[derive(Default)]
struct Levels {
    /// Sums of squares.
    steps: Vec<f64>,
    /// Frames in the last step, and in each full one.
    last: u64,
    per_step: u64,
    frames: u64,
    rate: u32,
}

impl Levels {
    /// Steps at most: several for each level shown.
    const STEPS: usize = 16 * WAVEFORM_LEVELS_MAX;

    fn add(&mut self, rate: u32, samples: &[f32], channels: usize) {
        if self.rate == 0 {
            (self.rate, self.per_step) = (rate.max(1), u64::from(rate / 100).max(1));
        }
        for frame in samples.chunks_exact(channels.max(1)) {
            let power: f64 = frame.iter().map(|sample| if sample.is_finite() { f64::from(*sample).powi(2) } else { 0.0 }).sum();
            if self.steps.is_empty() || self.last == self.per_step {
                if self.steps.len() == Self::STEPS {
                    self.steps = self.steps.chunks(2).map(|pair| pair.iter().sum()).collect();
                    self.per_step *= 2;
                }
                self.steps.push(0.0);
                self.last = 0;
            }
            if let Some(step) = self.steps.last_mut() {
                *step += power / channels.max(1) as f64;
            }
            self.last += 1;
            self.frames += 1;
        }
    }

    fn ms(&self) -> u64 {
        self.frames.saturating_mul(1_000) / u64::from(self.rate.max(1))
    }

    /// The effective value in each of the levels, the loudest 255. Silence is silence: nothing is made louder that nobody hears.
    fn waveform(&self) -> Vec<u8> {
        const INAUDIBLE: f64 = 1e-4;
        let count = WAVEFORM_LEVELS_MAX.min(self.steps.len());
        let loud: Vec<f64> = (0..count)
            .map(|at| {
                let (from, to) = (at * self.steps.len() / count, (at + 1) * self.steps.len() / count);
                let frames = (to - from) as u64 * self.per_step - if to == self.steps.len() { self.per_step - self.last } else { 0 };
                (self.steps[from..to].iter().sum::<f64>() / frames.max(1) as f64).sqrt()
            })
            .collect();
        let loudest = loud.iter().copied().fold(INAUDIBLE, f64::max);
        loud.iter().map(|level| (level / loudest * 255.0).round().clamp(0.0, 255.0) as u8).collect()
    }
}

/// A file of which at most so many bytes are read: an endless one ends.
struct Bounded<'a, F> {
    file: &'a mut F,
    length: u64,
    left: u64,
}

impl<F: Read> Read for Bounded<'_, F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.file.read(&mut buffer[..room])?;
        self.left -= count as u64;
        Ok(count)
    }
}

impl<F: Seek> Seek for Bounded<'_, F> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

impl<F: Read + Seek + Send + Sync> MediaSource for Bounded<'_, F> {
    fn is_seekable(&self) -> bool {
        true
    }

    fn byte_len(&self) -> Option<u64> {
        Some(self.length)
    }
}
