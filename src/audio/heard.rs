//! The sink that writes what would be heard to a WAV file: to see what a listener was given, to the last sample.
//!
//! It keeps a device's time but needs none: what has become due is mixed when somebody looks how far it has come. Sound follows
//! sound; the silence between is left out. Rate and channels are those of the first sound. Deliberately absent: a thread, and
//! writing over a file that is there.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Sound;
use super::mixer::{Desk, Hearing, Mixer, connect};
use super::sink::{Progress, Sink, SinkName, Tuning};

/// Bytes before the samples.
const HEAD: u32 = 44;
/// What is stopped fades out for so long.
const FADE: Duration = Duration::from_millis(10);
/// Who did not look for so long has slept: what nobody saw play is not made up.
const MISSED: Duration = Duration::from_secs(1);

/// A file that listens.
pub(super) struct Heard {
    name: Arc<str>,
    file: RefCell<File>,
    open: Option<Open>,
    lost: RefCell<Option<String>>,
}

/// What there is once the first sound has told rate and channels.
struct Open {
    desk: Desk,
    hearing: Hearing,
    rate: u32,
    channels: u16,
    reel: RefCell<Reel>,
}

struct Reel {
    mixer: Mixer,
    /// Up to when everything is mixed; `None` while nothing plays.
    until: Option<Instant>,
    samples: u32,
}

/// Files of one name that may be there, as after so many connections.
const FILES: usize = 1_000;

/// Makes the file; where one of that name is, that with a number: `heard-2.wav`.
fn create_new(path: &Path) -> io::Result<(PathBuf, File)> {
    let (stem, ending) = (path.file_stem().unwrap_or_default(), path.extension());
    for number in 1..=FILES {
        let mut name = stem.to_owned();
        if number > 1 {
            name.push(format!("-{number}"));
        }
        if let Some(ending) = ending {
            name.push(".");
            name.push(ending);
        }
        let path = path.with_file_name(name);
        match File::options().write(true).create_new(true).open(&path) {
            Ok(file) => return Ok((path, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

impl Heard {
    /// Makes the file; one of that name that is there is left alone, and the new one gets a number.
    ///
    /// # Errors
    /// One line: it cannot be made.
    pub(super) fn create(path: &Path) -> Result<Heard, String> {
        let (path, file) = create_new(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let name = path.display().to_string().into();
        Ok(Heard { name, file: RefCell::new(file), open: None, lost: RefCell::new(None) })
    }

    /// Mixes and writes what is due by `now`.
    fn catch_up(&self, now: Instant) {
        let Some(open) = &self.open else { return };
        let mut reel = open.reel.borrow_mut();
        let Some(until) = reel.until else { return };
        let passed = now.saturating_duration_since(until);
        reel.until = Some(now);
        let frames = (passed.min(MISSED).as_secs_f64() * f64::from(open.rate)).round() as usize;
        let mut block = vec![0.0; frames * usize::from(open.channels)];
        open.hearing.after(reel.mixer.frames(), Duration::ZERO);
        reel.mixer.render(&mut block, usize::from(open.channels));
        let before = reel.samples;
        reel.samples = before.saturating_add(block.len() as u32);
        if let Err(error) = self.append(&block, before, open) {
            self.lost.borrow_mut().get_or_insert_with(|| format!("{}: {error}", self.name));
        }
    }

    /// Writes a block, and the header anew: the file is whole after each.
    fn append(&self, block: &[f32], before: u32, open: &Open) -> io::Result<()> {
        let mut file = self.file.borrow_mut();
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&head(open, before.saturating_add(block.len() as u32)))?;
        file.seek(SeekFrom::Start(u64::from(HEAD) + 4 * u64::from(before)))?;
        file.write_all(&block.iter().flat_map(|sample| sample.clamp(-1.0, 1.0).to_le_bytes()).collect::<Vec<u8>>())
    }
}

/// The header of a WAV file of that many 32-bit floats.
fn head(open: &Open, samples: u32) -> Vec<u8> {
    let (data, frame) = (samples.saturating_mul(4), 4 * open.channels);
    let mut head = Vec::with_capacity(HEAD as usize);
    head.extend(b"RIFF");
    head.extend(data.saturating_add(HEAD - 8).to_le_bytes());
    head.extend(b"WAVEfmt \x10\0\0\0\x03\0");
    head.extend(open.channels.to_le_bytes());
    head.extend(open.rate.to_le_bytes());
    head.extend((open.rate.saturating_mul(u32::from(frame))).to_le_bytes());
    head.extend(frame.to_le_bytes());
    head.extend(32_u16.to_le_bytes());
    head.extend(b"data");
    head.extend(data.to_le_bytes());
    head
}

impl Sink for Heard {
    fn name(&self) -> SinkName {
        SinkName::File(Arc::clone(&self.name))
    }

    fn start(&mut self, sound: &Arc<Sound>, from: f64, tuning: Tuning) {
        let now = Instant::now();
        self.catch_up(now);
        let open = self.open.get_or_insert_with(|| {
            let (rate, channels) = (sound.rate, sound.channels.clamp(1, 2));
            let (desk, mixer) = connect(rate, channels);
            let reel = RefCell::new(Reel { mixer, until: None, samples: 0 });
            Open { hearing: desk.hearing(), desk, rate, channels, reel }
        });
        if open.desk.start(sound, from, tuning) {
            open.reel.borrow_mut().until.get_or_insert(now);
        }
    }

    fn tune(&mut self, tuning: Tuning) {
        self.catch_up(Instant::now());
        if let Some(open) = &mut self.open {
            open.desk.tune(tuning);
        }
    }

    fn stop(&mut self) {
        let now = Instant::now();
        self.catch_up(now);
        if let Some(open) = &mut self.open {
            open.desk.stop();
            self.catch_up(now + FADE);
        }
        if let Some(open) = &self.open {
            open.reel.borrow_mut().until = None;
        }
    }

    fn progress(&self) -> Progress {
        self.catch_up(Instant::now());
        match (&*self.lost.borrow(), &self.open) {
            (Some(reason), _) => Progress::Lost(reason.clone()),
            (None, Some(open)) => open.desk.progress(),
            (None, None) => Progress::Finished,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::audio::decode;

    fn sound(seconds: f64) -> Arc<Sound> {
        let samples = (0..(8_000.0 * seconds) as usize).map(|n| 0.5 + n as f32 / 10_000.0);
        Arc::new(Sound { samples: samples.collect(), channels: 1, rate: 8_000 })
    }

    #[test]
    fn what_was_played_is_in_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("heard.wav");
        let mut sink = Heard::create(&path).unwrap();
        let played = sound(0.06);
        sink.start(&played, 0.0, Tuning::default());
        while sink.progress() != Progress::Finished {
            std::thread::yield_now();
        }
        sink.stop();
        let heard = decode(&path).unwrap();
        assert_eq!((heard.rate, heard.channels), (8_000, 1));
        // Before it stands what leads up to its first sample without a click.
        assert!(heard.samples.windows(480).any(|part| part == played.samples));
    }

    #[test]
    fn what_is_there_stays_and_a_folder_that_is_missing_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("heard.wav");
        std::fs::write(&path, "mine").unwrap();
        for number in 2..4 {
            let made = folder.path().join(format!("heard-{number}.wav"));
            assert_eq!(Heard::create(&path).unwrap().name(), SinkName::File(made.display().to_string().into()));
        }
        assert_eq!(std::fs::read(&path).unwrap(), b"mine");
        assert!(Heard::create(&folder.path().join("no/heard.wav")).map(drop).unwrap_err().contains("no/heard.wav"));
    }
}
