//! A sound as bytes for the wire, and back: FLAC where its samples came from 16 or 24 bits, else floats; exact either way.
//!
//! Only this file names `flac_codec`, which writes FLAC; it is read by the decoder that reads everybody's files. Deliberately
//! absent: loss. A clip is judged by its sound.

use std::io::Cursor;
use std::sync::Arc;

use flac_codec::encode::{FlacSampleWriter, Options};

use super::wire::{Codec, Header, SAMPLES};
use crate::audio::Sound;
use crate::audio::decode::decode_within;

/// The bits that files have; more than 24 are none that a float could hold.
const DEPTHS: [u32; 2] = [16, 24];

/// The sound as it is sent: what would be too long is mixed to one channel, and what is too long even then is cut off.
pub(super) fn fitting(sound: &Arc<Sound>) -> Arc<Sound> {
    if sound.samples.len() as u64 <= SAMPLES {
        return Arc::clone(sound);
    }
    let mut wave = sound.mono();
    wave.samples.truncate(SAMPLES as usize);
    Arc::new(Sound { samples: wave.samples, channels: 1, rate: wave.rate })
}

/// What to announce of a sound that fits, and its bytes.
pub(super) fn pack(sound: &Sound) -> (Header, Vec<u8>) {
    let flac = DEPTHS.iter().find_map(|&bits| flac(sound, bits));
    let codec = if flac.is_some() { Codec::Flac } else { Codec::Floats };
    let bytes = flac.unwrap_or_else(|| sound.samples.iter().flat_map(|sample| sample.to_le_bytes()).collect());
    let header = Header {
        hash: sound.facts().hash,
        rate: sound.rate,
        channels: sound.channels,
        frames: sound.frames() as u64,
        codec,
        bytes: bytes.len() as u64,
    };
    (header, bytes)
}

/// The sound that was announced, if the bytes are that sound; else one line on what they are.
pub(super) fn unpack(header: &Header, bytes: &[u8]) -> Result<Sound, String> {
    let sound = match header.codec {
        // The marker keeps the decoder from trying other formats on bytes that claim to be FLAC.
        Codec::Flac if !bytes.starts_with(b"fLaC") => return Err("a sound that is not FLAC".into()),
        Codec::Flac => decode_within(bytes, header.samples() as usize).map_err(|error| format!("a sound: {error}"))?,
        Codec::Floats => {
            let samples = bytes.chunks_exact(4).map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]]));
            Sound { samples: samples.collect(), channels: header.channels, rate: header.rate }
        }
    };
    if !sound.samples.iter().all(|sample| sample.is_finite()) {
        return Err("a sound with samples that are no numbers".into());
    }
    if sound.facts().hash == header.hash { Ok(sound) } else { Err("a sound that is not the one announced".into()) }
}

/// `None` where a sample is not one of that many bits, or FLAC has no room for the rate, the channels or so short a sound.
fn flac(sound: &Sound, bits: u32) -> Option<Vec<u8>> {
    let full = (1_u32 << (bits - 1)) as f32;
    let whole = |sample: f32| {
        let scaled = sample * full;
        let fits = scaled.fract() == 0.0 && (-full..full).contains(&scaled);
        // FLAC has no negative zero.
        (fits && sample.to_bits() != (-0.0_f32).to_bits()).then_some(scaled as i32)
    };
    let samples: Vec<i32> = sound.samples.iter().map(|&sample| whole(sample)).collect::<Option<_>>()?;
    let mut file = Cursor::new(Vec::new());
    let (options, channels) = (Options::best().no_padding().no_seektable(), u8::try_from(sound.channels).ok()?);
    let total = Some(samples.len() as u64);
    let mut writer = FlacSampleWriter::new(&mut file, options, sound.rate, bits, channels, total).ok()?;
    writer.write(&samples).ok()?;
    writer.finalize().ok()?;
    let bytes = file.into_inner();
    (bytes.len() < 4 * samples.len()).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound(channels: u16, samples: impl Iterator<Item = f32>) -> Sound {
        Sound { samples: samples.collect(), channels, rate: 16_000 }
    }

    /// Packs, unpacks and tells the codec.
    fn round(sound: &Sound) -> Codec {
        let (header, bytes) = pack(sound);
        assert_eq!(unpack(&header, &bytes).as_ref(), Ok(sound));
        header.codec
    }

    #[test]
    fn every_depth_comes_back_to_the_bit() {
        let wave = |full: f32| (0..4_000).map(move |n| ((n as f32 / 9.0).sin() * 0.9 * full).round() / full);
        assert_eq!(round(&sound(1, wave(32_768.0))), Codec::Flac);
        assert_eq!(round(&sound(2, wave(8_388_608.0))), Codec::Flac);
        assert_eq!(round(&sound(1, wave(8_388_608.0).map(|sample| sample * 0.7))), Codec::Floats);
        assert_eq!(round(&sound(1, [-1.0, 0.5, 0.0].into_iter().cycle().take(900))), Codec::Flac);
        assert_eq!(round(&sound(1, [-0.0, 1.0, 3.5].into_iter().cycle().take(900))), Codec::Floats);
        assert_eq!(round(&sound(12, wave(32_768.0).take(1_200))), Codec::Floats);
        assert_eq!(round(&sound(1, [0.25].into_iter())), Codec::Floats);
    }

    #[test]
    fn noise_is_no_longer_as_flac_than_as_floats() {
        let noise = (0..5_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 16) as i16);
        let (header, bytes) = pack(&sound(1, noise.map(|sample| f32::from(sample) / 32_768.0)));
        assert!(bytes.len() <= 10_400, "{}", bytes.len());
        assert_eq!(header.bytes, bytes.len() as u64);
    }

    #[test]
    fn other_bytes_than_announced_are_refused() {
        let (header, mut bytes) = pack(&sound(1, (0..4_000).map(|n| (n % 100) as f32 / 128.0)));
        let fewer = Header { frames: 3_999, ..header };
        assert_eq!(unpack(&fewer, &bytes).map(drop), Err("a sound: too long: more samples than announced".into()));
        let at = bytes.len() - 50;
        bytes[at] ^= 1;
        assert!(unpack(&header, &bytes).is_err());
        assert_eq!(unpack(&header, b"RIFF....WAVE").map(drop), Err("a sound that is not FLAC".into()));
        let (header, mut bytes) = pack(&sound(1, [0.3, 0.1].into_iter()));
        bytes[..4].copy_from_slice(&f32::NAN.to_le_bytes());
        assert_eq!(unpack(&header, &bytes).map(drop), Err("a sound with samples that are no numbers".into()));
    }

    #[test]
    fn what_is_too_long_is_mixed_and_cut() {
        let short = Arc::new(sound(1, [0.5; 9].into_iter()));
        assert!(Arc::ptr_eq(&fitting(&short), &short));
        let long = Arc::new(Sound { samples: vec![0.5; SAMPLES as usize + 2], channels: 2, rate: 48_000 });
        assert_eq!((fitting(&long).channels, fitting(&long).frames()), (1, long.frames()));
    }
}
