//! Label: one clip at a time, in the annotator's blind order; one key labels, saves and goes on.
//!
//! A scheme may ask several questions in one pass (`label/form.rs`); each answer is an annotation of its own, on disk at once. A
//! clip is done when every required question has an answer, be it "cannot judge". An answer that a later version of the scheme no
//! longer has stays valid: it counts, is shown as an old answer, and can be replaced like any other.
//!
//! What is shown is the sound, the questions, and what this annotator has said before. Where the annotator has switched a model
//! on, what it says of a clip is shown once that clip has its label, and not before: until then every cell is the same,
//! whatever the model says and whether it has said it yet. Deliberately absent: file name, speaker, the corpus' label.

use anyhow::{Context, Result};
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Position, Rect};

mod around;
mod form;
mod only;
mod possible;
mod sheet;
mod training;

use super::{clip_view, opinion};
use crate::label::{self, Act, Answers, At, Scheme, Turn};
use crate::tui::command::{Command, Row, named, row, rows};
use crate::tui::cursor::Cursor;
use crate::tui::screen::{Answer, Hit, Outcome, Page, Question, Screen, Then, Topic};
use crate::tui::theme::Theme;
use crate::tui::widgets::{self, line, put, put_center, wrap};
use crate::workbench::filter::Completion;
use crate::workbench::opinion::Ask;
use crate::workbench::{Opening, Workbench};
pub use around::safety;
use form::Form;
use only::Only;
use sheet::Sheet;

/// [`Question::purpose`] of the line for an answer that is typed.
const TEXT: &str = "answer";

/// The screen's state: the clip at hand.
#[derive(Default)]
pub struct Label {
    current: Option<Turn>,
    /// Where in the scheme's questions about it.
    form: Form,
    /// The clips before it, the last one last.
    way: Vec<Turn>,
    /// Of which reading of the corpus they are.
    reading: u64,
    /// The Workbench's scheme with a letter for every class that is no command of this screen.
    scheme: Option<Scheme>,
    /// The letters and signs of commands.
    reserved: Vec<char>,
    /// Why the last act is not on disk; stays until one is.
    trouble: Option<String>,
    /// Which clips come next.
    only: Only,
    /// The keys of the classes play examples; how many were played.
    examples: Option<usize>,
    /// Opened for one clip: once that has its label, back to where it was chosen.
    returns: bool,
}

static COMMANDS: &[Command<Label>] = &[
    Command { row: row("undo", &["u"], "take back the last act, on whichever clip it was"), run: Label::undo },
    Command { row: row("skip", &["s"], "not now; it comes again at the end"), run: Label::skip },
    Command { row: row("flag", &["!"], "mark the clip, or unmark it"), run: Label::flag },
    Command { row: row("note", &["c"], "write a remark"), run: Label::ask_note },
    Command {
        row: row("examples", &["x"], "the keys of the classes play examples, or answer again"),
        run: Label::switch_examples,
    },
    Command { row: row("classes", &["i"], "what the classes mean"), run: Label::classes },
    Command {
        row: row("model", &["m"], "what a model says, once you have decided; or no more"),
        run: Label::switch_model,
    },
    Command {
        row: row("on", &["Enter"], "save what is chosen, write; from a clip that is done, to the next"),
        run: Label::on,
    },
    Command {
        row: row("cannot judge", &["0"], "no answer is possible; it counts as missing"),
        run: Label::cannot_judge,
    },
    Command {
        row: row("question after", &["Tab"], "to the next question, also to one that is optional"),
        run: Label::after,
    },
    Command { row: row("question before", &["Shift-Tab"], "to the question before"), run: Label::before },
    Command {
        row: row("only", &["o"], "only skipped clips, flagged, old answers; or all open"),
        run: Label::next_kind,
    },
    Command { row: row("clip before", &["Backspace"], "to the clip before, to change its label"), run: Label::back },
    Command { row: row("redo", &["Ctrl-r"], "do again what was undone"), run: Label::redo },
    Command { row: row("picture", &["v"], "less and less of the sound's picture, then all"), run: Label::next_panel },
];

impl Screen for Label {
    fn name(&self) -> &'static str {
        "label"
    }

    fn rows(&self) -> Vec<&'static Row> {
        rows(COMMANDS)
    }

    fn run(&mut self, command: &str, bench: &mut Workbench) -> Outcome {
        named(COMMANDS, command).map_or(Ok(Then::Stay), |command| (command.run)(self, bench))
    }

    fn refusal(&self, command: &str, bench: &Workbench) -> Option<&'static str> {
        possible::refusal(command, self.current, bench)
    }

    fn arrive(&mut self, topic: Topic, bench: &mut Workbench) -> Outcome {
        self.returns = matches!(topic, Topic::Review(_));
        self.forget_places(bench);
        if let Topic::Clip(clip) | Topic::Review(clip) = topic {
            (self.current, self.form) = (Some(Turn::main(clip)), Form::default());
        }
        self.sync(bench);
        if let Some(turn) = self.current {
            bench.attend(turn);
            bench.play(turn.clip);
        }
        Ok(Then::Stay)
    }

    fn sync(&mut self, bench: &mut Workbench) -> Then {
        self.forget_places(bench);
        if *bench.opening() != Opening::Open {
            return Then::Stay;
        }
        let then = self.learn_scheme(bench);
        if self.current.is_none_or(|turn| turn.clip >= bench.corpus().clips.len()) {
            let lost = bench.beginning().and_then(|clip| turn_of(clip, bench));
            let resumed = lost.or(bench.queue().resume()).or(bench.queue().turns().first().copied());
            self.go(resumed, bench);
        }
        if let Some(current) = self.current {
            bench.attend(current);
            bench.want(current.clip);
            // The next clip is decoded while this one is being heard.
            let many = bench.send_ahead().max(1);
            bench.expect(&self.coming(bench, many));
            self.consult(current, bench);
            if bench.round().show_quality {
                // Without a thread for it, the line stays as it was.
                let _ = bench.watch_raters();
            }
        }
        then
    }

    fn key(&mut self, key: &str, bench: &mut Workbench) -> Option<Outcome> {
        // Before the key does anything: it may move the cursor of the sound.
        bench.listen(true);
        let mut letters = key.chars();
        let (Some(letter), None) = (letters.next(), letters.next()) else { return None };
        self.question(bench)?;
        // A digit that is no answer must not lead to another screen, where names and labels stand.
        let stray = letter != '0' && letter.is_ascii_digit();
        self.press(letter, bench)
            .or_else(|| stray.then(|| Ok(Then::Say(format!("{letter} is no answer to this question")))))
    }

    fn complete(&self, purpose: &str, typed: &str, _bench: &Workbench) -> Completion {
        if purpose == opinion::MODEL { opinion::complete(typed) } else { Completion::default() }
    }

    fn answer(&mut self, purpose: &str, answer: Answer, bench: &mut Workbench) -> Outcome {
        bench.listen(true);
        match (purpose, answer) {
            (opinion::MODEL, Answer::Done(named)) => {
                bench.opinion_places_mut().label = opinion::consult(&named, bench)?;
                Ok(Then::Stay)
            }
            ("note", Answer::Done(text)) => self.say(Act::Note(text.trim().to_owned()), bench),
            (TEXT, Answer::Done(text)) => self.write(text.trim(), bench),
            _ => Ok(Then::Stay),
        }
    }

    fn reserve(&mut self, taken: Vec<char>) {
        (self.reserved, self.scheme) = (taken, None);
    }

    fn takes_digits(&self) -> bool {
        true
    }

    fn unsaved(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    fn clip(&self, _bench: &Workbench) -> Option<usize> {
        self.current.map(|turn| turn.clip)
    }

    fn has_sound(&self) -> bool {
        true
    }

    fn has_picture(&self) -> bool {
        true
    }

    fn hit(&self, at: Position, body: Rect, bench: &Workbench) -> Option<Hit> {
        let (current, scheme, clip) = (self.current?, self.scheme.as_ref()?, self.at(bench)?);
        let sheet = Sheet::new(scheme, &self.form, (bench.ledger(), clip), body.width);
        let lesson = self.instead(bench, body.width);
        let [_, picture, _, _, choice, ..] = parts(body, bench, (&sheet, lesson.as_deref()));
        let of_form = || {
            let question = || Some(Hit::Command("question after", sheet.question(choice, at)?));
            sheet.key(choice, at).map(Hit::Key).or_else(question)
        };
        let hit = if lesson.is_none() { of_form() } else { None };
        hit.or_else(|| clip_view::moment(at, picture, bench, (current.clip, bench.view().label)).map(Hit::Moment))
    }

    fn draw(&self, buffer: &mut Buffer, area: Rect, bench: &Workbench, theme: &Theme) {
        let (Some(current), Some(scheme), Some(at)) = (self.current, &self.scheme, self.at(bench)) else {
            let text = match bench.opening() {
                Opening::Scanning(_) => "reading the corpus …",
                Opening::Open => "there are no clips to label",
                Opening::Failed(_) => "the corpus could not be opened; 1 tells why",
            };
            return put_center(buffer, line(area, area.height / 2), text, theme.text());
        };
        let sheet = Sheet::new(scheme, &self.form, (bench.ledger(), at), area.width);
        let lesson = self.instead(bench, area.width);
        let panel = bench.view().label;
        let [head, picture, time, _, choice, mine, says, trouble] = parts(area, bench, (&sheet, lesson.as_deref()));
        self.progress(buffer, head, bench, theme);
        clip_view::draw(buffer, picture, bench, (current.clip, panel, None), theme);
        clip_view::time(buffer, time, bench, (current.clip, panel), theme);
        match &lesson {
            Some(lines) => {
                for (at, (right, text)) in lines.iter().enumerate() {
                    put(buffer, line(choice, at as u16), text, if *right { theme.text() } else { theme.warn() });
                }
            }
            None => sheet.draw(buffer, choice, theme),
        }
        self.remarks(buffer, mine, bench, at, theme);
        self.opinion(buffer, says, bench, theme);
        let lost = bench.scheme_trouble().filter(|_| !bench.lacks_classes());
        safety(buffer, trouble, bench, self.trouble.as_deref().or(lost), theme);
    }
}

/// Where things stand, from above; the last but one for what a model says.
fn parts(area: Rect, bench: &Workbench, (sheet, lesson): (&Sheet<'_>, Option<&[(bool, String)]>)) -> [Rect; 8] {
    let height = lesson.map_or(sheet.height(), |lines| lines.len() as u16);
    let says = u16::from(bench.opinion_places().label);
    let room = area.height.saturating_sub(height + 5 + says);
    widgets::rows(area, [1, room, 1, 1, height, 1, says, 1].map(Constraint::Length))
}

impl Label {
    /// What stands where the classes would, in lines of that width: a lesson, or that there are none.
    fn instead(&self, bench: &Workbench, width: u16) -> Option<Vec<(bool, String)>> {
        let none = bench.scheme_trouble().filter(|_| bench.lacks_classes());
        let none = none.map(|reason| wrap(reason, usize::from(width)).into_iter().map(|line| (true, line)).collect());
        none.or_else(|| self.lesson(bench, width))
    }

    /// Where the corpus was read anew, the places of clips mean others.
    fn forget_places(&mut self, bench: &Workbench) {
        if self.reading != bench.readings() {
            (self.current, self.form, self.way) = (None, Form::default(), Vec::new());
            self.reading = bench.readings();
        }
    }

    fn undo(&mut self, bench: &mut Workbench) -> Outcome {
        let before = bench.ledger().undo_target().map(|(_, at)| self.answers(at, bench));
        let undone = bench.undo();
        self.returned((undone, before), "undone", "nothing to undo", bench)
    }

    fn redo(&mut self, bench: &mut Workbench) -> Outcome {
        let before = bench.ledger().redo_target().map(|(_, at)| self.answers(at, bench));
        let redone = bench.redo();
        self.returned((redone, before), "done again", "nothing to do again", bench)
    }

    /// A key that answers, chooses, or plays an example; `None` when it does not.
    fn press(&mut self, letter: char, bench: &mut Workbench) -> Option<Outcome> {
        let (scheme, at) = (self.scheme.as_ref()?, self.at(bench)?);
        let question = &scheme.questions[self.form.at(scheme, bench.ledger(), at)];
        if self.taught(bench).is_some() {
            return question.class_of(letter).map(|_| Ok(Then::Say("Enter: on to the next clip".to_owned())));
        }
        if let Some(played) = self.examples
            && let Some(class) = question.class_of(letter)
        {
            let outcome = example(class, played, bench);
            self.examples = Some(played + 1);
            return Some(outcome);
        }
        let value = match &question.answers {
            Answers::Choice(_) => question.class_of(letter)?.name.clone(),
            Answers::Scale(_) => question.step_of(letter)?.to_string(),
            Answers::Several(_) => {
                let class = &question.class_of(letter)?.name;
                self.form.toggle(question, bench.ledger().answer(at, &question.name), class);
                return Some(Ok(Then::Stay));
            }
            Answers::Text => return None,
        };
        Some(self.reply(value, bench))
    }

    /// Saves the classes that are chosen, opens the line to write, or leaves a clip that is done.
    fn on(&mut self, bench: &mut Workbench) -> Outcome {
        let (at, (_, question)) = self.at(bench).zip(self.question(bench)).context("there is no clip to label")?;
        if self.taught(bench).is_some() {
            return self.leave_clip(bench);
        }
        let saved = bench.ledger().answer(at, &question.name);
        match &question.answers {
            Answers::Several(_) if self.form.is_unsaved() || !self.is_done(bench) => {
                let chosen = self.form.joined(question, saved);
                if chosen.is_empty() {
                    return Ok(Then::Say("choose a class at least; 0: cannot judge".to_owned()));
                }
                self.reply(chosen, bench)
            }
            Answers::Text => {
                let (prompt, text) = (format!("{}:", question.title), saved.unwrap_or_default().to_owned());
                Ok(Then::Ask(Question { purpose: TEXT, prompt, text }))
            }
            _ if self.is_done(bench) => self.leave_clip(bench),
            _ => Ok(Then::Say("answer the question first; 0: cannot judge, s: not now".to_owned())),
        }
    }

    fn cannot_judge(&mut self, bench: &mut Workbench) -> Outcome {
        match self.taught(bench) {
            Some(_) => Ok(Then::Say("Enter: on to the next clip".to_owned())),
            None => self.reply(String::new(), bench),
        }
    }

    fn after(&mut self, bench: &mut Workbench) -> Outcome {
        self.step(bench, 1)
    }

    fn before(&mut self, bench: &mut Workbench) -> Outcome {
        self.step(bench, -1)
    }

    /// To another question, around the ends.
    fn step(&mut self, bench: &Workbench, by: isize) -> Outcome {
        let (at, _) = self.question(bench).context("there is no clip to label")?;
        let mut questions = Cursor::new(self.scheme.as_ref().map_or(0, |scheme| scheme.questions.len()));
        questions.select(at);
        questions.step_around(by);
        questions.row().into_iter().for_each(|at| self.form.go(at));
        Ok(if questions.len() > 1 { Then::Stay } else { Then::Say("there is only this question".to_owned()) })
    }

    fn skip(&mut self, bench: &mut Workbench) -> Outcome {
        self.say(Act::Skip, bench)?;
        self.leave_clip(bench)
    }

    fn flag(&mut self, bench: &mut Workbench) -> Outcome {
        let flagged = self.at(bench).is_some_and(|at| bench.ledger().flagged(at));
        self.say(Act::Flag(!flagged), bench)
    }

    fn ask_note(&mut self, bench: &mut Workbench) -> Outcome {
        let text = self.at(bench).and_then(|at| bench.ledger().note(at).map(str::to_owned)).unwrap_or_default();
        Ok(Then::Ask(Question { purpose: "note", prompt: "note:".to_owned(), text }))
    }

    fn classes(&mut self, _bench: &mut Workbench) -> Outcome {
        let scheme = self.scheme.as_ref().context("the corpus is not open yet")?;
        let mut lines = widgets::wrap(&scheme.about, 70);
        for class in scheme.questions.iter().flat_map(|question| question.answers.classes()) {
            lines.push(String::new());
            lines.push(class.name.clone());
            if !class.examples.is_empty() {
                lines.push("  examples: x, then its key".to_owned());
            }
            lines.extend(widgets::wrap(&class.about, 68).into_iter().map(|text| format!("  {text}")));
        }
        Ok(Then::Show(Page { title: scheme.title.clone(), lines }))
    }

    fn switch_examples(&mut self, bench: &mut Workbench) -> Outcome {
        if self.examples.take().is_some() {
            return Ok(Then::Say("the keys of the classes answer again".to_owned()));
        }
        let (_, question) = self.question(bench).context("there is no clip to label")?;
        if question.answers.classes().iter().all(|class| class.examples.is_empty()) {
            return Ok(Then::Say("the scheme names no examples for this question".to_owned()));
        }
        self.examples = Some(0);
        Ok(Then::Stay)
    }

    fn next_panel(&mut self, bench: &mut Workbench) -> Outcome {
        let panel = bench.view().label.next();
        bench.view_mut().label = panel;
        Ok(Then::Say(panel.name().to_owned()))
    }

    fn switch_model(&mut self, bench: &mut Workbench) -> Outcome {
        if bench.opinion_places().label {
            bench.opinion_places_mut().label = false;
            return Ok(Then::Say("no model is asked any more".to_owned()));
        }
        Ok(opinion::question(bench))
    }

    /// To the clip before; its label stays until another is given.
    fn back(&mut self, bench: &mut Workbench) -> Outcome {
        let Some(before) = self.way.pop() else {
            return Ok(Then::Say("there is no clip before".to_owned()));
        };
        self.go(Some(before), bench);
        Ok(Then::Stay)
    }

    /// Has the model asked about the clip that is decided, this one and the next, this one first.
    fn consult(&self, current: Turn, bench: &mut Workbench) {
        if !bench.opinion_places().label {
            return;
        }
        let (next, told) = (self.next(bench), self.told(bench));
        next.into_iter().chain(told).chain([current]).for_each(|turn| bench.ask(Ask::Scores(turn.clip)));
        if let Some(told) = told {
            bench.see_opinion(told.clip);
        }
    }

    /// The turn whose opinion may be shown: the one at hand or the one before, if it is done.
    fn told(&self, bench: &Workbench) -> Option<Turn> {
        let decided = |turn: &Turn| at(*turn, bench).is_some_and(|at| bench.ledger().is_done(at));
        self.current.filter(decided).or_else(|| self.way.last().copied().filter(decided))
    }

    /// Saves an act on the clip at hand.
    fn say(&mut self, act: Act, bench: &mut Workbench) -> Outcome {
        let turn = self.current.context("there is no clip to label")?;
        let listening = bench.listening(turn);
        self.kept(bench.annotate(turn, act, listening))?;
        Ok(Then::Stay)
    }

    /// Answers the question at hand and goes on: to the next question, or to the next clip once this one is done.
    fn reply(&mut self, value: String, bench: &mut Workbench) -> Outcome {
        let (at, question) = self.question(bench).context("there is no clip to label")?;
        let answer = Act::label(value).asked(&question.name);
        let was_done = self.is_done(bench);
        self.say(answer, bench)?;
        let scheme = self.scheme.as_ref().context("the corpus is not open yet")?;
        match Form::following(scheme, at) {
            _ if !self.is_done(bench) || self.taught(bench).is_some() => self.form = Form::default(),
            Some(next) if was_done => self.form.go(next),
            _ => return self.leave_clip(bench),
        }
        Ok(Then::Stay)
    }

    /// To the next clip; the one at hand stays as it is.
    fn leave_clip(&mut self, bench: &mut Workbench) -> Outcome {
        if self.returns {
            return Ok(Then::Back);
        }
        // When none of a kind is left, the others come again.
        let next = self.next(bench).or_else(|| {
            self.only = Only::Open;
            self.next(bench)
        });
        let Some(next) = next else {
            self.form = Form::default();
            bench.stop();
            return Ok(Then::Say("all clips have their label".to_owned()));
        };
        let same = self.current == Some(next);
        self.leave_for(next, bench);
        Ok(if same { Then::Say("only this clip is left".to_owned()) } else { Then::Stay })
    }

    /// To another clip; Backspace comes back.
    fn leave_for(&mut self, next: Turn, bench: &mut Workbench) {
        self.way.extend(self.current.filter(|turn| *turn != next));
        self.go(Some(next), bench);
    }

    /// What was typed; an empty line leaves an optional question open, and takes a remark back that had been made.
    fn write(&mut self, text: &str, bench: &mut Workbench) -> Outcome {
        let (_, question) = self.question(bench).context("there is no clip to label")?;
        let saved = self.at(bench).and_then(|at| bench.ledger().answer(at, &question.name).map(str::to_owned));
        match (text, question.required, saved) {
            ("", true, _) => Ok(Then::Say("write an answer; 0: cannot judge".to_owned())),
            ("", false, None) => {
                self.form = Form::default();
                Ok(Then::Stay)
            }
            (text, ..) => self.reply(text.to_owned(), bench),
        }
    }

    /// After undo or redo: to the clip and the question whose answer is another now; `before`: its answers until then.
    fn returned(
        &mut self,
        (turn, before): (Result<Option<Turn>>, Option<Vec<Option<String>>>),
        done: &str,
        nothing: &str,
        bench: &mut Workbench,
    ) -> Outcome {
        let Some(turn) = self.kept(turn)? else { return Ok(Then::Say(nothing.to_owned())) };
        self.way.pop_if(|before| *before == turn);
        if self.current == Some(turn) {
            self.form = Form::default();
        } else {
            self.go(Some(turn), bench);
        }
        let now = self.at(bench).map(|at| self.answers(at, bench)).unwrap_or_default();
        let mut pairs = before.iter().flatten().zip(&now);
        pairs.position(|(before, now)| before != now).into_iter().for_each(|at| self.form.go(at));
        Ok(Then::Say(done.to_owned()))
    }

    /// What holds for each question about a clip.
    fn answers(&self, at: At<'_>, bench: &Workbench) -> Vec<Option<String>> {
        let questions = self.scheme.iter().flat_map(|scheme| &scheme.questions);
        questions.map(|question| bench.ledger().answer(at, &question.name).map(str::to_owned)).collect()
    }

    /// Remembers why something was not saved, until something is.
    fn kept<T>(&mut self, result: Result<T>) -> Result<T> {
        // Where it is shown stands already that something is not saved.
        let reason = |error| format!("{error:#}").trim_start_matches("not saved: ").to_owned();
        self.trouble = result.as_ref().err().map(reason);
        result
    }

    /// Brings a clip on the screen and plays it.
    fn go(&mut self, turn: Option<Turn>, bench: &mut Workbench) {
        (self.current, self.form, self.examples) = (turn, Form::default(), None);
        if let Some(turn) = turn {
            bench.attend(turn);
            bench.play(turn.clip);
        }
    }

    fn at<'a>(&self, bench: &'a Workbench) -> Option<At<'a>> {
        at(self.current?, bench)
    }

    /// The question at hand and its number.
    fn question(&self, bench: &Workbench) -> Option<(usize, &label::Question)> {
        let scheme = self.scheme.as_ref()?;
        let at = self.form.at(scheme, bench.ledger(), self.at(bench)?);
        Some((at, &scheme.questions[at]))
    }

    fn is_done(&self, bench: &Workbench) -> bool {
        self.at(bench).is_some_and(|at| bench.ledger().is_done(at))
    }

    /// Gives letters to the classes of a scheme seen for the first time; digits remain when its own letters clash.
    fn learn_scheme(&mut self, bench: &Workbench) -> Then {
        if self.scheme.as_ref().is_some_and(|known| known.id() == bench.scheme().id()) {
            return Then::Stay;
        }
        let mut scheme = bench.scheme().clone();
        let mut then = Then::Stay;
        if let Err(error) = scheme.assign_keys(&self.reserved) {
            scheme.drop_keys();
            then = Then::Say(error.to_string());
            // Digits alone are enough for nine classes; more were refused by the same call.
            let _ = scheme.assign_keys(&self.reserved);
        }
        self.scheme = Some(scheme);
        then
    }
}

/// Plays an example of a class, another each time.
fn example(class: &label::Class, played: usize, bench: &mut Workbench) -> Outcome {
    let Some(path) = class.examples.get(played % class.examples.len().max(1)) else {
        return Ok(Then::Say(format!("there is no example of {}", class.name)));
    };
    bench.play_example(path)?;
    Ok(Then::Say(format!("an example of {}", class.name)))
}

/// The turn at which a clip is heard: one that is not done, if there is one.
fn turn_of(clip: usize, bench: &Workbench) -> Option<Turn> {
    let turns = bench.queue().turns().iter().copied().filter(|turn| turn.clip == clip);
    turns.min_by_key(|turn| at(*turn, bench).is_some_and(|at| bench.ledger().is_done(at)))
}

/// What the ledger calls a turn.
fn at(turn: Turn, bench: &Workbench) -> Option<At<'_>> {
    Some(At { clip: &bench.corpus().clips.get(turn.clip)?.id, occasion: turn.occasion })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::label::BUILT_IN;
    use crate::tui::app::groups_of;
    use crate::tui::command::letters;

    #[test]
    fn commands_leave_every_class_of_the_built_in_schemes_a_letter() {
        let taken = letters(&groups_of(&Label::default()));
        let given = |name: &str| -> String {
            let mut scheme = Scheme::load(name).unwrap();
            scheme.assign_keys(&taken).unwrap();
            scheme.questions.iter().flat_map(|one| one.answers.classes()).map(|class| class.key.unwrap()).collect()
        };
        let all: Vec<String> = BUILT_IN.iter().map(|(name, _)| given(name)).collect();
        assert_eq!(all, ["abdfHnS", "adfHSpn", "nCHSafdp", "aHnS", "", "adfHSpn"]);
    }
}
