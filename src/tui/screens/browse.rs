//! Browse: the table of clips, sorted, filtered and searched, with the sound of the selected one.
//!
//! Deliberately absent: labelling (see `label.rs`); Browse shows the corpus' labels, Label must not.

use std::collections::HashSet;

use arcstr::ArcStr;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Position, Rect};

use super::{clip_view, opinion};
use crate::corpus::Clip;
use crate::label::{Act, AnnotationId, Turn};
use crate::tui::command::{Command, Row, named, row, rows};
use crate::tui::cursor::Cursor;
use crate::tui::screen::{Answer, Hit, Outcome, Page, Question, Said, Screen, Then, Topic};
use crate::tui::theme::Theme;
use crate::tui::widgets::table::{self, Cell, Column};
use crate::tui::widgets::{self, line, put, put_center, put_right};
use crate::workbench::filter::{Completion, Filter, Known, complete, sex_word, words};
use crate::workbench::opinion::{Ask, Marked, Places};
use crate::workbench::view::Panel;
use crate::workbench::{Opening, Workbench};

/// The screen's state: which clips, in which order, and where the user is.
#[derive(Default)]
pub struct Browse {
    shown: Vec<usize>,
    cursor: Cursor,
    sort: Sort,
    filter: String,
    search: String,
    searched_from: usize,
    given: Option<Given>,
    /// Clips of the corpus and acts of the annotator that `shown` was made from.
    made_from: Option<Stamp>,
}

/// Clips that another screen asked to see.
struct Given {
    title: String,
    order: &'static str,
    clips: Vec<usize>,
    said: Option<Said>,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
struct Sort {
    column: usize,
    descending: bool,
}

/// Tells whether the list must be made anew: the corpus (by its place in memory and length) or the labels changed.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    clips: (usize, usize),
    last_act: Option<AnnotationId>,
}

static COMMANDS: &[Command<Browse>] = &[
    Command { row: row("label", &["Enter"], "hear and label this clip"), run: Browse::open },
    Command { row: row("filter", &["f"], "show only some clips, e.g. label:fear mine:none"), run: Browse::ask_filter },
    Command { row: row("search", &["/"], "find a clip by file, speaker or label"), run: Browse::ask_search },
    Command {
        row: row("review", &["!"], "send to review, or take back; the filter `flag` lists them"),
        run: Browse::review,
    },
    Command { row: row("cut", &["X"], "cut this recording into segments"), run: Browse::cut },
    Command { row: row("sort", &["o"], "sort by the next column"), run: Browse::next_sort },
    Command { row: row("picture", &["v"], "less and less of the sound's picture, then all"), run: Browse::next_panel },
    Command { row: row("problems", &["p"], "files that did not open or look odd"), run: Browse::problems },
    Command { row: row("next hit", &["n"], "next clip that the search finds"), run: |s, b| s.hit(b, 1) },
    Command { row: row("previous hit", &["N"], "previous clip that the search finds"), run: |s, b| s.hit(b, -1) },
    Command { row: row("model", &["m"], "what a model says of the clip, or nothing"), run: Browse::switch_model },
    Command {
        row: row("spoke", &["s"], "mark what spoke for the model's class, the corpus', none"),
        run: Browse::mark,
    },
    Command { row: row("reverse", &["O"], "sort the other way round"), run: Browse::reverse },
];

/// The last one only for clips that something was said of.
const COLUMNS: [Column; 7] = [
    Column::text("file", 14).growing(),
    Column::text("speaker", 9).rank(1),
    Column::text("sex", 6).rank(2),
    Column::text("label", 12),
    Column::number("seconds", 7).rank(1),
    Column::text("mine", 12),
    Column::text("heard as", 14),
];
/// Columns that can be sorted by.
const SORTED: usize = COLUMNS.len() - 1;

impl Screen for Browse {
    fn name(&self) -> &'static str {
        "browse"
    }

    fn rows(&self) -> Vec<&'static Row> {
        rows(COMMANDS)
    }

    fn run(&mut self, command: &str, bench: &mut Workbench) -> Outcome {
        named(COMMANDS, command).map_or(Ok(Then::Stay), |command| (command.run)(self, bench))
    }

    fn refusal(&self, command: &str, bench: &Workbench) -> Option<&'static str> {
        match command {
            "label" | "review" | "cut" if self.clip(bench).is_none() => Some("no clip is selected"),
            "problems" if bench.corpus().problems.is_empty() => Some("no problems were met"),
            "next hit" | "previous hit" if self.search.is_empty() => Some("nothing was searched yet; / searches"),
            _ => None,
        }
    }

    fn arrive(&mut self, topic: Topic, bench: &mut Workbench) -> Outcome {
        self.given = match topic {
            Topic::Clips { title, order, clips, said } => Some(Given { title, order, clips, said }),
            _ => None,
        };
        self.made_from = None;
        self.sync(bench);
        if let Some(given) = &self.given {
            if let Some(said) = &given.said {
                bench.see_run(&given.clips, &said.by);
            }
            // From a number to its sound in one key.
            self.cursor.first();
            self.clip(bench).into_iter().for_each(|clip| bench.play(clip));
        }
        Ok(Then::Stay)
    }

    fn leave(&mut self, _bench: &mut Workbench) {
        (self.given, self.made_from) = (None, None);
    }

    fn unwind(&mut self, bench: &mut Workbench) -> bool {
        let restricted = self.given.is_some() || !self.filter.is_empty();
        (self.given, self.filter) = (None, String::new());
        self.remake(bench);
        restricted
    }

    fn sync(&mut self, bench: &mut Workbench) -> Then {
        if *bench.opening() != Opening::Open {
            // The corpus is read anew: the places of clips mean others then.
            self.given = None;
        }
        if self.made_from != Some(stamp(bench)) {
            self.remake(bench);
        }
        if *bench.opening() == Opening::Open
            && let Some(clip) = bench.beginning()
        {
            self.find_clip(clip, bench);
        }
        if let Some(clip) = self.clip(bench) {
            bench.want(clip);
            let (below, many) = (self.cursor.row().map_or(0, |row| row + 1), bench.send_ahead());
            let coming = self.shown.get(below..).unwrap_or_default();
            bench.expect(&coming[..many.min(coming.len())]);
            if bench.opinion_places().browse {
                bench.ask(Ask::Scores(clip));
                bench.see_opinion(clip);
                opinion::marked(bench, clip).into_iter().for_each(|class| bench.ask(Ask::Salience(clip, class)));
            }
        }
        Then::Stay
    }

    fn complete(&self, purpose: &str, typed: &str, bench: &Workbench) -> Completion {
        match purpose {
            "filter" | "search" => with_known(bench, |known| complete(typed, bench.corpus(), known)),
            opinion::MODEL => opinion::complete(typed),
            _ => Completion::default(),
        }
    }

    fn answer(&mut self, purpose: &str, answer: Answer, bench: &mut Workbench) -> Outcome {
        match (purpose, answer) {
            ("filter", Answer::Done(text)) => self.set_filter(text, bench),
            (opinion::MODEL, Answer::Done(named)) => {
                bench.opinion_places_mut().browse = opinion::consult(&named, bench)?;
                Ok(Then::Stay)
            }
            ("search", Answer::Typing(text)) => {
                self.search = text;
                self.cursor.select(self.searched_from);
                // What is half typed may be no filter yet.
                if let Some(filter) = Filter::parse(&self.search, bench.corpus()).ok().filter(|one| !one.is_empty()) {
                    self.find(bench, &filter, 0);
                }
                Ok(Then::Stay)
            }
            ("search", Answer::Done(text)) => {
                self.search = text;
                self.cursor.select(self.searched_from);
                self.hit_or_say(bench, 0)
            }
            ("search", Answer::Dropped) => {
                self.cursor.select(self.searched_from);
                Ok(Then::Stay)
            }
            _ => Ok(Then::Stay),
        }
    }

    fn list(&mut self) -> Option<&mut Cursor> {
        Some(&mut self.cursor)
    }

    fn has_list(&self) -> bool {
        true
    }

    fn list_area(&self, body: Rect, bench: &Workbench) -> Rect {
        table::body(parts(body, bench)[1])
    }

    fn hit(&self, at: Position, body: Rect, bench: &Workbench) -> Option<Hit> {
        let [_, list, _, picture, _] = parts(body, bench);
        let head = table::head(self.columns(), list, at).filter(|column| *column < SORTED).map(Hit::Head);
        head.or_else(|| {
            let shown = (self.clip(bench)?, bench.view().browse);
            clip_view::moment(at, beside(picture, bench)[0], bench, shown).map(Hit::Moment)
        })
    }

    fn sort_by(&mut self, column: usize, bench: &mut Workbench) -> Outcome {
        let descending = column == self.sort.column && !self.sort.descending;
        self.sort = Sort { column, descending };
        self.remake(bench);
        Ok(Then::Say(format!("sorted by {}", COLUMNS[column].title)))
    }

    fn seen(&self, rows: usize, bench: &mut Workbench) {
        bench.see_corpus(&self.shown[self.cursor.window(rows)]);
    }

    fn clip(&self, _bench: &Workbench) -> Option<usize> {
        self.shown.get(self.cursor.row()?).copied()
    }

    fn find_clip(&mut self, clip: usize, _bench: &mut Workbench) -> bool {
        let row = self.shown.iter().position(|&shown| shown == clip);
        row.into_iter().for_each(|row| self.cursor.select(row));
        row.is_some()
    }

    fn has_sound(&self) -> bool {
        true
    }

    fn has_picture(&self) -> bool {
        true
    }

    fn draw(&self, buffer: &mut Buffer, area: Rect, bench: &Workbench, theme: &Theme) {
        let [head, list, facts, picture, time] = parts(area, bench);
        match bench.opening() {
            Opening::Open => {}
            Opening::Scanning(scanned) => {
                let text = format!("reading the corpus: {} of {} files", scanned.done, scanned.total);
                return put_center(buffer, line(area, area.height / 2), &text, theme.text());
            }
            Opening::Failed(reason) => return failed(buffer, area, reason, theme),
        }
        self.heading(buffer, head, bench, theme);
        table::draw(buffer, list, self.columns(), &self.cursor, theme, |row| {
            let clip = &bench.corpus().clips[self.shown[row]];
            let mut cells = cells(clip, bench, theme);
            cells.extend(self.said(self.shown[row]).map(Cell::from));
            cells
        });
        if self.shown.is_empty() && !self.filter.is_empty() {
            put_center(buffer, line(list, 2), "no clip passes; Esc shows all, f asks for others", theme.text());
        }
        if let Some(clip) = self.clip(bench) {
            match widgets::is_wide(area) {
                true => details(buffer, facts, (&bench.corpus().clips[clip], bench), theme),
                false => drop(put(buffer, facts, &about(&bench.corpus().clips[clip]), theme.strong())),
            }
            let (panel, marked) = (bench.view().browse, opinion::marked(bench, clip).filter(|_| shows_model(bench)));
            let [picture, _, says] = beside(picture, bench);
            let salience = marked.and_then(|class| bench.adviser()?.salience(clip, class)?);
            clip_view::draw(buffer, picture, bench, (clip, panel, salience), theme);
            clip_view::time(buffer, time, bench, (clip, panel), theme);
            if shows_model(bench) {
                opinion::panel(buffer, says, bench, (clip, marked), theme);
            }
        }
    }
}

impl Browse {
    /// To the Label screen; from a list that another screen gave, for this clip alone.
    fn open(&mut self, bench: &mut Workbench) -> Outcome {
        let Some(clip) = self.clip(bench) else { return Ok(Then::Say("no clip is selected".to_owned())) };
        if bench.corpus().clips[clip].is_cut() {
            return Ok(Then::Say("its segments are labelled, each by itself; X opens the recording".to_owned()));
        }
        Ok(Then::Open("label", if self.given.is_some() { Topic::Review(clip) } else { Topic::Clip(clip) }))
    }

    fn cut(&mut self, bench: &mut Workbench) -> Outcome {
        let clip = self.clip(bench);
        Ok(clip.map_or(Then::Say("no clip is selected".to_owned()), |clip| Then::Open("cut", Topic::Clip(clip))))
    }

    /// Sets or takes back the flag "look at this again".
    fn review(&mut self, bench: &mut Workbench) -> Outcome {
        let Some(clip) = self.clip(bench) else { return Ok(Then::Stay) };
        let flag = !bench.ledger().flagged(&bench.corpus().clips[clip].id);
        bench.annotate(Turn::main(clip), Act::Flag(flag), None)?;
        let text = if flag { "sent to review; f flag lists what is" } else { "not to be reviewed any more" };
        Ok(Then::Say(text.to_owned()))
    }

    fn columns(&self) -> &'static [Column] {
        let said = self.given.as_ref().is_some_and(|given| given.said.is_some());
        if said { &COLUMNS } else { &COLUMNS[..SORTED] }
    }

    /// What was said of a clip, where it was chosen by that.
    fn said(&self, clip: usize) -> Option<&str> {
        let given = self.given.as_ref()?;
        let place = given.clips.iter().position(|&other| other == clip)?;
        given.said.as_ref()?.words.get(place).map(String::as_str)
    }

    fn ask_filter(&mut self, _bench: &mut Workbench) -> Outcome {
        Ok(Then::Ask(Question { purpose: "filter", prompt: "filter:".to_owned(), text: self.filter.clone() }))
    }

    fn ask_search(&mut self, _bench: &mut Workbench) -> Outcome {
        self.searched_from = self.cursor.row().unwrap_or(0);
        Ok(Then::Ask(Question { purpose: "search", prompt: "/".to_owned(), text: String::new() }))
    }

    fn set_filter(&mut self, text: String, bench: &mut Workbench) -> Outcome {
        Filter::parse(&text, bench.corpus())?;
        self.filter = text;
        self.remake(bench);
        let count = self.shown.len();
        Ok(Then::Say(if self.filter.trim().is_empty() {
            format!("all {count} clips · a filter may ask {}", words())
        } else {
            format!("{count} clips pass")
        }))
    }

    fn next_sort(&mut self, bench: &mut Workbench) -> Outcome {
        self.sort = Sort { column: (self.sort.column + 1) % SORTED, descending: false };
        self.remake(bench);
        Ok(Then::Say(format!("sorted by {}", COLUMNS[self.sort.column].title)))
    }

    fn next_panel(&mut self, bench: &mut Workbench) -> Outcome {
        let panel = bench.view().browse.next();
        bench.view_mut().browse = panel;
        Ok(Then::Say(panel.name().to_owned()))
    }

    fn switch_model(&mut self, bench: &mut Workbench) -> Outcome {
        if shows_model(bench) {
            *bench.opinion_places_mut() = Places { label: bench.opinion_places().label, ..Places::default() };
            return Ok(Then::Say("no model is asked here".to_owned()));
        }
        Ok(opinion::question(bench))
    }

    /// What is marked in the picture: nothing, what spoke for the model's class, for the corpus' class where it is another.
    fn mark(&mut self, bench: &mut Workbench) -> Outcome {
        if !shows_model(bench) {
            bench.opinion_places_mut().marked = Marked::Predicted;
            return Ok(opinion::question(bench));
        }
        let before = self.clip(bench).and_then(|clip| opinion::marked(bench, clip));
        let next = match bench.opinion_places().marked {
            Marked::Nothing => Marked::Predicted,
            Marked::Predicted => Marked::Labelled,
            Marked::Labelled => Marked::Nothing,
        };
        bench.opinion_places_mut().marked = next;
        let after = self.clip(bench).and_then(|clip| opinion::marked(bench, clip));
        if next == Marked::Labelled && (after.is_none() || after == before) {
            bench.opinion_places_mut().marked = Marked::Nothing;
        }
        Ok(Then::Say(
            match bench.opinion_places().marked {
                Marked::Nothing => "nothing is marked",
                Marked::Predicted => "marked: what spoke for the model's class",
                Marked::Labelled => "marked: what spoke for the corpus' class",
            }
            .to_owned(),
        ))
    }

    fn reverse(&mut self, bench: &mut Workbench) -> Outcome {
        self.sort.descending = !self.sort.descending;
        self.remake(bench);
        Ok(Then::Stay)
    }

    fn problems(&mut self, bench: &mut Workbench) -> Outcome {
        let problems = &bench.corpus().problems;
        let mut lines = Vec::new();
        for problem in problems {
            lines.extend(widgets::wrap(&format!("{}: {}", problem.file, problem.reason), 70));
        }
        Ok(Then::Show(Page { title: format!("{} problems", problems.len()), lines }))
    }

    fn hit(&mut self, bench: &mut Workbench, step: isize) -> Outcome {
        self.hit_or_say(bench, step)
    }

    fn hit_or_say(&mut self, bench: &Workbench, step: isize) -> Outcome {
        if self.search.is_empty() {
            return Ok(Then::Stay);
        }
        let filter = Filter::parse(&self.search, bench.corpus())?;
        if !self.find(bench, &filter, step) {
            return Ok(Then::Say(format!("nothing matches `{}`", self.search)));
        }
        let clips = &bench.corpus().clips;
        let count =
            with_known(bench, |known| self.shown.iter().filter(|&&clip| filter.passes(&clips[clip], known)).count());
        Ok(Then::Say(format!("{count} of these match; n goes to the next")))
    }

    /// Goes to the next row that matches, around the ends, starting `step` rows away (0 = the selected one counts).
    fn find(&mut self, bench: &Workbench, filter: &Filter, step: isize) -> bool {
        let mut trial = self.cursor;
        trial.step_around(step);
        let found = with_known(bench, |known| {
            (0..self.shown.len()).any(|_| {
                let clip = trial.row().map(|row| &bench.corpus().clips[self.shown[row]]);
                let hit = clip.is_some_and(|clip| filter.passes(clip, known));
                if !hit {
                    trial.step_around(if step < 0 { -1 } else { 1 });
                }
                hit
            })
        });
        if found {
            self.cursor = trial;
        }
        found
    }

    /// Makes the list anew and stays on the selected clip if it is still there.
    fn remake(&mut self, bench: &Workbench) {
        let stays = self.clip(bench);
        let corpus = bench.corpus();
        // Only filters that were read without a mistake are kept.
        let filter = Filter::parse(&self.filter, corpus).unwrap_or_default();
        let all = 0..corpus.clips.len();
        let mut shown: Vec<usize> = match &self.given {
            Some(given) => given.clips.iter().copied().filter(|clip| all.contains(clip)).collect(),
            None => all.collect(),
        };
        if !filter.is_empty() {
            with_known(bench, |known| shown.retain(|&clip| filter.passes(&corpus.clips[clip], known)));
        }
        if self.given.is_none() || self.sort != Sort::default() {
            sort(&mut shown, self.sort, bench);
        }
        self.cursor.resize(shown.len());
        if let Some(row) = stays.and_then(|clip| shown.iter().position(|&other| other == clip)) {
            self.cursor.select(row);
        }
        self.shown = shown;
        self.made_from = Some(stamp(bench));
    }

    fn heading(&self, buffer: &mut Buffer, area: Rect, bench: &Workbench, theme: &Theme) {
        let all = bench.corpus().clips.len();
        let mut rest = put(buffer, area, &format!("{} of {all} clips", self.shown.len()), theme.strong());
        if let Some(given) = &self.given {
            rest = put(buffer, rest, &format!("  {}  (Esc goes back)", given.title), theme.accent());
        }
        if !self.filter.is_empty() {
            rest = put(buffer, rest, &format!("  filter {}", self.filter), theme.accent());
        }
        let arrow = if self.sort.descending { "descending" } else { "ascending" };
        let order = match &self.given {
            Some(given) if self.sort == Sort::default() => format!("  {}", given.order),
            _ => format!("  by {} {arrow}", COLUMNS[self.sort.column].title),
        };
        put_right(buffer, rest, &order, theme.dim());
    }
}

/// Lines of what is known of a clip, where it has a line each.
const DETAILS: u16 = 6;
/// Columns of what a model says.
const SAYS: u16 = 28;

fn shows_model(bench: &Workbench) -> bool {
    bench.opinion_places().browse && bench.adviser().is_some()
}

/// Heading, table, facts, picture, time.
fn parts(area: Rect, bench: &Workbench) -> [Rect; 5] {
    let picture = match bench.view().browse {
        Panel::Curves | Panel::Spectrogram => (area.height / 2).clamp(4, 26),
        Panel::Waveform => (area.height / 5).clamp(2, 8),
        Panel::Nothing => 0,
    };
    let picture = if shows_model(bench) { picture.max(area.height / 2) } else { picture };
    let fixed = Constraint::Length;
    if widgets::is_wide(area) {
        return beside_list(area, bench);
    }
    // Two lines a step, as long as either has enough to show anything.
    let moved = picture.saturating_add_signed(-2 * bench.view().borders.list);
    let picture = if picture == 0 { 0 } else { moved.clamp(2, area.height.saturating_sub(7).max(2)) };
    widgets::rows(area, [fixed(1), Constraint::Min(3), fixed(1), fixed(picture), fixed(1)])
}

/// The same side by side: heading over both, the table at the left.
fn beside_list(area: Rect, bench: &Workbench) -> [Rect; 5] {
    const STEP: i16 = 6;
    let fixed = Constraint::Length;
    let [head, below] = widgets::rows(area, [fixed(1), Constraint::Min(0)]);
    let list = (area.width * 2 / 5).saturating_add_signed(STEP * bench.view().borders.list);
    let [list, _, right] =
        widgets::columns(below, [fixed(list.clamp(40, area.width - 62)), fixed(3), Constraint::Min(0)]);
    let [facts, _, picture, time] = widgets::rows(right, [fixed(DETAILS), fixed(1), Constraint::Min(0), fixed(1)]);
    [head, list, facts, picture, time]
}

/// What is known of a clip, a line each.
fn details(buffer: &mut Buffer, area: Rect, (clip, bench): (&Clip, &Workbench), theme: &Theme) {
    let dash = |text: Option<&str>| text.unwrap_or("–").to_owned();
    let intensity = clip.intensity.as_deref().map_or_else(String::new, |how| format!(" · {how}"));
    let flag = if bench.ledger().flagged(&clip.id) { " · ! to be reviewed" } else { "" };
    let all = [
        ("file", clip.id.0.to_string()),
        ("label", format!("{}{intensity}", dash(clip.label.as_deref()))),
        ("mine", format!("{}{flag}", dash(bench.ledger().label(&clip.id)))),
        ("speaker", format!("{} · {}", dash(clip.speaker.as_deref()), dash(clip.sex.map(sex_word)))),
        ("sound", format!("{:.2} s · {}", clip.audio.seconds, sound(clip))),
        ("said", dash(clip.words.as_deref().or(clip.text.as_deref()))),
    ];
    for (at, (name, value)) in all.iter().enumerate() {
        let rest = put(buffer, line(area, at as u16), &format!("{name:<9}"), theme.dim());
        put(buffer, rest, value, if at == 0 { theme.strong() } else { theme.text() });
    }
}

/// Picture, a free column, what a model says.
fn beside(area: Rect, bench: &Workbench) -> [Rect; 3] {
    let says = if shows_model(bench) { SAYS } else { 0 };
    let fixed = Constraint::Length;
    widgets::columns(area, [Constraint::Min(0), fixed(says.min(1)), fixed(says)])
}

fn stamp(bench: &Workbench) -> Stamp {
    let clips = &bench.corpus().clips;
    Stamp { clips: (clips.as_ptr() as usize, clips.len()), last_act: bench.ledger().undo_target().map(|(id, _)| id) }
}

fn with_known<T>(bench: &Workbench, ask: impl FnOnce(Known<'_>) -> T) -> T {
    let problems: HashSet<&str> = bench.corpus().problems.iter().map(|problem| problem.file.as_str()).collect();
    ask(Known { ledger: bench.ledger(), problems: &problems })
}

fn sort(shown: &mut [usize], by: Sort, bench: &Workbench) {
    let clips = &bench.corpus().clips;
    let key = |clip: &usize| -> (Option<ArcStr>, u64) {
        let one = &clips[*clip];
        match by.column {
            0 => (None, *clip as u64),
            1 => (one.speaker.clone(), 0),
            2 => (one.sex.map(|sex| sex_word(sex).into()), 0),
            3 => (one.label.clone(), 0),
            4 => (None, (one.audio.seconds * 1e6) as u64),
            _ => (bench.ledger().label(&one.id).map(ArcStr::from), 0),
        }
    };
    shown.sort_by_cached_key(|clip| (key(clip), *clip));
    if by.descending {
        shown.reverse();
    }
}

fn cells(clip: &Clip, bench: &Workbench, theme: &Theme) -> Vec<Cell> {
    let dash = |text: Option<&str>| text.unwrap_or("–").to_owned();
    let mine = bench.ledger().label(&clip.id);
    let flag = if bench.ledger().flagged(&clip.id) { "! " } else { "" };
    let differs = mine.is_some() && clip.label.as_deref().is_some_and(|label| mine != Some(label));
    vec![
        Cell::from(clip.id.0.to_string()),
        Cell::from(dash(clip.speaker.as_deref())),
        Cell::from(dash(clip.sex.map(sex_word))),
        Cell::from(dash(clip.label.as_deref())),
        Cell::from(format!("{:.2}", clip.audio.seconds)),
        Cell {
            // The parts of a recording that is cut are labelled, not itself.
            text: match clip.is_cut() {
                true => "cut up".to_owned(),
                false => format!("{flag}{}{}", dash(mine), if differs { " *" } else { "" }),
            },
            style: if differs { theme.warn() } else { theme.text() },
        },
    ]
}

fn about(clip: &Clip) -> String {
    let mut facts = vec![clip.id.0.to_string()];
    let told = [&clip.label, &clip.intensity];
    facts.extend(told.into_iter().flatten().map(ToString::to_string));
    facts.extend(clip.speaker.as_ref().map(|speaker| format!("speaker {speaker}")));
    facts.push(sound(clip));
    facts.extend(clip.words.as_ref().or(clip.text.as_ref()).map(ToString::to_string));
    facts.join(" · ")
}

/// Its rate, channels and levels.
fn sound(clip: &Clip) -> String {
    let audio = &clip.audio;
    let channels = if audio.channels == 1 { "mono".to_owned() } else { format!("{} channels", audio.channels) };
    format!("{} Hz {channels} · peak {} rms {}", audio.rate, decibel(audio.peak), decibel(audio.rms))
}

fn decibel(level: f32) -> String {
    if level > 0.0 { format!("{:.1} dB", 20.0 * level.log10()) } else { "–".to_owned() }
}

fn failed(buffer: &mut Buffer, area: Rect, reason: &str, theme: &Theme) {
    put_center(buffer, line(area, 2), "the corpus could not be opened", theme.bad());
    for (at, text) in widgets::wrap(reason, usize::from(area.width.saturating_sub(4))).iter().enumerate() {
        put_center(buffer, line(area, at as u16 + 4), text, theme.text());
    }
}
