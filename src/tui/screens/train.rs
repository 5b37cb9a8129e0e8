//! Train: choose classifiers and how to judge them, start, watch, cancel.
//!
//! What runs and what came of it lives in the Workbench; leaving the screen stops nothing. Deliberately absent: tuning
//! of single classifiers.

use std::collections::BTreeMap;
use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Rect};

use crate::corpus::Target;
use crate::corpus::plan::Plan;
use crate::features::FEATURE_SETS;
use crate::learn::{CLASSIFIERS, Epoch, Norm};
use crate::tui::command::{Command, Row, named, rows};
use crate::tui::cursor::Cursor;
use crate::tui::screen::{Outcome, Screen, Then, Topic};
use crate::tui::theme::Theme;
use crate::tui::widgets::curves::{self, Series};
use crate::tui::widgets::{self, bars, duration, line, percent, put, put_right};
use crate::workbench::experiment::{Effort, Request, default_plan};
use crate::workbench::{Opening, Training, Workbench};

/// The screen's state: what is chosen.
pub struct Train {
    cursor: Cursor,
    models: Vec<bool>,
    plan: Plan,
    /// Whether `plan` was made for this corpus or by the user.
    planned: bool,
    target: usize,
    norm: usize,
    /// 0 = each classifier's own default, else a place in `FEATURE_SETS` + 1.
    features: usize,
    epochs: usize,
    seed: u64,
    /// Whether the training was seen running: when it ends, its results are shown once.
    watching: bool,
}

const PLANS: [Plan; 5] = [Plan::Loso, Plan::Speakers(5), Plan::Speakers(10), Plan::Random(5), Plan::Random(10)];
const TARGETS: [Target; 3] = [Target::Emotion, Target::Sex, Target::SexEmotion];
const NORMS: [Norm; 3] = [Norm::Train, Norm::Speaker, Norm::None];
const EPOCHS: [Option<usize>; 7] = [None, Some(5), Some(10), Some(20), Some(40), Some(80), Some(160)];
/// Chosen at first: quick ones and the baseline that they must beat.
const FIRST: [&str; 3] = ["logistic", "svm", "majority"];

/// One of the choices below the classifiers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Choice {
    Plan,
    Target,
    Norm,
    Features,
    Epochs,
    Seed,
}

const CHOICES: [(Choice, &str); 6] = [
    (Choice::Plan, "plan"),
    (Choice::Target, "target"),
    (Choice::Norm, "norm"),
    (Choice::Features, "features"),
    (Choice::Epochs, "epochs"),
    (Choice::Seed, "seed"),
];

static COMMANDS: &[Command<Train>] = &[
    Command { row: row("start", &["Enter"], "train and judge what is chosen"), run: Train::start },
    Command { row: row("choose", &["Space"], "choose or drop a classifier, next value"), run: Train::choose },
    Command { row: row("cancel", &["x"], "stop the training; finished runs stay"), run: Train::cancel },
    Command { row: row("less", &["h", "Left"], "previous value"), run: |train, _| train.change(-1) },
    Command { row: row("more", &["l", "Right"], "next value"), run: |train, _| train.change(1) },
    Command { row: row("all", &["a"], "choose all classifiers, or none"), run: Train::all },
];

const fn row(name: &'static str, keys: &'static [&'static str], help: &'static str) -> Row {
    Row { name, keys, help }
}

impl Default for Train {
    fn default() -> Train {
        Train {
            cursor: Cursor::new(CLASSIFIERS.len() + CHOICES.len()),
            models: CLASSIFIERS.iter().map(|kind| FIRST.contains(&kind.name())).collect(),
            plan: PLANS[0],
            planned: false,
            target: 0,
            norm: 0,
            features: 0,
            epochs: 0,
            seed: 0,
            watching: false,
        }
    }
}

impl Screen for Train {
    fn name(&self) -> &'static str {
        "train"
    }

    fn rows(&self) -> Vec<&'static Row> {
        rows(COMMANDS)
    }

    fn run(&mut self, command: &str, bench: &mut Workbench) -> Outcome {
        named(COMMANDS, command).map_or(Ok(Then::Stay), |command| (command.run)(self, bench))
    }

    fn arrive(&mut self, _topic: Topic, bench: &mut Workbench) -> Outcome {
        self.watching = bench.training().is_some_and(Training::is_running);
        Ok(Then::Stay)
    }

    fn sync(&mut self, bench: &mut Workbench) -> Then {
        if !self.planned && *bench.opening() == Opening::Open {
            (self.plan, self.planned) = (default_plan(bench.corpus()), true);
        }
        let Some(training) = bench.training() else { return Then::Stay };
        match &training.end {
            None => self.watching = true,
            Some(Ok(())) if std::mem::take(&mut self.watching) => return Then::Open("results", Topic::Itself),
            Some(_) => self.watching = false,
        }
        Then::Stay
    }

    fn list(&mut self) -> Option<&mut Cursor> {
        Some(&mut self.cursor)
    }

    fn has_list(&self) -> bool {
        true
    }

    fn tick(&self, bench: &Workbench) -> Option<Duration> {
        // Time passes and is left.
        bench.training().filter(|training| training.is_running()).map(|_| Duration::from_secs(1))
    }

    fn draw(&self, buffer: &mut Buffer, area: Rect, bench: &Workbench, theme: &Theme) {
        let [form, _, live] = widgets::columns(
            area,
            [Constraint::Length(32.min(area.width / 2)), Constraint::Length(2), Constraint::Min(0)],
        );
        self.form(buffer, form, theme);
        match bench.training() {
            Some(training) if training.is_running() => progress(buffer, live, training, theme),
            last => self.idle(buffer, live, last, theme),
        }
    }
}

impl Train {
    fn start(&mut self, bench: &mut Workbench) -> Outcome {
        let chosen = CLASSIFIERS.iter().zip(&self.models).filter(|(_, chosen)| **chosen);
        let models: Vec<String> = chosen.map(|(kind, _)| kind.name().to_owned()).collect();
        anyhow::ensure!(!models.is_empty(), "choose a classifier first: Space");
        bench.compare(Request {
            models,
            features: self.features.checked_sub(1).map(|place| FEATURE_SETS[place].name().to_owned()),
            plan: self.plan,
            target: TARGETS[self.target],
            norm: NORMS[self.norm],
            epochs: EPOCHS[self.epochs],
            seed: self.seed,
            nets: BTreeMap::default(),
            effort: Effort::default(),
        })?;
        Ok(Then::Say("training; x cancels".to_owned()))
    }

    fn cancel(&mut self, bench: &mut Workbench) -> Outcome {
        if !bench.training().is_some_and(Training::is_running) {
            return Ok(Then::Say("nothing is running".to_owned()));
        }
        bench.cancel();
        Ok(Then::Say("cancelling; finished runs stay".to_owned()))
    }

    fn choose(&mut self, _bench: &mut Workbench) -> Outcome {
        self.change(1)
    }

    fn all(&mut self, _bench: &mut Workbench) -> Outcome {
        let all = self.models.iter().any(|chosen| !chosen);
        self.models.fill(all);
        Ok(Then::Stay)
    }

    fn change(&mut self, by: isize) -> Outcome {
        let row = self.cursor.row().unwrap_or(0);
        if let Some(chosen) = self.models.get_mut(row) {
            *chosen = !*chosen;
            return Ok(Then::Stay);
        }
        let Some((choice, _)) = CHOICES.get(row - self.models.len()) else { return Ok(Then::Stay) };
        match choice {
            Choice::Plan => {
                let mut place = PLANS.iter().position(|plan| *plan == self.plan).unwrap_or(0);
                turn(&mut place, by, PLANS.len());
                (self.plan, self.planned) = (PLANS[place], true);
            }
            Choice::Target => turn(&mut self.target, by, TARGETS.len()),
            Choice::Norm => turn(&mut self.norm, by, NORMS.len()),
            Choice::Features => turn(&mut self.features, by, FEATURE_SETS.len() + 1),
            Choice::Epochs => turn(&mut self.epochs, by, EPOCHS.len()),
            Choice::Seed => self.seed = self.seed.saturating_add_signed(by as i64),
        }
        Ok(Then::Stay)
    }

    fn form(&self, buffer: &mut Buffer, area: Rect, theme: &Theme) {
        put(buffer, line(area, 0), "classifiers", theme.dim());
        let models = self.models.len();
        // The heading of the choices takes a line of its own between the two parts of one list.
        let list = Rect { y: area.y + 1, height: area.height.saturating_sub(2), ..area };
        for (at, row) in self.cursor.window(usize::from(list.height)).enumerate() {
            let place = line(list, at as u16 + u16::from(row >= models));
            if row == models {
                put(buffer, line(list, at as u16), "how", theme.dim());
            }
            if let Some(chosen) = self.models.get(row) {
                let sign = if *chosen { "[x]" } else { "[ ]" };
                let rest = put(buffer, place, &format!("{sign} "), theme.accent());
                put(buffer, rest, CLASSIFIERS[row].name(), theme.text());
            } else if let Some((choice, name)) = CHOICES.get(row - models) {
                let rest = put(buffer, place, &format!("{name:<10}"), theme.text());
                put(buffer, rest, &format!("< {} >", self.value(*choice)), theme.accent());
            }
            if self.cursor.row() == Some(row) {
                buffer.set_style(place.intersection(buffer.area), theme.selected());
            }
        }
    }

    fn value(&self, choice: Choice) -> String {
        match choice {
            Choice::Plan => self.plan.to_string(),
            Choice::Target => TARGETS[self.target].to_string(),
            Choice::Norm => NORMS[self.norm].to_string(),
            Choice::Features => {
                self.features.checked_sub(1).map_or("default", |place| FEATURE_SETS[place].name()).to_owned()
            }
            Choice::Epochs => EPOCHS[self.epochs].map_or_else(|| "default".to_owned(), |epochs| epochs.to_string()),
            Choice::Seed => self.seed.to_string(),
        }
    }

    /// What the selected row means, while nothing is being trained; in lines of at most `width` columns.
    fn about(&self, width: u16) -> Vec<String> {
        let row = self.cursor.row().unwrap_or(0);
        let text = match CLASSIFIERS.get(row) {
            Some(kind) => kind.about(),
            None => CHOICES.get(row - self.models.len()).map_or("", |(choice, _)| explained(*choice)),
        };
        widgets::wrap(text, usize::from(width))
    }

    /// What the selected row means, and below it how the last training ended, if there was one.
    fn idle(&self, buffer: &mut Buffer, area: Rect, last: Option<&Training>, theme: &Theme) {
        let text = self.about(area.width);
        let lines = text.len() as u16;
        for (at, text) in text.iter().enumerate() {
            put(buffer, line(area, at as u16 + 1), text, theme.text());
        }
        put(buffer, line(area, lines + 2), "Enter starts", theme.strong());
        if let Some(last) = last {
            // At half the height where the text leaves that much, so that it stays put from row to row.
            let above = (area.height / 2).max(lines + 4).min(area.height);
            progress(buffer, Rect { y: area.y + above, height: area.height - above, ..area }, last, theme);
        }
    }
}

fn explained(choice: Choice) -> &'static str {
    match choice {
        Choice::Plan => {
            "How training and test are kept apart. loso: one speaker is left out at a time. speakers:K: K groups of \
             speakers. random:K: clips at random, so speakers leak; it runs beside its speaker-independent twin."
        }
        Choice::Target => "What is to be recognised.",
        Choice::Norm => {
            "How features are scaled: on the training clips, within each speaker (needs a speaker's clips together), \
             or not at all."
        }
        Choice::Features => "The feature set, for the classifiers that can read it; the others take their default.",
        Choice::Epochs => "The most epochs for networks; they stop earlier when the inner split stops improving.",
        Choice::Seed => "Of everything random. The same seed gives the same result.",
    }
}

fn turn(place: &mut usize, by: isize, len: usize) {
    let mut cursor = Cursor::new(len);
    cursor.select(*place);
    cursor.step_around(by);
    *place = cursor.row().unwrap_or(0);
}

fn progress(buffer: &mut Buffer, area: Rect, training: &Training, theme: &Theme) {
    let finished = (training.finished.len() as u16).min(area.height.saturating_sub(4) / 3);
    let (text, style) = state_of(training, theme);
    // A reason why it failed may be long.
    let text = widgets::wrap(&text, usize::from(area.width));
    let [state, gauge, now, runs, curves] = widgets::rows(
        area,
        [
            Constraint::Length(text.len() as u16),
            Constraint::Length(1),
            Constraint::Length(1),
            Constraint::Length(finished + 1),
            Constraint::Min(0),
        ],
    );
    for (at, text) in text.iter().enumerate() {
        put(buffer, line(state, at as u16), text, style);
    }
    bars::draw(buffer, gauge, &[("all".to_owned(), Some(training.share()))], theme);
    put(buffer, now, &at_work(training), theme.text());
    // The newest runs, when not all have room.
    let skipped = training.finished.len() - usize::from(finished);
    for (at, judged) in training.finished.iter().skip(skipped).enumerate() {
        let place = line(runs, at as u16);
        let (recipe, plan) = (&judged.run.recipe, &judged.run.protocol.plan);
        let leak = if plan.speakers_leak { " LEAK" } else { "" };
        let rest = put(buffer, place, &format!("{} {}{leak}", recipe.classifier, plan.plan), theme.text());
        put_right(buffer, rest, &format!("  UAR {}", percent(judged.summary.uar)), theme.strong());
    }
    if let Some(fold) = followed(&training.epochs, training.folds.0).filter(|_| curves.height >= 8) {
        let [loss, uar] = widgets::rows(curves, [Constraint::Fill(1), Constraint::Fill(1)]);
        let (losses, uars) = series(training, fold);
        curves::draw(buffer, loss, &format!("fold {}: loss", fold + 1), &losses, None, theme);
        curves::draw(buffer, uar, &format!("fold {}: UAR", fold + 1), &uars, Some(1.0), theme);
    }
}

fn state_of(training: &Training, theme: &Theme) -> (String, ratatui::style::Style) {
    let took = duration(training.elapsed().as_secs_f64());
    match (&training.end, &training.trouble) {
        (Some(Err(reason)), _) => (format!("{reason} after {took}"), theme.bad()),
        (_, Some(trouble)) => (format!("not saved: {trouble}"), theme.bad()),
        (Some(Ok(())), None) => (format!("done in {took}; 4 shows the results"), theme.good()),
        (None, None) => {
            let left = training.remaining().map(|left| format!(", about {} left", duration(left.as_secs_f64())));
            (format!("running for {took}{}", left.unwrap_or_default()), theme.strong())
        }
    }
}

fn at_work(training: &Training) -> String {
    if !training.is_running() {
        return String::new();
    }
    match &training.model {
        Some((model, plan, index, of)) => {
            let (done, folds) = training.folds;
            format!("{model} on {plan} ({} of {of}): {done} of {folds} folds", index + 1)
        }
        None => format!("features: {} of {} clips", training.reading.0, training.reading.1),
    }
}

/// The fold whose curves are shown: the lowest-numbered one still learning, so that folds that learn side by side do not
/// take turns. Which folds have ended is not told, only how many: they are those silent for longest, once another fold
/// has spoken twice since.
fn followed(epochs: &[(usize, Epoch)], ended: usize) -> Option<usize> {
    let mut last: BTreeMap<usize, usize> = BTreeMap::new();
    last.extend(epochs.iter().enumerate().map(|(place, (fold, _))| (*fold, place)));
    let overtaken = |place: usize| {
        let since = epochs[place + 1..].iter().map(|(fold, _)| *fold);
        let mut spoken: BTreeMap<usize, usize> = BTreeMap::new();
        since.for_each(|fold| *spoken.entry(fold).or_default() += 1);
        spoken.values().any(|times| *times > 1)
    };
    let has_ended = |place: usize| last.values().filter(|other| **other < place).count() < ended && overtaken(place);
    last.iter().find(|(_, place)| !has_ended(**place)).map(|(fold, _)| *fold)
}

/// Loss and UAR curves of a fold.
fn series(training: &Training, fold: usize) -> (Vec<Series>, Vec<Series>) {
    let of = |name, pick: fn(&Epoch) -> Option<f64>| {
        let epochs = training.epochs.iter().filter(|(of, _)| *of == fold);
        let points = epochs.filter_map(|(_, epoch)| Some((epoch.epoch as f64, pick(epoch)?))).collect();
        Series { name, points }
    };
    (vec![of("train", |e| Some(e.train_loss)), of("dev", |e| e.dev_loss)], vec![of("dev", |e| e.dev_uar)])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The fold shown after each report of `folds`; `(fold, true)` = that fold has ended.
    fn shown(reports: &[(usize, bool)]) -> Vec<usize> {
        let (mut epochs, mut ended) = (Vec::new(), 0);
        let mut shown = Vec::new();
        for &(fold, end) in reports {
            if end {
                ended += 1;
            } else {
                let epoch = Epoch { epoch: 1, epochs: 9, train_loss: 1.0, dev_loss: None, dev_uar: None, rate: 0.1 };
                epochs.push((fold, epoch));
            }
            shown.extend(followed(&epochs, ended));
        }
        shown
    }

    #[test]
    fn curves_stay_with_one_fold_while_several_learn() {
        assert_eq!(shown(&[(1, false), (0, false), (1, false), (1, false), (0, false)]), [1, 0, 0, 0, 0]);
        // Fold 1 ends first: 0 is still at it.
        assert_eq!(shown(&[(0, false), (1, false), (1, true), (2, false), (0, false), (2, false)]), [0; 6]);
        // Fold 0 ends first: the next one takes over and keeps the place.
        let turns = [(0, false), (1, false), (0, true), (2, false), (1, false), (2, false), (1, false), (2, false)];
        assert_eq!(shown(&turns), [0, 0, 0, 0, 1, 1, 1, 1]);
    }

    #[test]
    fn curves_go_from_fold_to_fold_when_they_learn_one_by_one() {
        assert_eq!(shown(&[(0, false), (0, false), (0, true), (1, false), (1, false), (1, true)]), [0, 0, 0, 0, 1, 1]);
        assert_eq!(followed(&[], 0), None);
    }
}
