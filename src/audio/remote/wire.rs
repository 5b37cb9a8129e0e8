//! The messages between a program whose clips lie on a server and the companion that plays them on a laptop, byte by byte.
//!
//! `docs/protocol.md` is the page of this file. Every length is checked before room is made for it, every number before it
//! is used, so that the other end can ask for nothing but sound. Deliberately absent: sockets, threads, and what the
//! messages lead to.

use std::io::{self, Read, Write};

use crate::audio::{AudioHash, Tuning};

/// The version of the messages: raised with every change of them. Both ends must speak the same.
pub const PROTOCOL: u16 = 1;
/// Bytes of a message after its length, at most.
pub const LONGEST: usize = 64 * 1024;
/// Bytes of sound in a message, at most: what is urgent waits behind one such message.
pub const CHUNK: usize = 8 * 1024;
/// Samples of a sound over all channels, at most: 128 MiB in memory, 35 minutes of 16 kHz mono.
pub const SAMPLES: u64 = 1 << 25;
/// Bytes of a text, at most.
const TEXT: usize = 256;
/// Bytes that a codec adds to a sound, at most: headers of FLAC's frames, for blocks of one sample each.
const ADDED: u64 = 64 * 1024;
/// Factor on the samples, at most: what makes the softest clip loud. Full scale is the device's own bound.
const LOUDEST: f32 = 10_000.0;
/// First bytes of a greeting: whoever answers with others is no companion.
const MAGIC: [u8; 6] = *b"emolab";

/// Bytes that nobody else can know or foresee.
pub type Nonce = [u8; 32];

/// From the program beside the clips to the companion.
#[derive(Debug, Clone, PartialEq)]
pub enum Far {
    /// The answer to a greeting: who asks, and the proof that it knows the secret.
    Hello {
        /// Version of the program.
        version: String,
        /// Name of the machine.
        host: String,
        /// For the companion's proof.
        nonce: Nonce,
        /// See [`super::secret::Secret::prove`].
        proof: [u8; 32],
    },
    /// A sound may follow in chunks, if the companion needs it.
    Sound(Header),
    /// Bytes of a sound that was announced and is needed.
    Chunk {
        /// Of the sound.
        hash: AudioHash,
        /// How many bytes came before: chunks of a sound come in order.
        at: u64,
        /// At most [`CHUNK`] bytes.
        data: Vec<u8>,
    },
    /// The rest of an announced sound will not follow.
    Forget(AudioHash),
    /// Play, as soon as the sound is whole, instead of what plays.
    Play {
        /// Number of this take, for the replies.
        take: u64,
        /// Of a sound that was announced.
        hash: AudioHash,
        /// Seconds into the sound.
        from: f64,
        /// How.
        tuning: Tuning,
    },
    /// Play on in another way.
    Tune(Tuning),
    /// Fall silent.
    Stop,
    /// Answer with the same number.
    Ping(u64),
}

/// From the companion to the program beside the clips.
#[derive(Debug, Clone, PartialEq)]
pub enum Near {
    /// The first message of all.
    Greeting {
        /// Version of the program.
        version: String,
        /// For the other side's proof.
        nonce: Nonce,
    },
    /// The secret is the same: sounds may come.
    Welcome {
        /// Name of the laptop.
        host: String,
        /// That this is the companion which the secret was made for.
        proof: [u8; 32],
        /// Bytes of sound a second, at most; 0 = as many as the line carries.
        limit: u32,
    },
    /// No sounds; the connection ends.
    Refused(String),
    /// The announced sound is here already.
    Have(AudioHash),
    /// Send the announced sound.
    Need(AudioHash),
    /// Bytes of sound that have arrived since the welcome.
    Got(u64),
    /// The take is being played.
    Started(u64),
    /// How far the take has come.
    At {
        /// Its number.
        take: u64,
        /// Seconds into the sound.
        position: f64,
    },
    /// The take came to its end.
    Finished(u64),
    /// Nothing can be heard any more.
    Lost(String),
    /// The number of a ping.
    Pong(u64),
}

/// What is known of a sound before its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Of its samples.
    pub hash: AudioHash,
    /// Frames per second.
    pub rate: u32,
    /// Channels, at least 1.
    pub channels: u16,
    /// Samples per channel, at least 1.
    pub frames: u64,
    /// What its bytes mean.
    pub codec: Codec,
    /// How many follow.
    pub bytes: u64,
}

/// How a sound lies in its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// A FLAC stream.
    Flac,
    /// Interleaved 32-bit floats, little-endian.
    Floats,
}

/// Why a message could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// The connection's own.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The other end is of another version.
    #[error(
        "the other side runs emolab {version} (protocol {theirs}), this one {} (protocol {PROTOCOL}): \
         install the same version on both",
        env!("CARGO_PKG_VERSION")
    )]
    Protocol {
        /// The other end's protocol.
        theirs: u16,
        /// The other end's program.
        version: String,
    },
    /// Not a message of this protocol; the text says which rule it breaks.
    #[error("not a message of emolab: {0}")]
    Malformed(&'static str),
}

/// What both directions have: a kind and fields.
pub trait Message: Sized {
    /// The kind's number and the fields, appended.
    fn encode(&self, into: &mut Vec<u8>);
    /// The message of this kind with these fields, all of which must be used.
    ///
    /// # Errors
    /// [`WireError`].
    fn decode(kind: u8, fields: &mut Fields<'_>) -> Result<Self, WireError>;
}

/// A message as it lies on the wire: its length (u32, little-endian), then kind and fields.
pub fn bytes<M: Message>(message: &M) -> Vec<u8> {
    let mut bytes = vec![0; 4];
    message.encode(&mut bytes);
    let length = u32::try_from(bytes.len() - 4).unwrap_or(u32::MAX);
    bytes[..4].copy_from_slice(&length.to_le_bytes());
    bytes
}

/// Sends one message.
///
/// # Errors
/// The connection's.
pub fn write<M: Message>(stream: &mut impl Write, message: &M) -> io::Result<()> {
    stream.write_all(&bytes(message))?;
    stream.flush()
}

/// Waits for one message; takes no more memory than [`LONGEST`], whatever comes.
///
/// # Errors
/// [`WireError`]; the end of the stream is [`io::ErrorKind::UnexpectedEof`].
pub fn read<M: Message>(stream: &mut impl Read) -> Result<M, WireError> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = u32::from_le_bytes(length) as usize;
    if !(1..=LONGEST).contains(&length) {
        return Err(WireError::Malformed("length out of bounds"));
    }
    let mut message = vec![0; length];
    stream.read_exact(&mut message)?;
    let mut fields = Fields(&message);
    let kind = fields.u8()?;
    let message = M::decode(kind, &mut fields)?;
    if fields.0.is_empty() { Ok(message) } else { Err(WireError::Malformed("bytes left over")) }
}

impl Message for Far {
    fn encode(&self, into: &mut Vec<u8>) {
        match self {
            Far::Hello { version, host, nonce, proof } => {
                into.push(1);
                into.extend(PROTOCOL.to_le_bytes());
                text(version, into);
                text(host, into);
                into.extend(nonce);
                into.extend(proof);
            }
            Far::Sound(header) => header.encode(into),
            Far::Chunk { hash, at, data } => {
                into.push(3);
                into.extend(hash.0);
                into.extend(at.to_le_bytes());
                into.extend(data);
            }
            Far::Forget(hash) => hashed(4, hash, into),
            Far::Play { take, hash, from, tuning } => {
                numbered(5, *take, into);
                into.extend(hash.0);
                into.extend(from.to_le_bytes());
                tuned(tuning, into);
            }
            Far::Tune(tuning) => {
                into.push(6);
                tuned(tuning, into);
            }
            Far::Stop => into.push(7),
            Far::Ping(number) => numbered(8, *number, into),
        }
    }

    fn decode(kind: u8, fields: &mut Fields<'_>) -> Result<Far, WireError> {
        Ok(match kind {
            1 => {
                let version = fields.protocol()?;
                Far::Hello { version, host: fields.text()?, nonce: fields.array()?, proof: fields.array()? }
            }
            2 => Far::Sound(Header::decode(fields)?),
            3 => Far::Chunk { hash: fields.hash()?, at: fields.u64()?, data: fields.chunk()? },
            4 => Far::Forget(fields.hash()?),
            5 => {
                let (take, hash) = (fields.u64()?, fields.hash()?);
                Far::Play { take, hash, from: fields.seconds()?, tuning: fields.tuning()? }
            }
            6 => Far::Tune(fields.tuning()?),
            7 => Far::Stop,
            8 => Far::Ping(fields.u64()?),
            _ => return Err(WireError::Malformed("unknown kind")),
        })
    }
}

impl Message for Near {
    fn encode(&self, into: &mut Vec<u8>) {
        match self {
            Near::Greeting { version, nonce } => {
                into.push(129);
                into.extend(MAGIC);
                into.extend(PROTOCOL.to_le_bytes());
                text(version, into);
                into.extend(nonce);
            }
            Near::Welcome { host, proof, limit } => {
                into.push(130);
                text(host, into);
                into.extend(proof);
                into.extend(limit.to_le_bytes());
            }
            Near::Refused(reason) => said(131, reason, into),
            Near::Have(hash) => hashed(132, hash, into),
            Near::Need(hash) => hashed(133, hash, into),
            Near::Got(bytes) => numbered(134, *bytes, into),
            Near::Started(take) => numbered(135, *take, into),
            Near::At { take, position } => {
                numbered(136, *take, into);
                into.extend(position.to_le_bytes());
            }
            Near::Finished(take) => numbered(137, *take, into),
            Near::Lost(reason) => said(138, reason, into),
            Near::Pong(number) => numbered(139, *number, into),
        }
    }

    fn decode(kind: u8, fields: &mut Fields<'_>) -> Result<Near, WireError> {
        Ok(match kind {
            129 => {
                if fields.array()? != MAGIC {
                    return Err(WireError::Malformed("not a companion"));
                }
                Near::Greeting { version: fields.protocol()?, nonce: fields.array()? }
            }
            130 => Near::Welcome { host: fields.text()?, proof: fields.array()?, limit: fields.u32()? },
            131 => Near::Refused(fields.text()?),
            132 => Near::Have(fields.hash()?),
            133 => Near::Need(fields.hash()?),
            134 => Near::Got(fields.u64()?),
            135 => Near::Started(fields.u64()?),
            136 => Near::At { take: fields.u64()?, position: fields.seconds()? },
            137 => Near::Finished(fields.u64()?),
            138 => Near::Lost(fields.text()?),
            139 => Near::Pong(fields.u64()?),
            _ => return Err(WireError::Malformed("unknown kind")),
        })
    }
}

impl Header {
    /// Samples over all channels.
    pub fn samples(&self) -> u64 {
        self.frames.saturating_mul(u64::from(self.channels))
    }

    fn encode(&self, into: &mut Vec<u8>) {
        hashed(2, &self.hash, into);
        into.extend(self.rate.to_le_bytes());
        into.extend(self.channels.to_le_bytes());
        into.extend(self.frames.to_le_bytes());
        into.push(match self.codec {
            Codec::Flac => 0,
            Codec::Floats => 1,
        });
        into.extend(self.bytes.to_le_bytes());
    }

    fn decode(fields: &mut Fields<'_>) -> Result<Header, WireError> {
        let (hash, rate, channels) = (fields.hash()?, fields.u32()?, fields.u16()?);
        let frames = fields.u64()?;
        let codec = match fields.u8()? {
            0 => Codec::Flac,
            1 => Codec::Floats,
            _ => return Err(WireError::Malformed("unknown codec")),
        };
        let header = Header { hash, rate, channels, frames, codec, bytes: fields.u64()? };
        let (samples, plain) = (header.samples(), 4 * header.samples().min(SAMPLES));
        let fits = match codec {
            Codec::Flac => (1..=plain + ADDED).contains(&header.bytes),
            Codec::Floats => header.bytes == plain,
        };
        let sound = (1_000..=768_000).contains(&rate) && channels > 0 && (1..=SAMPLES).contains(&samples);
        if sound && fits { Ok(header) } else { Err(WireError::Malformed("sound out of bounds")) }
    }
}

/// What is left of a message.
#[derive(Debug)]
pub struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let (array, rest) = self.0.split_first_chunk().ok_or(WireError::Malformed("too short"))?;
        self.0 = rest;
        Ok(*array)
    }

    fn u8(&mut self) -> Result<u8, WireError> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    fn u16(&mut self) -> Result<u16, WireError> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    fn u32(&mut self) -> Result<u32, WireError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn u64(&mut self) -> Result<u64, WireError> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    fn hash(&mut self) -> Result<AudioHash, WireError> {
        Ok(AudioHash(self.array()?))
    }

    /// A place in a sound.
    fn seconds(&mut self) -> Result<f64, WireError> {
        within(f64::from_le_bytes(self.array()?), 0.0, 1e9)
    }

    /// At most [`TEXT`] bytes without control characters: it may be shown on a terminal.
    fn text(&mut self) -> Result<String, WireError> {
        let length = usize::from(self.u16()?);
        if length > TEXT {
            return Err(WireError::Malformed("text too long"));
        }
        let (text, rest) = self.0.split_at_checked(length).ok_or(WireError::Malformed("too short"))?;
        self.0 = rest;
        let text = std::str::from_utf8(text).map_err(|_| WireError::Malformed("text not UTF-8"))?;
        if text.chars().any(char::is_control) {
            return Err(WireError::Malformed("control character in a text"));
        }
        Ok(text.to_owned())
    }

    /// Protocol and version of the program, which every protocol has here; another protocol is an error that tells both.
    fn protocol(&mut self) -> Result<String, WireError> {
        let (theirs, version) = (self.u16()?, self.text()?);
        if theirs == PROTOCOL { Ok(version) } else { Err(WireError::Protocol { theirs, version }) }
    }

    /// All that is left.
    fn chunk(&mut self) -> Result<Vec<u8>, WireError> {
        if !(1..=CHUNK).contains(&self.0.len()) {
            return Err(WireError::Malformed("chunk out of bounds"));
        }
        Ok(std::mem::take(&mut self.0).to_vec())
    }

    fn tuning(&mut self) -> Result<Tuning, WireError> {
        let speed = within(f32::from_le_bytes(self.array()?), 0.5, 2.0)?;
        let volume = within(f32::from_le_bytes(self.array()?), 0.0, LOUDEST)?;
        let flags = self.u8()?;
        let region = match flags {
            0 | 1 => None,
            2 | 3 => Some((self.seconds()?, self.seconds()?)),
            _ => return Err(WireError::Malformed("unknown flag")),
        };
        if region.is_some_and(|(from, to)| from > to) {
            return Err(WireError::Malformed("region ends before it begins"));
        }
        Ok(Tuning { speed, volume, looping: flags & 1 == 1, region })
    }
}

/// NaN is within no bounds.
fn within<T: PartialOrd>(value: T, low: T, high: T) -> Result<T, WireError> {
    if value >= low && value <= high { Ok(value) } else { Err(WireError::Malformed("number out of bounds")) }
}

fn numbered(kind: u8, number: u64, into: &mut Vec<u8>) {
    into.push(kind);
    into.extend(number.to_le_bytes());
}

fn hashed(kind: u8, hash: &AudioHash, into: &mut Vec<u8>) {
    into.push(kind);
    into.extend(hash.0);
}

fn said(kind: u8, reason: &str, into: &mut Vec<u8>) {
    into.push(kind);
    text(reason, into);
}

/// As much of a text as may be sent, its control characters as spaces.
fn text(text: &str, into: &mut Vec<u8>) {
    let mut bounded = String::new();
    for c in text.chars().map(|c| if c.is_control() { ' ' } else { c }) {
        if bounded.len() + c.len_utf8() > TEXT {
            break;
        }
        bounded.push(c);
    }
    into.extend((bounded.len() as u16).to_le_bytes());
    into.extend(bounded.as_bytes());
}

/// What can be sent is within the bounds that the other end checks.
fn tuned(tuning: &Tuning, into: &mut Vec<u8>) {
    // NaN is no speed either; `clamp` would let it pass.
    let held = |value: f32, low: f32, high: f32| if value >= low { value.min(high) } else { low };
    into.extend(held(tuning.speed, 0.5, 2.0).to_le_bytes());
    into.extend(held(tuning.volume, 0.0, LOUDEST).to_le_bytes());
    into.push(u8::from(tuning.looping) + 2 * u8::from(tuning.region.is_some()));
    if let Some((from, to)) = tuning.region {
        into.extend(from.to_le_bytes());
        into.extend(to.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn hash() -> impl Strategy<Value = AudioHash> {
        any::<[u8; 32]>().prop_map(AudioHash)
    }

    fn tuning() -> impl Strategy<Value = Tuning> {
        let region = proptest::option::of((0.0..50.0, 50.0..900.0));
        (0.5_f32..=2.0, 0.0_f32..9.0, any::<bool>(), region).prop_map(|(speed, volume, looping, region)| Tuning {
            speed,
            volume,
            looping,
            region,
        })
    }

    fn header() -> impl Strategy<Value = Header> {
        (hash(), 1_000_u32..=768_000, 1_u16..9, 1_u64..1_000_000, any::<bool>(), 0.0..1.0).prop_map(
            |(hash, rate, channels, frames, flac, part)| {
                let plain = 4 * frames * u64::from(channels);
                let (codec, bytes) =
                    if flac { (Codec::Flac, 1 + (plain as f64 * part) as u64) } else { (Codec::Floats, plain) };
                Header { hash, rate, channels, frames, codec, bytes }
            },
        )
    }

    fn far() -> impl Strategy<Value = Far> {
        let hello = ("[ -~]{0,40}", "[a-zé-ü]{0,40}", any::<Nonce>(), any::<[u8; 32]>())
            .prop_map(|(version, host, nonce, proof)| Far::Hello { version, host, nonce, proof });
        let chunk = (hash(), any::<u64>(), vec(any::<u8>(), 1..=CHUNK));
        let play = (any::<u64>(), hash(), 0.0..1e6, tuning());
        prop_oneof![
            hello,
            header().prop_map(Far::Sound),
            chunk.prop_map(|(hash, at, data)| Far::Chunk { hash, at, data }),
            hash().prop_map(Far::Forget),
            play.prop_map(|(take, hash, from, tuning)| Far::Play { take, hash, from, tuning }),
            tuning().prop_map(Far::Tune),
            Just(Far::Stop),
            any::<u64>().prop_map(Far::Ping),
        ]
    }

    fn near() -> impl Strategy<Value = Near> {
        let greeting = ("[ -~]{0,40}", any::<Nonce>()).prop_map(|(version, nonce)| Near::Greeting { version, nonce });
        let welcome = ("[ -~]{0,40}", any::<[u8; 32]>(), any::<u32>()).prop_map(|(host, proof, limit)| Near::Welcome {
            host,
            proof,
            limit,
        });
        prop_oneof![
            greeting,
            welcome,
            "[ -~]{0,80}".prop_map(Near::Refused),
            hash().prop_map(Near::Have),
            hash().prop_map(Near::Need),
            any::<u64>().prop_map(Near::Got),
            any::<u64>().prop_map(Near::Started),
            (any::<u64>(), 0.0..1e6).prop_map(|(take, position)| Near::At { take, position }),
            any::<u64>().prop_map(Near::Finished),
            "[ -~]{0,80}".prop_map(Near::Lost),
            any::<u64>().prop_map(Near::Pong),
        ]
    }

    fn again<M: Message>(message: &M) -> M {
        read(&mut bytes(message).as_slice()).unwrap()
    }

    fn refusal<M: Message>(body: &[u8]) -> String {
        let mut message = (body.len() as u32).to_le_bytes().to_vec();
        message.extend(body);
        read::<M>(&mut message.as_slice()).map(drop).unwrap_err().to_string()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn what_is_sent_arrives(far in far(), near in near()) {
            prop_assert_eq!(again(&far), far);
            prop_assert_eq!(again(&near), near);
        }

        #[test]
        fn what_is_no_message_is_an_error(kind in any::<u8>(), body in vec(any::<u8>(), 0..200)) {
            let mut message = (1 + body.len() as u32).to_le_bytes().to_vec();
            message.push(kind);
            message.extend(&body);
            if let Ok(far) = read::<Far>(&mut message.as_slice()) {
                prop_assert_eq!(again(&far), far);
            }
            if let Ok(near) = read::<Near>(&mut message.as_slice()) {
                prop_assert_eq!(again(&near), near);
            }
        }

        #[test]
        fn half_a_message_is_an_end(far in far(), share in 0.0..1.0) {
            let whole = bytes(&far);
            let part = &whole[..(whole.len() as f64 * share) as usize];
            let error = read::<Far>(&mut &*part).map(drop);
            prop_assert!(matches!(&error, Err(WireError::Io(io)) if io.kind() == io::ErrorKind::UnexpectedEof));
        }
    }

    #[test]
    fn bounds_are_checked_before_room_is_made() {
        assert!(read::<Far>(&mut u32::MAX.to_le_bytes().as_slice()).is_err());
        assert!(read::<Far>(&mut [0; 4].as_slice()).is_err());
        assert!(refusal::<Far>(&[99]).ends_with("unknown kind"));
        assert!(refusal::<Far>(&[7, 0]).ends_with("bytes left over"));
        let long = [&[131][..], &300_u16.to_le_bytes(), &[b'x'; 300]].concat();
        assert!(refusal::<Near>(&long).ends_with("text too long"));
        let control = [&[131][..], &4_u16.to_le_bytes(), b"\x1b[2J"].concat();
        assert!(refusal::<Near>(&control).ends_with("control character in a text"));
        let chunk = [&[3][..], &[0; 40], &[0; CHUNK + 1]].concat();
        assert!(refusal::<Far>(&chunk).ends_with("chunk out of bounds"));
    }

    #[test]
    fn a_sound_beyond_the_bounds_is_refused() {
        let fine = Header {
            hash: AudioHash([7; 32]),
            rate: 16_000,
            channels: 1,
            frames: SAMPLES,
            codec: Codec::Flac,
            bytes: 4 * SAMPLES,
        };
        assert_eq!(again(&Far::Sound(fine)), Far::Sound(fine));
        for wrong in [
            Header { frames: SAMPLES + 1, ..fine },
            Header { frames: u64::MAX, channels: 9, ..fine },
            Header { frames: 0, ..fine },
            Header { channels: 0, ..fine },
            Header { rate: 0, ..fine },
            Header { bytes: 0, ..fine },
            Header { bytes: 5 * SAMPLES, ..fine },
            Header { bytes: 1, codec: Codec::Floats, ..fine },
        ] {
            assert!(refusal::<Far>(&bytes(&Far::Sound(wrong))[4..]).ends_with("sound out of bounds"), "{wrong:?}");
        }
    }

    #[test]
    fn numbers_that_are_none_are_refused() {
        let tuning = Tuning { region: Some((1.0, 2.0)), ..Tuning::default() };
        let play = Far::Play { take: 1, hash: AudioHash([0; 32]), from: 0.0, tuning };
        let body = bytes(&play)[4..].to_vec();
        for (at, value) in [(41, f64::NAN), (41, -1.0), (58, f64::INFINITY), (58, 3.0)] {
            let mut body = body.clone();
            body[at..at + 8].copy_from_slice(&value.to_le_bytes());
            assert_ne!(refusal::<Far>(&body), "", "{value} at {at}");
        }
        let wild = Tuning { speed: f32::NAN, volume: f32::INFINITY, ..tuning };
        let tame = Tuning { speed: 0.5, volume: LOUDEST, ..tuning };
        assert_eq!(again(&Far::Tune(wild)), Far::Tune(tame));
    }

    #[test]
    fn another_version_is_told_by_name() {
        let mut greeting = bytes(&Near::Greeting { version: "9.1".into(), nonce: [0; 32] });
        greeting[11] = 77;
        let error = read::<Near>(&mut greeting.as_slice()).map(drop).unwrap_err().to_string();
        assert!(error.contains("runs emolab 9.1 (protocol 77)") && error.contains("same version on both"), "{error}");
        greeting[5] = b'E';
        let error = read::<Near>(&mut greeting.as_slice()).map(drop).unwrap_err().to_string();
        assert!(error.ends_with("not a companion"), "{error}");
    }

    #[test]
    fn texts_are_cut_and_cleaned_before_they_are_sent() {
        let reason = format!("a\nb{}", "é".repeat(200));
        let Near::Lost(arrived) = again(&Near::Lost(reason)) else { panic!("another message") };
        assert!(arrived.starts_with("a bé") && arrived.len() <= 256, "{arrived}");
    }
}
