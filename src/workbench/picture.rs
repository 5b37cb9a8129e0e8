//! What a screen shows and plays of one clip, made by a job and kept for a while.
//!
//! Deliberately absent: colours and cells (see `tui::widgets`).

use std::sync::Arc;
use std::sync::mpsc::Sender;

use super::Update;
use super::view::{View, Window};
use crate::audio::{Sound, Wave};
use crate::corpus::{Clip, Corpus};
use crate::features::curves::{Curves, Spectra};
use crate::job::{Job, Report};
use anyhow::{Context, Result, bail};

/// What clips are brought to at playback, in LUFS: the programme loudness of EBU R 128.
pub(super) const LOUDNESS: f32 = -23.0;
/// Samples to a step of an [`Envelope`].
const STEP: usize = 64;
/// Peaks below this are not blown up to full height: silence should look silent.
const FLOOR: f32 = 0.02;
/// Clips that last so many seconds or less have a picture: the spectra of an hour would fill a gigabyte.
pub const LONGEST: f64 = 600.0;
/// Pictures kept: the selected clip, its neighbours and the way back.
const KEPT: usize = 24;
/// Pictures made at a time: a key held down passes more clips than anyone sees.
const AT_A_TIME: usize = 3;

/// One clip, decoded and ready to be drawn and played.
#[derive(Debug, Clone)]
pub struct Picture {
    /// As it lies on disk: what is played.
    pub sound: Arc<Sound>,
    /// The factor that makes it as loud as other clips: -23 LUFS (EBU R 128), as far as its peak allows.
    pub gain: f32,
    /// Mono at the working rate: what is drawn.
    pub wave: Wave,
    /// Extremes of the wave, for quick drawing.
    pub envelope: Envelope,
    /// Mel and linear.
    pub spectra: Spectra,
    /// Pitch and level over time.
    pub curves: Curves,
    /// Formants 1 to 3 in Hz, one value where the pitch has one; `None` where there is none.
    pub formants: [Vec<Option<f32>>; 3],
}

/// Smallest and largest sample of every 64 samples, so that drawing an hour is as quick as drawing a word.
#[derive(Debug, Clone, PartialEq)]
pub struct Envelope {
    steps: Vec<(f32, f32)>,
    /// Largest magnitude.
    peak: f32,
}

impl Picture {
    /// Decodes and analyses a clip at `rate` samples per second.
    ///
    /// # Errors
    /// The file cannot be decoded, or the clip lasts longer than [`LONGEST`]; the text names it.
    pub fn of(clip: &Clip, rate: u32) -> Result<Picture> {
        if clip.audio.seconds > LONGEST {
            bail!("{}: too long for one clip; cut it", clip.path().display());
        }
        let sound = clip.sound().with_context(|| clip.path().display().to_string())?;
        let wave = sound.mono().resample(rate)?;
        let (spectra, curves) = (Spectra::of(&wave)?, Curves::of(&wave)?);
        let (envelope, formants) = (Envelope::of(&wave.samples), curves.formants(&wave));
        let gain = sound.gain_to(LOUDNESS);
        Ok(Picture { sound: Arc::new(sound), gain, wave, envelope, spectra, curves, formants })
    }

    /// Smallest and largest sample of each of `parts` equal parts of what is seen, as shares of the clip's peak.
    pub fn outline(&self, seen: Window, parts: usize) -> Vec<(f32, f32)> {
        self.envelope.outline(&self.wave.samples, seen, parts)
    }
}

impl Envelope {
    /// Of all samples of a clip.
    pub fn of(samples: &[f32]) -> Envelope {
        let steps: Vec<(f32, f32)> = samples.chunks(STEP).map(|step| extremes(step.iter().map(|&s| (s, s)))).collect();
        let peak = steps.iter().fold(FLOOR, |peak, (low, high)| peak.max(low.abs()).max(high.abs()));
        Envelope { steps, peak }
    }

    fn outline(&self, samples: &[f32], seen: Window, parts: usize) -> Vec<(f32, f32)> {
        // Whole steps where many of them lie in a part, else the samples themselves.
        let coarse = seen.span() * self.steps.len() as f64 > 4.0 * parts as f64;
        let part = |part: usize| {
            let bounds = [part, part + 1].map(|edge| seen.share(edge as f64 / parts as f64));
            let (low, high) = if coarse {
                extremes(within(&self.steps, bounds).iter().copied())
            } else {
                extremes(within(samples, bounds).iter().map(|&s| (s, s)))
            };
            (low / self.peak, high / self.peak)
        };
        (0..parts).map(part).collect()
    }
}

/// The values between two shares of all, at least one if there is any.
fn within<T>(all: &[T], [from, to]: [f64; 2]) -> &[T] {
    let start = ((from * all.len() as f64) as usize).min(all.len().saturating_sub(1));
    let end = ((to * all.len() as f64) as usize).max(start + 1).min(all.len());
    &all[start..end]
}

fn extremes(pairs: impl Iterator<Item = (f32, f32)>) -> (f32, f32) {
    pairs.reduce(|all, one| (all.0.min(one.0), all.1.max(one.1))).unwrap_or((0.0, 0.0))
}

/// The pictures of the clips looked at last, the jobs that make the next ones, and how they are shown.
#[derive(Default)]
pub(super) struct Pictures {
    pub(super) view: View,
    kept: Vec<(usize, Result<Arc<Picture>, String>)>,
    drawing: Vec<(usize, Job)>,
    /// The clip asked for last while all jobs were busy.
    next: Option<usize>,
}

impl Pictures {
    /// The clips are others from now on; how they are shown stays.
    pub(super) fn forget(&mut self) {
        *self = Pictures { view: self.view.clone(), ..Pictures::default() };
        self.view.see_whole();
    }

    pub(super) fn get(&self, clip: usize) -> Option<&Result<Arc<Picture>, String>> {
        self.kept.iter().find(|(of, _)| *of == clip).map(|(_, picture)| picture)
    }

    /// Whether another picture would be begun at once.
    pub(super) fn has_time(&self) -> bool {
        self.drawing.len() < AT_A_TIME
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
        match Job::spawn("picture", report, move |_| Ok(Arc::new(Picture::of(&wanted, rate)?))) {
            Ok(job) => self.drawing.push((clip, job)),
            Err(error) => self.keep(clip, Err(error.to_string())),
        }
    }

    /// Takes in what a job reports; true when there is something new to show.
    pub(super) fn take(
        &mut self,
        clip: usize,
        report: Report<(), Arc<Picture>>,
        corpus: &Corpus,
        how: (u32, &Sender<Update>),
    ) -> bool {
        self.drawing.retain(|(of, _)| *of != clip);
        if let Some(next) = self.next.take() {
            self.want(next, corpus, how);
        }
        match report {
            Report::News(()) | Report::Cancelled => return false,
            Report::Done(picture) => self.keep(clip, Ok(picture)),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn outline(samples: &[f32], seen: Window, parts: usize) -> Vec<(f32, f32)> {
        Envelope::of(samples).outline(samples, seen, parts)
    }

    #[test]
    fn a_click_is_seen_whole_and_zoomed() {
        let samples: Vec<f32> = (0..100_000).map(|at| if at == 60_000 { -0.5 } else { 0.25 }).collect();
        let hits = |seen, parts| {
            let outline = outline(&samples, seen, parts);
            (0..parts).filter(|&part| outline[part].0 < -0.9).collect::<Vec<_>>()
        };
        assert_eq!(hits(Window::WHOLE, 10), [6]);
        assert_eq!(hits(Window { start: 0.599, end: 0.601 }, 100), [50]);
        assert_eq!(hits(Window { start: 0.1, end: 0.5 }, 100), [0; 0]);
    }

    #[test]
    fn quiet_clips_fill_the_height_and_silence_does_not() {
        assert_eq!(outline(&[0.1, -0.1], Window::WHOLE, 1), [(-1.0, 1.0)]);
        assert_eq!(outline(&[0.0; 9], Window::WHOLE, 2), [(0.0, 0.0); 2]);
        assert_eq!(outline(&[0.3], Window::WHOLE, 4), [(1.0, 1.0); 4]);
        assert_eq!(outline(&[], Window::WHOLE, 2), [(0.0, 0.0); 2]);
    }
}
