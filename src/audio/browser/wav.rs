//! A sound as the page gets it: a WAV file in 16 bits, at the speed asked for with its pitch kept.
//!
//! Deliberately absent: other speeds by the browser itself, whose loops are not exact to the sample then.

use crate::audio::Sound;

/// The bytes of the file: one channel, or two.
pub(super) fn bytes(sound: &Sound, speed: f32) -> Vec<u8> {
    let sound = sound.at_speed(speed);
    let width = 2 * u32::from(sound.channels);
    let length = u32::try_from(2 * sound.samples.len()).unwrap_or(u32::MAX - 36);
    let mut file = Vec::with_capacity(44 + length as usize);
    file.extend(b"RIFF");
    file.extend((36 + length).to_le_bytes());
    file.extend(b"WAVEfmt \x10\0\0\0\x01\0");
    file.extend(sound.channels.to_le_bytes());
    file.extend(sound.rate.to_le_bytes());
    file.extend((sound.rate * width).to_le_bytes());
    file.extend([width as u8, 0, 16, 0]);
    file.extend(b"data");
    file.extend(length.to_le_bytes());
    let whole = |sample: &f32| (sample.clamp(-1.0, 1.0) * 32_767.0).round() as i16;
    file.extend(sound.samples.iter().flat_map(|sample| whole(sample).to_le_bytes()));
    file
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::audio::decode_bytes;

    #[test]
    fn what_is_sent_is_what_was_decoded() {
        for channels in [1, 2, 3] {
            let samples = (0..600 * usize::from(channels)).map(|n| ((n % 97) as f32 - 48.0) / 50.0).collect();
            let sound = Sound { samples, channels, rate: 8_000 };
            let back = decode_bytes(&bytes(&sound, 1.0)).unwrap();
            let expected = if channels == 3 { sound.mono().samples } else { sound.samples.clone() };
            assert_eq!((back.channels, back.rate), (if channels == 3 { 1 } else { channels }, 8_000));
            let off = back.samples.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(back.samples.len() == expected.len() && off < 1e-4, "{channels}: {off}");
            assert_eq!(decode_bytes(&bytes(&sound, 2.0)).unwrap().frames(), 300);
        }
    }
}
