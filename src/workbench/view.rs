//! How clips are shown: one value for all screens, remembered while the program runs.
//!
//! It is the Workbench's and not a screen's, because what a rater sees may bias what a rater says. Deliberately absent:
//! colours and cells (see `tui::theme`, `tui::widgets`).

use crate::features::curves::Scale;

/// What a screen shows of the sound of a clip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Panel {
    /// Waveform, spectrogram, and the chosen curves over it.
    Curves,
    /// Waveform and spectrogram.
    Spectrogram,
    /// Waveform only.
    Waveform,
    /// Nothing: the ear alone decides.
    Nothing,
}

/// The colour maps of heat maps; all rise steadily in lightness and read without red-green vision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Map {
    /// Violet, green, yellow.
    Viridis,
    /// Black, violet, orange, cream.
    Magma,
    /// Blue, grey, yellow; the same for all kinds of colour vision.
    Cividis,
}

/// A part of a clip, in shares of its duration: `0 <= start < end <= 1`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    /// Where it begins.
    pub start: f64,
    /// Where it ends.
    pub end: f64,
}

/// Where the borders between panes lie: steps from where they lie at first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Borders {
    /// Between list and picture: more is more of the list.
    pub list: i16,
    /// Between waveform and spectrogram: more is more of the waveform.
    pub wave: i16,
}

/// All that the user chose about pictures of clips.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    /// What Browse shows.
    pub browse: Panel,
    /// What Label shows; without curves at first: numbers of a machine are no part of a listening test.
    pub label: Panel,
    /// Frequency axis of the spectrogram.
    pub scale: Scale,
    /// Highest frequency that is seen, in Hz; lower ones spread pitch and its harmonics over more lines.
    pub ceiling: f64,
    /// Its colours.
    pub map: Map,
    /// Decibels below the loudest value that still differ from the lowest colour; also the height of the energy curve.
    pub range: f32,
    /// Pitch over the spectrogram.
    pub pitch: bool,
    /// Energy over the spectrogram.
    pub energy: bool,
    /// Formants 1 to 3 over the spectrogram.
    pub formants: bool,
    /// Sizes of panes.
    pub borders: Borders,
    /// The clip that was zoomed into, and how far; other clips are seen whole.
    zoomed: Option<(usize, Window)>,
}

/// Highest frequencies that can be chosen, in Hz.
pub const CEILINGS: [f64; 3] = [8000.0, 4000.0, 1000.0];
/// The farthest that a border moves, in steps.
const FARTHEST: i16 = 8;
/// Decibels that can be chosen.
pub const RANGES: [f32; 4] = [40.0, 60.0, 80.0, 100.0];
/// The shortest part of a clip that is shown, in seconds: less than two periods of a low voice show nothing.
const SHORTEST: f64 = 0.04;

impl Panel {
    const ALL: [(Panel, &'static str); 4] = [
        (Panel::Curves, "waveform, spectrogram and curves"),
        (Panel::Spectrogram, "waveform and spectrogram"),
        (Panel::Waveform, "waveform only"),
        (Panel::Nothing, "no picture"),
    ];

    /// Less and less, then all again.
    #[must_use]
    pub fn next(self) -> Panel {
        following(&Panel::ALL.map(|(panel, _)| panel), self)
    }

    /// In words.
    pub fn name(self) -> &'static str {
        Panel::ALL.iter().find(|(panel, _)| *panel == self).map_or("", |(_, name)| name)
    }
}

impl Map {
    /// Every map.
    pub const ALL: [Map; 3] = [Map::Magma, Map::Viridis, Map::Cividis];

    /// As the field calls it.
    pub fn name(self) -> &'static str {
        match self {
            Map::Viridis => "viridis",
            Map::Magma => "magma",
            Map::Cividis => "cividis",
        }
    }
}

impl Window {
    /// The whole clip.
    pub const WHOLE: Window = Window { start: 0.0, end: 1.0 };

    /// Its length.
    pub fn span(self) -> f64 {
        self.end - self.start
    }

    /// Where a share of the clip lies in it: 0 at its start, 1 at its end, beyond outside.
    pub fn place(self, share: f64) -> f64 {
        (share - self.start) / self.span()
    }

    /// The share of the clip at a place in it.
    pub fn share(self, place: f64) -> f64 {
        self.start + place * self.span()
    }

    /// As long as this one, moved by whole lengths until `share` is inside: what is heard is seen.
    #[must_use]
    pub fn following(self, share: f64) -> Window {
        let pages = self.place(share.clamp(0.0, 1.0 - 1e-9)).floor();
        Window::at(self.start + pages * self.span(), self.span())
    }

    /// From `start` as far as there is room.
    fn at(start: f64, span: f64) -> Window {
        let span = span.clamp(1e-6, 1.0);
        let start = start.clamp(0.0, 1.0 - span);
        Window { start, end: start + span }
    }
}

impl Borders {
    /// One of them moved by so many steps; the same when it is as far as it goes.
    #[must_use]
    pub fn moved(self, list: i16, wave: i16) -> Borders {
        let step = |at: i16, by: i16| (at + by).clamp(-FARTHEST, FARTHEST);
        Borders { list: step(self.list, list), wave: step(self.wave, wave) }
    }
}

impl Default for View {
    fn default() -> View {
        View {
            browse: Panel::Curves,
            label: Panel::Spectrogram,
            scale: Scale::Mel,
            ceiling: CEILINGS[0],
            map: Map::Magma,
            range: RANGES[1],
            pitch: true,
            energy: true,
            formants: false,
            borders: Borders::default(),
            zoomed: None,
        }
    }
}

impl View {
    /// No clip is zoomed into any more.
    pub(super) fn see_whole(&mut self) {
        self.zoomed = None;
    }

    /// The part of `clip` that is seen.
    pub fn window(&self, clip: usize) -> Window {
        self.zoomed.filter(|(of, _)| *of == clip).map_or(Window::WHOLE, |(_, window)| window)
    }

    /// Half as much of `clip` (of `seconds`), around `share` if that is seen, else around the middle; false when that
    /// would be too short to show anything.
    pub fn zoom_in(&mut self, clip: usize, seconds: f64, share: Option<f64>) -> bool {
        let window = self.window(clip);
        let span = window.span() / 2.0;
        if span * seconds < SHORTEST {
            return false;
        }
        let seen = share.filter(|share| (0.0..=1.0).contains(&window.place(*share)));
        let centre = seen.unwrap_or(window.share(0.5));
        self.zoomed = Some((clip, Window::at(centre - span / 2.0, span)));
        true
    }

    /// Twice as much of `clip`; false when all of it is seen already.
    pub fn zoom_out(&mut self, clip: usize) -> bool {
        let window = self.window(clip);
        let span = 2.0 * window.span();
        self.zoomed = (span < 1.0).then(|| (clip, Window::at(window.share(0.5) - span / 2.0, span)));
        window != Window::WHOLE
    }

    /// Moves what is seen of `clip` by half a window, to the right or to the left; false where there is no more.
    pub fn scroll(&mut self, clip: usize, right: bool) -> bool {
        let window = self.window(clip);
        let by = if right { window.span() / 2.0 } else { -window.span() / 2.0 };
        let moved = Window::at(window.start + by, window.span());
        if moved != Window::WHOLE {
            self.zoomed = Some((clip, moved));
        }
        (moved.start - window.start).abs() > 1e-9
    }

    /// Mel or linear.
    pub fn next_scale(&mut self) {
        self.scale = if self.scale == Scale::Mel { Scale::Linear } else { Scale::Mel };
    }

    /// The next highest frequency.
    pub fn next_ceiling(&mut self) {
        self.ceiling = following(&CEILINGS, self.ceiling);
    }

    /// The next colour map.
    pub fn next_map(&mut self) {
        self.map = following(&Map::ALL, self.map);
    }

    /// The next range in decibels.
    pub fn next_range(&mut self) {
        self.range = following(&RANGES, self.range);
    }
}

/// What stands behind `this` in `all`, around the end.
fn following<T: Copy + PartialEq>(all: &[T], this: T) -> T {
    let place = all.iter().position(|one| *one == this).unwrap_or(0);
    all[(place + 1) % all.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_zoom_belongs_to_its_clip_and_ends_where_nothing_more_would_show() {
        let mut view = View::default();
        assert!(view.zoom_in(3, 1.0, None));
        assert_eq!((view.window(3), view.window(4)), (Window { start: 0.25, end: 0.75 }, Window::WHOLE));
        assert!(view.zoom_in(3, 1.0, Some(0.75)));
        assert_eq!(view.window(3), Window { start: 0.625, end: 0.875 });
        // What is heard outside of what is seen does not draw the eye there.
        assert!(view.zoom_in(3, 1.0, Some(0.1)));
        assert_eq!(view.window(3), Window { start: 0.6875, end: 0.8125 });
        assert!(view.zoom_in(3, 1.0, None));
        assert!(!view.zoom_in(3, 1.0, None));
        (0..4).for_each(|_| assert!(view.zoom_out(3)));
        assert_eq!(view.window(3), Window::WHOLE);
        assert!(!view.zoom_out(3) && !view.scroll(3, true));
    }

    #[test]
    fn scrolling_stops_at_the_ends_and_playing_turns_pages() {
        let mut view = View::default();
        view.zoom_in(0, 4.0, None);
        assert!(view.scroll(0, true) && !view.scroll(0, true));
        assert_eq!(view.window(0), Window { start: 0.5, end: 1.0 });
        let window = Window { start: 0.1, end: 0.4 };
        assert_eq!(window.following(0.2), window);
        assert!((window.following(0.5).start - 0.4).abs() < 1e-12);
        assert_eq!(window.following(1.0).end, 1.0);
        assert_eq!(window.following(0.0).start, 0.0);
    }

    #[test]
    fn every_choice_comes_round_again() {
        let mut view = View::default();
        (0..RANGES.len()).for_each(|_| view.next_range());
        (0..CEILINGS.len()).for_each(|_| view.next_ceiling());
        (0..Map::ALL.len()).for_each(|_| view.next_map());
        (0..2).for_each(|_| view.next_scale());
        assert_eq!(view, View::default());
        let far = (0..20).fold(Borders::default(), |borders, _| borders.moved(1, -1));
        assert_eq!((far.list, far.wave, far.moved(1, 0)), (FARTHEST, -FARTHEST, far));
        assert_eq!((0..4).fold(Panel::Curves, |panel, _| panel.next()), Panel::Curves);
    }

    proptest! {
        #[test]
        fn a_window_never_leaves_the_clip(keys in prop::collection::vec(0..4, 0..60), seconds in 0.0..30.0, heard in 0.0..1.0) {
            let mut view = View::default();
            for key in keys {
                match key {
                    0 => view.zoom_in(1, seconds, Some(heard)),
                    1 => view.zoom_out(1),
                    key => view.scroll(1, key == 2),
                };
                let window = view.window(1).following(heard);
                prop_assert!(window.start >= 0.0 && window.end <= 1.0 + 1e-12 && window.span() > 0.0, "{window:?}");
                prop_assert!((-1e-9..=1.0 + 1e-9).contains(&window.place(heard)), "{window:?} {heard}");
            }
        }
    }
}
