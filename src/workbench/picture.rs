//! What a screen shows and plays of one clip, made by a job and kept for a while.
//!
//! Deliberately absent: colours and cells (see `tui::widgets`).

use std::sync::Arc;
use std::sync::mpsc::Sender;

use anyhow::{Context, Result};
use ndarray::Array2;

use super::Update;
use crate::audio::{Sound, Wave, decode};
use crate::corpus::{Clip, Corpus};
use crate::features::curves::{Curves, spectrogram_db};
use crate::job::{Job, Report};

/// Bands of the spectrogram that is shown.
const BANDS: usize = 64;
/// Pictures kept: the selected clip, its neighbours and the way back.
const KEPT: usize = 24;
/// Pictures made at a time: a key held down passes more clips than anyone sees.
const AT_A_TIME: usize = 3;

/// One clip, decoded and ready to be drawn and played.
#[derive(Debug, Clone)]
pub struct Picture {
    /// As it lies on disk: what is played.
    pub sound: Arc<Sound>,
    /// Mono at the working rate: what is drawn.
    pub wave: Wave,
    /// Log-mel spectrogram in dB, `[band, frame]`, lowest band first, one frame per 10 ms.
    pub spectrogram: Array2<f32>,
    /// Pitch and level over time.
    pub curves: Curves,
}

impl Picture {
    /// Decodes and analyses a clip at `rate` samples per second.
    ///
    /// # Errors
    /// The file cannot be decoded; the text names it.
    pub fn of(clip: &Clip, rate: u32) -> Result<Picture> {
        let sound = decode(&clip.path).with_context(|| clip.path.display().to_string())?;
        let wave = sound.mono().resample(rate)?;
        let (spectrogram, curves) = (spectrogram_db(&wave, BANDS)?, Curves::of(&wave)?);
        Ok(Picture { sound: Arc::new(sound), wave, spectrogram, curves })
    }
}

/// The pictures of the clips looked at last, and the jobs that make the next ones.
#[derive(Default)]
pub(super) struct Pictures {
    kept: Vec<(usize, Result<Arc<Picture>, String>)>,
    drawing: Vec<(usize, Job)>,
    /// The clip asked for last while all jobs were busy.
    next: Option<usize>,
}

impl Pictures {
    pub(super) fn get(&self, clip: usize) -> Option<&Result<Arc<Picture>, String>> {
        self.kept.iter().find(|(of, _)| *of == clip).map(|(_, picture)| picture)
    }

    /// Has the picture made, at `rate`, if it is neither there nor on its way; its job reports to `send`.
    pub(super) fn want(&mut self, clip: usize, corpus: &Corpus, (rate, send): (u32, &Sender<Update>)) {
        let known = self.get(clip).is_some() || self.drawing.iter().any(|(of, _)| *of == clip);
        let Some(wanted) = corpus.clips.get(clip).filter(|_| !known) else { return };
        if self.drawing.len() >= AT_A_TIME {
            self.next = Some(clip);
            return;
        }
        let (wanted, send) = (wanted.clone(), send.clone());
        let report = move |report| drop(send.send(Update::Picture(clip, report)));
        match Job::spawn("picture", report, move |_| Picture::of(&wanted, rate)) {
            Ok(job) => self.drawing.push((clip, job)),
            Err(error) => self.keep(clip, Err(error.to_string())),
        }
    }

    /// Takes in what a job reports; true when there is something new to show.
    pub(super) fn take(
        &mut self,
        clip: usize,
        report: Report<(), Picture>,
        corpus: &Corpus,
        how: (u32, &Sender<Update>),
    ) -> bool {
        self.drawing.retain(|(of, _)| *of != clip);
        if let Some(next) = self.next.take() {
            self.want(next, corpus, how);
        }
        match report {
            Report::News(()) | Report::Cancelled => return false,
            Report::Done(picture) => self.keep(clip, Ok(Arc::new(picture))),
            Report::Failed(reason) => self.keep(clip, Err(reason)),
        }
        true
    }

    fn keep(&mut self, clip: usize, picture: Result<Arc<Picture>, String>) {
        if self.kept.len() >= KEPT {
            drop(self.kept.remove(0));
        }
        self.kept.push((clip, picture));
    }
}
