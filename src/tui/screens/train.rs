//! Train: choose classifiers and how to judge them, start, watch, cancel.
//!
//! What runs and what came of it lives in the Workbench; leaving the screen stops nothing. Deliberately absent: tuning
//! of single classifiers.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Position, Rect};

use super::live::{self, Look};
use crate::corpus::Target;
use crate::corpus::plan::Plan;
use crate::features::FEATURE_SETS;
use crate::learn::{CLASSIFIERS, Norm};
use crate::store::Coin;
use crate::tui::command::{Command, Row, named, row, rows};
use crate::tui::cursor::Cursor;
use crate::tui::screen::{Hit, Outcome, Screen, Then, Topic};
use crate::tui::theme::Theme;
use crate::tui::widgets::{self, line, put, put_right, table};
use crate::workbench::curve::Spending;
use crate::workbench::experiment::{Effort, Request};
use crate::workbench::folds::default_plan;
use crate::workbench::material::contenders;
use crate::workbench::truth::{TRUTHS, Wanted};
use crate::workbench::{Opening, Training, Workbench};

/// The screen's state: what is chosen.
pub struct Train {
    cursor: Cursor,
    models: Vec<bool>,
    plan: Plan,
    /// Whether `plan` was made for this corpus or by the user.
    planned: bool,
    truth: usize,
    target: usize,
    norm: usize,
    /// 0 = each classifier's own default, else a place in `FEATURE_SETS` + 1.
    features: usize,
    epochs: usize,
    seed: u64,
    seeds: usize,
    also: usize,
    /// 0 = everything is learnt from, else a place in `Coin::ALL` + 1.
    curve: usize,
    /// Whether the training was seen running: when it ends, its results are shown once.
    watching: bool,
    /// What of the training is looked at.
    look: Look,
}

static PLANS: [Plan; 8] = [
    Plan::Loso,
    Plan::Speakers(5),
    Plan::Speakers(10),
    Plan::Both(None),
    Plan::Sentences(5),
    Plan::Sentences(10),
    Plan::Random(5),
    Plan::Random(10),
];
const TARGETS: [Target; 3] = [Target::Emotion, Target::Sex, Target::SexEmotion];
const NORMS: [Norm; 3] = [Norm::Train, Norm::Speaker, Norm::None];
const EPOCHS: [Option<usize>; 7] = [None, Some(5), Some(10), Some(20), Some(40), Some(80), Some(160)];
const SEEDS: [usize; 4] = [1, 3, 5, 10];
const ALSO: [Option<Target>; 2] = [None, Some(Target::Sex)];
/// Chosen at first: quick ones and the baseline that they must beat.
const FIRST: [&str; 3] = ["logistic", "svm", "majority"];

/// Columns beside the heading, below which it is told in fewer words how many rows are out of sight.
const NARROW: u16 = 16;

/// One of the choices below the classifiers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Choice {
    Plan,
    Truth,
    Target,
    Norm,
    Features,
    Epochs,
    Seed,
    Seeds,
    Also,
    Curve,
}

const CHOICES: [(Choice, &str); 10] = [
    (Choice::Plan, "plan"),
    (Choice::Truth, "labels"),
    (Choice::Target, "target"),
    (Choice::Norm, "norm"),
    (Choice::Features, "features"),
    (Choice::Epochs, "epochs"),
    (Choice::Seed, "seed"),
    (Choice::Seeds, "seeds"),
    (Choice::Also, "also"),
    (Choice::Curve, "curve"),
];

static COMMANDS: &[Command<Train>] = &[
    Command { row: row("start", &["Enter"], "train and judge what is chosen"), run: Train::start },
    Command { row: row("choose", &["Space"], "choose or drop a classifier, next value"), run: Train::choose },
    Command { row: row("cancel", &["x"], "stop the training; finished runs stay"), run: Train::cancel },
    Command {
        row: row("next view", &["Tab"], "curves, confusion, runs, net, where not all have room"),
        run: Train::turn,
    },
    Command {
        row: row("earlier fold", &[","], "curves of the fold before"),
        run: |train, bench| train.aside(bench, -1),
    },
    Command { row: row("later fold", &["."], "curves of the fold after"), run: |train, bench| train.aside(bench, 1) },
    Command { row: row("less", &["h", "Left"], "previous value"), run: |train, _| train.change(-1) },
    Command { row: row("more", &["l", "Right"], "next value"), run: |train, _| train.change(1) },
    Command { row: row("all", &["a"], "choose all classifiers, or none"), run: Train::all },
];

impl Default for Train {
    fn default() -> Train {
        Train {
            cursor: Cursor::new(CLASSIFIERS.len() + CHOICES.len()),
            models: CLASSIFIERS.iter().map(|kind| FIRST.contains(&kind.name())).collect(),
            plan: PLANS[0].clone(),
            planned: false,
            truth: 0,
            target: 0,
            norm: 0,
            features: 0,
            epochs: 0,
            seed: 0,
            seeds: 0,
            also: 0,
            curve: 0,
            watching: false,
            look: Look::default(),
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

    fn refusal(&self, command: &str, bench: &Workbench) -> Option<&'static str> {
        match command {
            "start" if !self.models.contains(&true) => Some("choose a classifier first: Space"),
            "cancel" if !bench.training().is_some_and(Training::is_running) => Some("nothing is running"),
            "earlier fold" | "later fold" if bench.training().is_none() => Some("nothing was trained yet"),
            _ => None,
        }
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
            Some(Ok(())) => {}
            Some(Err(reason)) if std::mem::take(&mut self.watching) => {
                return Then::Say(if training.was_cancelled() {
                    reason.clone()
                } else {
                    "the training failed".to_owned()
                });
            }
            Some(Err(_)) => {}
        }
        Then::Stay
    }

    fn list(&mut self) -> Option<&mut Cursor> {
        Some(&mut self.cursor)
    }

    fn has_list(&self) -> bool {
        true
    }

    fn list_area(&self, body: Rect, _bench: &Workbench) -> Rect {
        self.rows_area(parts(body)[0])
    }

    fn hit(&self, at: Position, body: Rect, bench: &Workbench) -> Option<Hit> {
        let [form, _, place] = parts(body);
        let lines = self.lines(form);
        let row = lines.iter().find(|(_, line)| line.contains(at)).map(|(row, _)| Hit::Cell(*row, None));
        let begins = !bench.training().is_some_and(Training::is_running) && self.begin(place) == at.y;
        let begin = (begins && place.contains(at)).then_some(Hit::Command("start", 1));
        row.or(begin).or(Some(Hit::Nothing))
    }

    /// A click on a row changes it; to start is a matter of minutes and has a line of its own.
    fn opens(&self) -> Option<&'static str> {
        Some("choose")
    }

    fn tick(&self, bench: &Workbench) -> Option<Duration> {
        // Time passes and is left.
        bench.training().filter(|training| training.is_running()).map(|_| Duration::from_secs(1))
    }

    fn draw(&self, buffer: &mut Buffer, area: Rect, bench: &Workbench, theme: &Theme) {
        let [form, _, place] = parts(area);
        self.form(buffer, form, theme);
        match bench.training() {
            Some(training) if training.is_running() => live::draw(buffer, place, (training, &self.look), theme),
            last => self.idle(buffer, place, last, theme),
        }
    }
}

impl Train {
    /// What people said in the scheme at hand, if that is to be learnt.
    fn truth(&self, bench: &Workbench) -> Option<Wanted> {
        let (method, scheme) = (TRUTHS[self.truth].to_owned(), Some(bench.scheme().name.clone()));
        (self.truth > 0).then(|| Wanted { method, scheme, ..Wanted::default() })
    }

    fn start(&mut self, bench: &mut Workbench) -> Outcome {
        let chosen = CLASSIFIERS.iter().zip(&self.models).filter(|(_, chosen)| **chosen);
        let models: Vec<String> = chosen.map(|(kind, _)| kind.name().to_owned()).collect();
        match self.curve.checked_sub(1).and_then(|place| Coin::ALL.get(place)) {
            None => bench.compare(self.request(models), self.truth(bench))?,
            Some(by) => {
                bench.curve(self.request(models), self.truth(bench), Spending { by: *by, ..Spending::default() })?
            }
        }
        self.look = Look::default();
        Ok(Then::Say("training; x cancels".to_owned()))
    }

    fn request(&self, models: Vec<String>) -> Request {
        Request {
            models,
            features: self.features.checked_sub(1).map(|place| FEATURE_SETS[place].name().to_owned()),
            plan: self.plan.clone(),
            allow: BTreeSet::new(),
            target: TARGETS[self.target],
            norm: NORMS[self.norm],
            epochs: EPOCHS[self.epochs],
            seed: self.seed,
            nets: BTreeMap::default(),
            params: BTreeMap::default(),
            effort: Effort { seeds: SEEDS[self.seeds], also: ALSO[self.also], ..Effort::default() },
        }
    }

    fn turn(&mut self, _bench: &mut Workbench) -> Outcome {
        self.look.turn(1);
        Ok(Then::Stay)
    }

    fn aside(&mut self, bench: &mut Workbench, by: isize) -> Outcome {
        let aside = bench.training().map(|training| self.look.aside(&training.live, by).to_owned());
        Ok(aside.map_or(Then::Stay, Then::Say))
    }

    fn cancel(&mut self, bench: &mut Workbench) -> Outcome {
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
                (self.plan, self.planned) = (PLANS[place].clone(), true);
            }
            Choice::Truth => turn(&mut self.truth, by, TRUTHS.len()),
            Choice::Target => turn(&mut self.target, by, TARGETS.len()),
            Choice::Norm => turn(&mut self.norm, by, NORMS.len()),
            Choice::Features => turn(&mut self.features, by, FEATURE_SETS.len() + 1),
            Choice::Epochs => turn(&mut self.epochs, by, EPOCHS.len()),
            Choice::Seed => self.seed = self.seed.saturating_add_signed(by as i64),
            Choice::Seeds => turn(&mut self.seeds, by, SEEDS.len()),
            Choice::Also => turn(&mut self.also, by, ALSO.len()),
            Choice::Curve => turn(&mut self.curve, by, Coin::ALL.len() + 1),
        }
        Ok(Then::Stay)
    }

    fn form(&self, buffer: &mut Buffer, area: Rect, theme: &Theme) {
        let rest = put(buffer, line(area, 0), "classifiers", theme.dim());
        let (models, lines) = (self.models.len(), self.lines(area));
        let first = lines.first().map_or(0, |(row, _)| *row);
        let more = if rest.width < NARROW { "" } else { "more " };
        let hidden = match models + CHOICES.len() - first - lines.len() {
            0 if first > 0 => format!("{first} {more}above"),
            0 => String::new(),
            below => format!("{below} {more}below"),
        };
        put_right(buffer, rest, &hidden, theme.dim());
        for (row, place) in lines {
            if row == models {
                put(buffer, Rect { y: place.y.saturating_sub(1), ..place }, "how", theme.dim());
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

    fn rows_area(&self, form: Rect) -> Rect {
        let list = table::body(form);
        Rect { height: list.height.saturating_sub(1), ..list }
    }

    /// The rows that are seen and where: the heading of the choices takes a line of its own between the parts of the list.
    fn lines(&self, area: Rect) -> Vec<(usize, Rect)> {
        let list = table::body(area);
        let seen = self.cursor.window(usize::from(self.rows_area(area).height));
        let place = |(at, row): (usize, usize)| (row, line(list, at as u16 + u16::from(row >= self.models.len())));
        seen.enumerate().map(place).collect()
    }

    /// The line that offers to start.
    fn begin(&self, place: Rect) -> u16 {
        line(place, self.about(place.width).len() as u16 + 2).y
    }

    fn value(&self, choice: Choice) -> String {
        match choice {
            Choice::Plan => self.plan.to_string(),
            Choice::Truth => TRUTHS[self.truth].to_owned(),
            Choice::Target => TARGETS[self.target].to_string(),
            Choice::Norm => NORMS[self.norm].to_string(),
            Choice::Features => {
                self.features.checked_sub(1).map_or("default", |place| FEATURE_SETS[place].name()).to_owned()
            }
            Choice::Epochs => EPOCHS[self.epochs].map_or_else(|| "default".to_owned(), |epochs| epochs.to_string()),
            Choice::Seed => self.seed.to_string(),
            Choice::Seeds => SEEDS[self.seeds].to_string(),
            Choice::Also => ALSO[self.also].map_or_else(|| "nothing".to_owned(), |also| also.to_string()),
            Choice::Curve => {
                self.curve.checked_sub(1).map_or_else(|| "no".to_owned(), |place| Coin::ALL[place].to_string())
            }
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

    /// What the selected row means, and below it how the last training ended, if there was one, else the settings of a
    /// net.
    fn idle(&self, buffer: &mut Buffer, area: Rect, last: Option<&Training>, theme: &Theme) {
        let text = self.about(area.width);
        let lines = text.len() as u16;
        for (at, text) in text.iter().enumerate() {
            put(buffer, line(area, at as u16 + 1), text, theme.text());
        }
        put(buffer, Rect { y: self.begin(area), ..line(area, lines + 2) }, "Enter starts", theme.strong());
        let below = |above: u16| Rect { y: area.y + above, height: area.height - above, ..area };
        match last {
            // At a third of the height where the text leaves that much, so that it stays put from row to row.
            Some(last) => {
                let above = (area.height / 3).max(lines + 4).min(area.height);
                live::draw(buffer, below(above), (last, &self.look), theme);
            }
            None => {
                let place = below((lines + 4).min(area.height));
                for (at, text) in self.net(area.width).iter().take(usize::from(place.height)).enumerate() {
                    put(buffer, line(place, at as u16), text, theme.dim());
                }
            }
        }
    }

    /// The selected row's net, if it is one.
    fn net(&self, width: u16) -> Vec<String> {
        let Some(kind) = self.cursor.row().and_then(|row| CLASSIFIERS.get(row)) else { return Vec::new() };
        let all = contenders(&[kind.name().to_owned()]).unwrap_or_default();
        let told: Vec<_> = all.iter().flat_map(|who| self.request(Vec::new()).told(who)).collect();
        live::net_lines(&told, width)
    }
}

/// What may be chosen, a gap, what is known.
fn parts(area: Rect) -> [Rect; 3] {
    let form = if area.width < 80 { 22 } else { 32 };
    widgets::columns(area, [Constraint::Length(form), Constraint::Length(2), Constraint::Min(0)])
}

fn explained(choice: Choice) -> &'static str {
    match choice {
        Choice::Plan => {
            "How training and test are kept apart. loso: one speaker is left out at a time. speakers:K: K groups of \
             speakers. speakers+sentences: neither is shared. sentences:K, random:K: speakers leak; they run beside \
             their speaker-independent twin. Other plans (a column, a file): emolab compare --plan."
        }
        Choice::Truth => {
            "Whose labels are learnt and judged by: the corpus' own, or those given here in this scheme: majority, Dawid-Skene, \
             MACE, gold (decided, else the majority), soft (nets learn the shares)."
        }
        Choice::Target => "What is to be recognised.",
        Choice::Norm => {
            "How features are scaled: on the training clips, within each speaker (needs a speaker's clips together), \
             or not at all."
        }
        Choice::Features => "The feature set, for the classifiers that can read it; the others take their default.",
        Choice::Epochs => {
            "The most epochs for networks. By default what the net says, but more of them with few clips and fewer with many \
             (its steps: least x most)."
        }
        Choice::Seed => "Of everything random. The same seed gives the same result.",
        Choice::Seeds => {
            "Fits with so many seeds that follow one another; their probabilities are averaged. Each takes as long as one."
        }
        Choice::Also => "What nets learn beside the target, by a second head.",
        Choice::Curve => {
            "A learning curve instead of one run: what is reached with fewer speakers or clips to learn from, on the same \
             test clips. 5 points, 3 draws each."
        }
    }
}

fn turn(place: &mut usize, by: isize, len: usize) {
    let mut cursor = Cursor::new(len);
    cursor.select(*place);
    cursor.step_around(by);
    *place = cursor.row().unwrap_or(0);
}
