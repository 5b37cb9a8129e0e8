//! The commands that more than one screen has: moving in a list, sound, how a clip is shown, and what works everywhere.
//!
//! Deliberately absent: commands of one screen (beside the screen).

use super::app::Lead;
use super::command::{Command, Row, row};
use super::cursor::Cursor;
use super::screen::{Outcome, Then};
use crate::workbench::Workbench;
use crate::workbench::view::View;

/// Name of the group of [`LIST_TABLE`].
pub const LIST: &str = "list";
const NO_CLIP: &str = "there is no clip here";
/// Name of the group of [`SOUND_TABLE`].
pub const SOUND: &str = "sound";
/// Name of the group of [`VIEW_TABLE`].
pub const VIEW: &str = "view";
/// Name of the group of [`EVERYWHERE_TABLE`].
pub const EVERYWHERE: &str = "everywhere";

/// A list being moved in.
#[derive(Debug, Clone, Copy)]
pub struct Moved {
    /// Where it stands.
    pub cursor: Cursor,
    /// Rows seen at once.
    pub page: usize,
    /// So many times, if a count went before.
    pub times: Option<usize>,
}

/// Plays or pauses.
pub const PLAY: Row = row("play", &["Space"], "play or pause");
/// The way out of a screen.
pub const BACK: Row = row("back", &["Esc"], "back to where you came from");

/// Commands that make sense unseen, in a terminal too small for any screen; names of rows of [`EVERYWHERE_TABLE`].
pub const UNSEEN: [&str; 4] = ["quit", "interrupt", "redraw", "suspend"];

/// Moving in the list of a screen.
pub static LIST_TABLE: &[Command<Moved>] = &[
    Command { row: row("down", &["j", "Down"], "next row"), run: |list, _| step(list, 1) },
    Command { row: row("up", &["k", "Up"], "previous row"), run: |list, _| step(list, -1) },
    Command { row: row("page down", &["PgDn", "Ctrl-d"], "a page down"), run: |list, _| step(list, page(list)) },
    Command { row: row("page up", &["PgUp", "Ctrl-u"], "a page up"), run: |list, _| step(list, -page(list)) },
    Command { row: row("first", &["g", "Home"], "to the first row"), run: |list, _| end(list, Cursor::first) },
    Command { row: row("last", &["G", "End"], "to the last row"), run: |list, _| end(list, Cursor::last) },
];

/// Sound of the clip that a screen shows.
pub static SOUND_TABLE: &[Command<Option<usize>>] = &[
    Command { row: PLAY, run: play },
    Command { row: row("replay", &["r"], "play from the start"), run: replay },
    Command { row: row("rewind", &["h", "Left"], "half a second back"), run: |_, bench| seek(bench, -0.5) },
    Command { row: row("forward", &["l", "Right"], "half a second forward"), run: |_, bench| seek(bench, 0.5) },
    Command { row: row("slower", &["<"], "slower"), run: |_, bench| speed(bench, -0.1) },
    Command { row: row("faster", &[">"], "faster"), run: |_, bench| speed(bench, 0.1) },
    Command { row: row("softer", &["-"], "volume down"), run: |_, bench| volume(bench, -0.1) },
    Command { row: row("louder", &["+", "="], "volume up"), run: |_, bench| volume(bench, 0.1) },
    Command { row: row("even", &["V"], "every clip equally loud, or as on disk"), run: |_, bench| even(bench) },
    Command { row: row("loop", &["L"], "again and again, or once"), run: |_, bench| looping(bench) },
    Command { row: row("begin", &["B"], "play only from here on"), run: |_, bench| part(bench, true) },
    Command { row: row("until", &["U"], "play only up to here"), run: |_, bench| part(bench, false) },
    Command { row: row("whole", &["W"], "play all of it again"), run: |_, bench| whole(bench) },
];

/// How the clip that a screen shows is drawn; the same for all screens.
pub static VIEW_TABLE: &[Command<Option<usize>>] = &[
    Command { row: row("zoom in", &["z"], "see half as much, for longer"), run: zoom_in },
    Command { row: row("zoom out", &["Z"], "see twice as much, at last all"), run: zoom_out },
    Command { row: row("earlier", &[","], "see what is further left"), run: |clip, bench| scroll(*clip, bench, false) },
    Command { row: row("later", &["."], "see what is further right"), run: |clip, bench| scroll(*clip, bench, true) },
    Command { row: row("frequency", &["M"], "mel or linear frequencies"), run: |_, bench| scale(bench) },
    Command { row: row("ceiling", &["K"], "up to 8, 4 or 1 kHz"), run: |_, bench| ceiling(bench) },
    Command { row: row("colours", &["T"], "tint: magma, viridis, cividis"), run: |_, bench| colours(bench) },
    Command { row: row("decibels", &["D"], "how much below the loudest is seen"), run: |_, bench| range(bench) },
    Command {
        row: row("pitch", &["P"], "pitch curve, or none"),
        run: |_, bench| toggle(bench, "pitch", |v| &mut v.pitch),
    },
    Command {
        row: row("energy", &["E"], "energy curve, or none"),
        run: |_, bench| toggle(bench, "energy", |v| &mut v.energy),
    },
    Command {
        row: row("formants", &["F"], "formants 1 to 3, or none"),
        run: |_, bench| toggle(bench, "formants", |v| &mut v.formants),
    },
    Command { row: row("less list", &["("], "less of the list, more of the picture"), run: |_, b| border(b, -1, 0) },
    Command { row: row("more list", &[")"], "more of the list, less of the picture"), run: |_, b| border(b, 1, 0) },
    Command { row: row("less wave", &["{"], "less of the waveform"), run: |_, bench| border(bench, 0, -1) },
    Command { row: row("more wave", &["}"], "more of the waveform"), run: |_, bench| border(bench, 0, 1) },
];

/// What works on every screen.
pub static EVERYWHERE_TABLE: &[Command<()>] = &[
    Command { row: row("browse", &["1"], "the clips of the corpus"), run: |(), _| Ok(Then::Switch("browse")) },
    Command { row: row("label", &["2"], "hear and label clip by clip"), run: |(), _| Ok(Then::Switch("label")) },
    Command { row: row("train", &["3"], "train and compare classifiers"), run: |(), _| Ok(Then::Switch("train")) },
    Command { row: row("results", &["4"], "the runs and their scores"), run: |(), _| Ok(Then::Switch("results")) },
    Command {
        row: row("features", &["5"], "which features tell classes apart"),
        run: |(), _| Ok(Then::Switch("features")),
    },
    Command { row: row("agree", &["6"], "how far those who label agree"), run: |(), _| Ok(Then::Switch("agree")) },
    Command { row: row("help", &["?", "F1"], "the keys of this screen"), run: |(), _| Ok(Then::Help) },
    Command { row: row("palette", &[":"], "find a command by name"), run: |(), _| Ok(Then::Palette) },
    Command {
        row: row("times", &["#"], "a number, then a key: so many times (#12j)"),
        run: |(), _| Ok(Then::Await(Lead::Count(String::new()))),
    },
    Command { row: row("mark", &["\""], "and a letter: mark this clip"), run: |(), _| Ok(Then::Await(Lead::Mark)) },
    Command {
        row: row("to mark", &["'"], "and its letter: to that clip; '' back"),
        run: |(), _| Ok(Then::Await(Lead::Jump)),
    },
    Command {
        row: row("tour", &["F2"], "hear, label, train: the steps of the first start, or no more"),
        run: |(), _| Ok(Then::Tour),
    },
    Command {
        row: row("mouse", &["F3"], "the mouse acts here (Shift: selects text), or not"),
        run: |(), _| Ok(Then::Mouse),
    },
    Command { row: BACK, run: |(), _| Ok(Then::Back) },
    Command { row: row("quit", &["q"], "end; asks if work is running"), run: |(), _| Ok(Then::Quit) },
    Command {
        row: row("interrupt", &["Ctrl-c"], "cancel what is running, else quit"),
        run: |(), _| Ok(Then::Interrupt),
    },
    Command { row: row("redraw", &["Ctrl-l"], "draw the screen anew"), run: |(), _| Ok(Then::Redraw) },
    Command { row: row("suspend", &["Ctrl-z"], "to the shell; `fg` comes back"), run: |(), _| Ok(Then::Suspend) },
];

fn step(list: &mut Moved, rows: isize) -> Outcome {
    let times = isize::try_from(list.times.unwrap_or(1)).unwrap_or(isize::MAX);
    list.cursor.step(rows.saturating_mul(times));
    Ok(Then::Stay)
}

/// To an end; with a count, to that row.
fn end(list: &mut Moved, go: fn(&mut Cursor)) -> Outcome {
    match list.times {
        Some(row) => list.cursor.select(row.saturating_sub(1)),
        None => go(&mut list.cursor),
    }
    Ok(Then::Stay)
}

fn page(list: &Moved) -> isize {
    isize::try_from(list.page.max(2) - 1).unwrap_or(1)
}

fn play(clip: &mut Option<usize>, bench: &mut Workbench) -> Outcome {
    match *clip {
        None => return Ok(Then::Say("no clip to play".to_owned())),
        Some(clip) if bench.playing() == Some(clip) => bench.player().toggle(),
        Some(clip) => bench.play(clip),
    }
    Ok(Then::Stay)
}

fn replay(clip: &mut Option<usize>, bench: &mut Workbench) -> Outcome {
    let Some(clip) = *clip else { return Ok(Then::Say("no clip to play".to_owned())) };
    bench.play(clip);
    Ok(Then::Stay)
}

fn seek(bench: &mut Workbench, seconds: f64) -> Outcome {
    bench.player().seek(seconds);
    Ok(Then::Stay)
}

fn speed(bench: &mut Workbench, by: f32) -> Outcome {
    bench.player().set_speed(bench.playback().speed + by);
    Ok(Then::Say(format!("speed {:.1}", bench.playback().speed)))
}

fn volume(bench: &mut Workbench, by: f32) -> Outcome {
    bench.player().set_volume(bench.playback().volume + by);
    Ok(Then::Say(format!("volume {:.0} %", 100.0 * bench.playback().volume)))
}

fn even(bench: &mut Workbench) -> Outcome {
    bench.set_even(!bench.is_even());
    let how = if bench.is_even() { "every clip equally loud" } else { "every clip as loud as on disk" };
    Ok(Then::Say(format!("{how}: {:+.1} dB", bench.playback().decibels())))
}

fn looping(bench: &mut Workbench) -> Outcome {
    bench.player().set_looping(!bench.playback().looping);
    Ok(Then::Say(if bench.playback().looping { "again and again" } else { "once" }.to_owned()))
}

/// The part that is played alone begins or ends at the cursor; where it would have no length, it reaches to the end of the clip again.
fn part(bench: &mut Workbench, begins: bool) -> Outcome {
    let playback = bench.playback();
    if bench.playing().is_none() || playback.seconds == 0.0 {
        return Ok(say("play the clip first, and press this where the part begins or ends"));
    }
    let ((from, to), at) = (playback.bounds(), playback.position);
    let bounds = match begins {
        true => (at, if at < to { to } else { playback.seconds }),
        false => (if from < at { from } else { 0.0 }, at),
    };
    bench.player().set_region(Some(bounds));
    Ok(match bench.playback().region {
        Some((from, to)) => {
            Then::Say(format!("only {from:.2} to {to:.2} s; L plays it again and again, W all of the clip"))
        }
        None => say("too short to be heard; W plays all of the clip"),
    })
}

fn whole(bench: &mut Workbench) -> Outcome {
    let had = bench.playback().region.is_some();
    bench.player().set_region(None);
    Ok(say(if had { "all of the clip" } else { "all of the clip is played; B and U mark a part" }))
}

fn zoom_in(clip: &mut Option<usize>, bench: &mut Workbench) -> Outcome {
    let Some(clip) = *clip else { return no_clip() };
    let seconds = bench.corpus().clips.get(clip).map_or(0.0, |clip| clip.audio.seconds);
    let heard = bench.heard(clip);
    Ok(if bench.view_mut().zoom_in(clip, seconds, heard) { Then::Stay } else { say("there is no more to see in less") })
}

fn zoom_out(clip: &mut Option<usize>, bench: &mut Workbench) -> Outcome {
    let Some(clip) = *clip else { return no_clip() };
    Ok(if bench.view_mut().zoom_out(clip) { Then::Stay } else { say("this is the whole clip") })
}

fn scroll(clip: Option<usize>, bench: &mut Workbench, right: bool) -> Outcome {
    let Some(clip) = clip else { return no_clip() };
    let moved = bench.view_mut().scroll(clip, right);
    Ok(if moved { Then::Stay } else { say("there is no more of the clip there; z zooms in") })
}

fn scale(bench: &mut Workbench) -> Outcome {
    bench.view_mut().next_scale();
    Ok(Then::Say(format!("{} frequencies", bench.view().scale.name())))
}

fn ceiling(bench: &mut Workbench) -> Outcome {
    bench.view_mut().next_ceiling();
    Ok(Then::Say(format!("up to {:.0} Hz", bench.view().ceiling)))
}

fn colours(bench: &mut Workbench) -> Outcome {
    bench.view_mut().next_map();
    Ok(say(bench.view().map.name()))
}

fn range(bench: &mut Workbench) -> Outcome {
    bench.view_mut().next_range();
    Ok(Then::Say(format!("{:.0} dB below the loudest", bench.view().range)))
}

fn border(bench: &mut Workbench, list: i16, wave: i16) -> Outcome {
    let before = bench.view().borders;
    bench.view_mut().borders = before.moved(list, wave);
    Ok(if bench.view().borders == before { say("this is as far as it goes") } else { Then::Stay })
}

fn toggle(bench: &mut Workbench, name: &str, switch: fn(&mut View) -> &mut bool) -> Outcome {
    let shown = switch(bench.view_mut());
    *shown = !*shown;
    Ok(Then::Say(format!("{name} {}", if *shown { "shown over the spectrogram" } else { "not shown" })))
}

/// Why a command about sound or picture can do nothing now.
pub(super) fn refusal(command: &str, clip: Option<usize>) -> Option<&'static str> {
    let of_clip = ["play", "replay", "rewind", "forward", "zoom in", "zoom out", "earlier", "later"];
    (clip.is_none() && of_clip.contains(&command)).then_some(NO_CLIP)
}

fn no_clip() -> Outcome {
    Ok(say(NO_CLIP))
}

fn say(text: &str) -> Then {
    Then::Say(text.to_owned())
}
