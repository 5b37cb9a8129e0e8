//! A training as the Train screen shows it: where it is, how long it will take, curves, confusion so far, runs, the net.
//!
//! Where there is room all of it is seen at once, else one part at a time. Deliberately absent: what is chosen for the
//! next training (`train.rs`).

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Rect};
use ratatui::style::Style;

use crate::learn::Epoch;
use crate::tui::cursor::Cursor;
use crate::tui::theme::Theme;
use crate::tui::widgets::curves::{self, Series};
use crate::tui::widgets::matrix::{self, Matrix};
use crate::tui::widgets::{self, bars, line, percent, put, put_right, tabs};
use crate::workbench::Training;
use crate::workbench::eta::span;
use crate::workbench::live::{Live, Of};

/// From this size on all parts are seen at once, below the lines that say where it is.
const ROOMY: (u16, u16) = (64, 22);

/// Below this width lines that would wrap follow one another.
const NARROW: u16 = 42;

/// What the user looks at.
#[derive(Debug, Clone, Copy, Default)]
pub struct Look {
    view: usize,
    /// The chosen fold, from 0; `None` = the one that learns.
    fold: Option<usize>,
}

/// One part.
#[derive(Clone, Copy, PartialEq, Eq)]
enum View {
    Curves,
    Confusion,
    Runs,
    Net,
}

const VIEWS: [(View, &str); 4] =
    [(View::Curves, "curves"), (View::Confusion, "confusion"), (View::Runs, "runs"), (View::Net, "net")];

/// Where it is, to draw.
struct Scene<'a> {
    training: &'a Training,
    /// The fold looked at; `None` for classifiers without epochs.
    fold: Option<usize>,
    theme: &'a Theme,
}

impl Look {
    /// To the next part, or back.
    pub fn turn(&mut self, by: isize) {
        let mut views = Cursor::new(VIEWS.len());
        views.select(self.view);
        views.step_around(by);
        self.view = views.row().unwrap_or(0);
    }

    /// To an earlier or later fold; past the last one back to the one that learns. A word about where that is.
    pub fn aside(&mut self, live: &Live, by: isize) -> &'static str {
        let folds = live.folds_seen();
        let (Some(now), Some(learning)) = (self.fold(live), live.fold()) else { return "there are no curves yet" };
        let at = folds.iter().position(|fold| *fold == now).unwrap_or(0);
        let Some(fold) = at.checked_add_signed(by).and_then(|at| folds.get(at)) else {
            return if by < 0 { "this is the first fold" } else { "this is the last fold so far" };
        };
        self.fold = (*fold != learning).then_some(*fold);
        if self.fold.is_none() { "the fold that learns" } else { "an earlier fold; . goes on" }
    }

    /// The chosen fold where there is such a one, else the one that learns.
    fn fold(&self, live: &Live) -> Option<usize> {
        self.fold.filter(|fold| live.last_epoch(*fold).is_some()).or_else(|| live.fold())
    }
}

/// Draws a training that runs or has ended.
pub fn draw(buffer: &mut Buffer, area: Rect, (training, look): (&Training, &Look), theme: &Theme) {
    let scene = Scene { training, fold: look.fold(&training.live), theme };
    let lines = scene.lines(area.width);
    let rows = [Constraint::Length(lines.len() as u16), Constraint::Length(1), Constraint::Min(0)];
    let [head, gauge, rest] = widgets::rows(area, rows);
    for (at, (text, style)) in lines.iter().enumerate() {
        put(buffer, line(head, at as u16), text, *style);
    }
    if !training.is_running() && !scene.began() {
        return;
    }
    bars::draw(buffer, gauge, &[("all".to_owned(), Some(training.share()))], theme);
    if rest.width >= ROOMY.0 && rest.height >= ROOMY.1 {
        return scene.all(buffer, rest);
    }
    let [names, body] = widgets::rows(rest, [Constraint::Length(1), Constraint::Min(0)]);
    tabs::draw(buffer, names, VIEWS.iter().map(|(_, name)| *name), look.view, theme);
    scene.view(buffer, body, VIEWS[look.view].0);
}

impl Scene<'_> {
    fn live(&self) -> &Live {
        &self.training.live
    }

    /// Whether anything was learnt, or at least begun.
    fn began(&self) -> bool {
        self.live().model.is_some()
    }

    /// How it goes, in lines of at most `width` columns.
    fn lines(&self, width: u16) -> Vec<(String, Style)> {
        let theme = self.theme;
        let mut all = vec![self.state()];
        if self.training.is_running() {
            all.extend(self.at_work().map(|text| (text, theme.text())));
            let mut facts: Vec<String> = self.figures().into_iter().chain(self.left()).collect();
            if width < NARROW && facts.len() > 1 {
                facts = vec![facts.join("; ")];
            }
            all.extend(facts.into_iter().map(|text| (text, theme.text())));
        }
        all.extend(self.live().trouble.iter().map(|reason| (format!("! {reason}"), theme.warn())));
        let wrapped = |(text, style): (String, Style)| {
            widgets::wrap(&text, usize::from(width)).into_iter().map(move |text| (text, style))
        };
        all.into_iter().flat_map(wrapped).collect()
    }

    fn state(&self) -> (String, Style) {
        let took = span(self.training.elapsed().as_secs_f64());
        match &self.training.end {
            Some(Err(reason)) if self.training.was_cancelled() => (format!("{reason} after {took}"), self.theme.bad()),
            Some(Err(reason)) if self.began() => (format!("{reason} (after {took})"), self.theme.bad()),
            Some(Err(reason)) => (format!("not trained: {reason}"), self.theme.bad()),
            Some(Ok(())) => (format!("done in {took}; 4 shows the results"), self.theme.good()),
            None => {
                let live = self.live();
                let more = live.folds.1 > 1 || live.agenda.series.len() > 1;
                let left = self.training.left().filter(|_| more).map_or_else(String::new, |left| format!("; {left}"));
                (format!("running for {took}{left}"), self.theme.strong())
            }
        }
    }

    /// `cnn, loso (1 of 2): fold 7 of 10 (speaker 12)`.
    fn at_work(&self) -> Option<String> {
        let live = self.live();
        let Some((model, plan, index, of)) = &live.model else {
            let (set, done, clips) = &live.reading;
            return Some(format!("features {set}: {done} of {clips} clips"));
        };
        let (done, folds) = live.folds;
        let fold = match self.fold {
            Some(fold) => {
                let name = live.fold_name(fold).map_or_else(String::new, |name| format!(" ({name})"));
                format!("fold {} of {folds}{name}", fold + 1)
            }
            None => format!("{done} of {folds} folds"),
        };
        let number = if *of > 1 { format!(" ({} of {of})", index + 1) } else { String::new() };
        Some(format!("{model}, {plan}{number}: {fold}"))
    }

    /// `epoch 12 of 40, rate 2.1e-3, 310 clips/s`.
    fn figures(&self) -> Option<String> {
        let epoch = self.live().last_epoch(self.fold?)?;
        let (rate, pace) = (epoch.rate, epoch.pace.clips_per_second);
        Some(format!("epoch {} of {}, rate {rate:.1e}, {pace:.0} clips/s", epoch.epoch, epoch.epochs))
    }

    /// `best epoch 9; this fit at most 40 s left`.
    fn left(&self) -> Option<String> {
        let fold = self.fold?;
        let best = self.live().last_epoch(fold)?.best.map(|best| format!("best epoch {best}"));
        let left = self.training.fit_left(fold).map(|left| format!("this fit {left}"));
        let parts: Vec<String> = best.into_iter().chain(left).collect();
        (!parts.is_empty()).then(|| parts.join("; "))
    }

    fn view(&self, buffer: &mut Buffer, area: Rect, view: View) {
        match view {
            View::Curves => self.curves(buffer, area),
            View::Confusion => self.confusion(buffer, area),
            View::Runs => self.runs(buffer, area),
            View::Net => self.net(buffer, area),
        }
    }

    /// All parts below one another; the curves take what the others leave.
    fn all(&self, buffer: &mut Buffer, area: Rect) {
        let confusion = self.live().so_far().map_or(0, |so_far| so_far.confusion.classes() as u16 + 3);
        let runs = self.live().finished.len().min(6) as u16;
        let net = self.net_lines(area.width).len() as u16;
        let (runs, net) = (runs + u16::from(runs > 0), net + u16::from(net > 0));
        let curves = if self.fold.is_some() { 9 } else { 0 };
        // The least important part goes first where there is not room for all.
        let net = if curves + confusion + runs + net <= area.height { net } else { 0 };
        let confusion = if curves + confusion + runs <= area.height { confusion } else { 0 };
        let parts =
            [Constraint::Min(0), Constraint::Length(confusion), Constraint::Length(runs), Constraint::Length(net)];
        let [top, middle, below, last] = widgets::rows(area, parts);
        let under = |area: Rect| Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
        match self.fold {
            Some(_) => self.curves(buffer, under(top)),
            None => self.no_curves(buffer, under(top)),
        }
        self.confusion(buffer, under(middle));
        self.runs(buffer, under(below));
        self.net(buffer, under(last));
    }

    fn curves(&self, buffer: &mut Buffer, area: Rect) {
        let Some(fold) = self.fold else { return self.no_curves(buffer, area) };
        let ([loss, uar], theme) = (halves(area), self.theme);
        let (losses, uars) = series(self.live(), fold);
        let name =
            |what: &str| if self.live().folds.1 > 1 { format!("fold {}: {what}", fold + 1) } else { what.to_owned() };
        curves::draw(buffer, loss, &name("loss"), &losses, None, theme);
        curves::draw(buffer, uar, &name("UAR"), &uars, Some(1.0), theme);
    }

    fn no_curves(&self, buffer: &mut Buffer, area: Rect) {
        let why = match &self.live().model {
            Some(_) if self.training.net().is_empty() => "no curves: this classifier learns in one go",
            Some(_) => "no epochs yet",
            None => "",
        };
        put(buffer, line(area, 0), why, self.theme.dim());
    }

    fn confusion(&self, buffer: &mut Buffer, area: Rect) {
        let Some(so_far) = self.live().so_far() else {
            put(buffer, line(area, 0), "nothing is judged yet", self.theme.dim());
            return;
        };
        let folds = self.live().folds.1;
        let of = match so_far.of {
            Of::Test(judged) => format!("test clips of {judged} of {folds} folds"),
            Of::Inner(fold, epoch) if folds > 1 => {
                format!("inner validation, fold {}, epoch {epoch}", fold + 1)
            }
            Of::Inner(_, epoch) => format!("inner validation, epoch {epoch}"),
        };
        let text = format!("{of}: UAR {}", percent(so_far.uar()));
        put(buffer, line(area, 0), &text, self.theme.strong());
        let cursor = Cursor::new(so_far.confusion.classes());
        let shown = Matrix {
            classes: &self.live().agenda.classes,
            counts: so_far.confusion.rows(),
            normalised: false,
            truth: cursor,
            pred: cursor,
            marked: false,
        };
        if shown.classes.len() == shown.counts.len() {
            matrix::draw(
                buffer,
                Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area },
                &shown,
                self.theme,
            );
        }
    }

    /// The newest runs, when not all have room.
    fn runs(&self, buffer: &mut Buffer, area: Rect) {
        let finished = &self.live().finished;
        if finished.is_empty() {
            put(buffer, line(area, 0), "no run is finished yet", self.theme.dim());
        }
        let skipped = finished.len().saturating_sub(usize::from(area.height));
        for (at, judged) in finished.iter().skip(skipped).enumerate() {
            let (recipe, plan) = (&judged.run.recipe, &judged.run.protocol.plan);
            let leak = if plan.speakers_leak { " LEAK" } else { "" };
            let text = format!("{} {}{leak}", recipe.classifier, plan.plan);
            let rest = put(buffer, line(area, at as u16), &text, self.theme.text());
            put_right(buffer, rest, &format!("  UAR {}", percent(judged.summary.uar)), self.theme.strong());
        }
    }

    fn net(&self, buffer: &mut Buffer, area: Rect) {
        let lines = self.net_lines(area.width);
        if lines.is_empty() && self.live().model.is_some() {
            put(buffer, line(area, 0), "this classifier is no net", self.theme.dim());
        }
        for (at, text) in lines.iter().take(usize::from(area.height)).enumerate() {
            put(buffer, line(area, at as u16), text, self.theme.dim());
        }
    }

    fn net_lines(&self, width: u16) -> Vec<String> {
        net_lines(&self.training.net(), width)
    }
}

/// A net in lines of at most `width` columns.
pub fn net_lines(net: &[(String, String)], width: u16) -> Vec<String> {
    net.iter().flat_map(|(name, words)| widgets::wrap(&format!("{name}: {words}"), usize::from(width))).collect()
}

/// Places of loss and UAR: side by side or one below the other, as they have more room; where there is room for one,
/// the loss is left with its line of figures.
fn halves(area: Rect) -> [Rect; 2] {
    match area {
        Rect { width: 72.., .. } => {
            let [left, _, right] =
                widgets::columns(area, [Constraint::Fill(1), Constraint::Length(2), Constraint::Fill(1)]);
            [left, right]
        }
        Rect { height: 10.., .. } => widgets::rows(area, [Constraint::Fill(1), Constraint::Fill(1)]),
        _ => widgets::rows(area, [Constraint::Length(1), Constraint::Fill(1)]),
    }
}

/// Loss and UAR curves of a fold.
fn series(live: &Live, fold: usize) -> (Vec<Series>, Vec<Series>) {
    let of = |name, pick: fn(&Epoch) -> Option<f64>| {
        let points = live.epochs_of(fold).filter_map(|epoch| Some((epoch.epoch as f64, pick(epoch)?))).collect();
        Series { name, points }
    };
    (
        vec![of("train", |epoch| Some(epoch.train_loss)), of("dev", |epoch| epoch.dev_loss)],
        vec![of("train", |epoch| epoch.train_uar), of("dev", |epoch| epoch.dev_uar)],
    )
}
