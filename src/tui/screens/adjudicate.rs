//! Adjudicate: disputed clips, those first whose decision is worth most; a key decides, saves and goes on.
//!
//! What people said stands behind letters that mean nothing beyond a clip. What a model says of a clip is shown once it is decided,
//! where Label is told to show it at all. Deliberately absent: names, the corpus' label, the file's name.

use std::sync::Arc;

use anyhow::{Context, Result};
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Position, Rect};
use unicode_width::UnicodeWidthStr;

use super::{clip_view, label, opinion};
use crate::label::gold::Dispute;
use crate::label::{Answers, Occasion, Question};
use crate::tui::command::{Command, Row, named, row, rows};
use crate::tui::screen::{Hit, Outcome, Screen, Then, Topic};
use crate::tui::theme::Theme;
use crate::tui::widgets::{self, line, put, put_center, put_right};
use crate::workbench::Workbench;
use crate::workbench::agree::Study;
use crate::workbench::opinion::Ask;

/// The screen's state: the study whose disputes are settled, and how far it is.
#[derive(Default)]
pub struct Adjudicate {
    studies: Option<Arc<Vec<Study>>>,
    /// Which of them.
    question: usize,
    /// The dispute at hand.
    at: usize,
    /// Clips of the corpus that were decided here, and as what; the last one last.
    decided: Vec<(usize, String)>,
    /// Questions of the scheme, each class with a letter.
    asked: Vec<Question>,
    /// The letters and signs of commands.
    reserved: Vec<char>,
    /// Why the last decision is not on disk; stays until one is.
    trouble: Option<String>,
}

static COMMANDS: &[Command<Adjudicate>] = &[
    Command { row: row("undo", &["u"], "take back the last decision"), run: Adjudicate::undo },
    Command { row: row("skip", &["s"], "the next dispute, without a decision"), run: |it, bench| it.step(1, bench) },
    Command {
        row: row("unfit", &["0"], "nobody can tell: the clip gets no gold label"),
        run: |it, bench| it.decide("", bench),
    },
    Command { row: row("clip before", &["Backspace"], "the dispute before"), run: |it, bench| it.step(-1, bench) },
    Command { row: row("question", &["o"], "the next question of the scheme"), run: Adjudicate::next_question },
];

impl Screen for Adjudicate {
    fn name(&self) -> &'static str {
        "adjudicate"
    }

    fn rows(&self) -> Vec<&'static Row> {
        rows(COMMANDS)
    }

    fn run(&mut self, command: &str, bench: &mut Workbench) -> Outcome {
        named(COMMANDS, command).map_or(Ok(Then::Stay), |command| (command.run)(self, bench))
    }

    fn refusal(&self, command: &str, bench: &Workbench) -> Option<&'static str> {
        match command {
            "undo" if self.decided.is_empty() => Some("no decision to take back"),
            "skip" | "unfit" | "clip before" if self.current(bench).is_none() => Some("there is no clip to decide"),
            _ => None,
        }
    }

    fn arrive(&mut self, _topic: Topic, bench: &mut Workbench) -> Outcome {
        (self.studies, self.at, self.question) = (None, 0, 0);
        self.decided.clear();
        // What was decided since the last study is no dispute any more.
        bench.study()?;
        Ok(Then::Stay)
    }

    fn leave(&mut self, bench: &mut Workbench) {
        if !self.decided.is_empty() {
            // Agree shows what was decided; without a thread for it, after its next key.
            let _ = bench.study();
        }
    }

    /// The disputes stay as they were on arrival: a queue that is dealt anew under the hand of who decides is none.
    fn sync(&mut self, bench: &mut Workbench) -> Then {
        if self.studies.is_none()
            && !bench.is_studying()
            && let Some(Ok(found)) = bench.studies()
        {
            self.studies = Some(Arc::clone(found));
            self.asked = asked(bench, &self.reserved);
            self.play(bench);
        }
        if let Some(clip) = self.current(bench) {
            bench.want(clip);
        }
        self.consult(bench);
        Then::Stay
    }

    fn key(&mut self, key: &str, bench: &mut Workbench) -> Option<Outcome> {
        let mut letters = key.chars();
        let (Some(letter), None) = (letters.next(), letters.next()) else { return None };
        let question = self.asked()?;
        let class = question.class_of(letter).map(|class| class.name.clone());
        let value = class.or_else(|| question.step_of(letter).map(|step| step.to_string()))?;
        Some(self.decide(&value, bench))
    }

    fn reserve(&mut self, taken: Vec<char>) {
        self.reserved = taken;
    }

    fn takes_digits(&self) -> bool {
        true
    }

    fn unsaved(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    fn clip(&self, bench: &Workbench) -> Option<usize> {
        self.current(bench)
    }

    fn has_sound(&self) -> bool {
        true
    }

    fn has_picture(&self) -> bool {
        true
    }

    fn hit(&self, at: Position, body: Rect, bench: &Workbench) -> Option<Hit> {
        let (study, dispute) = (self.study()?, self.dispute()?);
        let [_, picture, _, _, _, keys, ..] = self.parts(body, bench, (study, dispute));
        let choice = self.choices(keys).into_iter().find(|(_, place)| place.contains(at));
        choice.and_then(|(choice, _)| choice.key).map(Hit::Key).or_else(|| {
            let shown = (self.current(bench)?, bench.view().label);
            clip_view::moment(at, picture, bench, shown).map(Hit::Moment)
        })
    }

    fn draw(&self, buffer: &mut Buffer, area: Rect, bench: &Workbench, theme: &Theme) {
        let (Some(study), Some(dispute)) = (self.study(), self.dispute()) else {
            let text = match (self.study(), bench.studies()) {
                (Some(_), _) => "no clip is disputed",
                (None, Some(Err(reason))) if !bench.is_studying() => reason,
                _ => "working out what is disputed …",
            };
            return put_center(buffer, line(area, area.height / 2), text, theme.text());
        };
        let answers = widgets::wrap(&answers(study, dispute), usize::from(area.width));
        let [head, picture, time, said, _, keys, last, says, trouble] = self.parts(area, bench, (study, dispute));
        self.progress(buffer, head, (study, dispute), theme);
        match self.current(bench) {
            Some(clip) => {
                clip_view::draw(buffer, picture, bench, (clip, bench.view().label, None), theme);
                clip_view::time(buffer, time, bench, (clip, bench.view().label), theme);
            }
            None => put_center(buffer, picture, "the clip is no longer in the corpus; s goes on", theme.warn()),
        }
        for (at, text) in answers.iter().enumerate() {
            put(buffer, line(said, at as u16), text, theme.strong());
        }
        for (choice, place) in self.choices(keys) {
            put(buffer, place, &choice.text, theme.accent());
        }
        if let Some((_, value)) = self.decided.last() {
            let value = if value.is_empty() { "unfit" } else { value };
            put(buffer, last, &format!("decided before: {value}; u takes it back"), theme.dim());
        }
        self.opinion(buffer, says, bench, theme);
        label::safety(buffer, trouble, bench, self.trouble.as_deref(), theme);
    }
}

impl Adjudicate {
    /// Where things stand, from above.
    fn parts(&self, area: Rect, bench: &Workbench, (study, dispute): (&Study, &Dispute)) -> [Rect; 9] {
        let choices = self.choices(area).last().map_or(0, |(_, place)| place.y - area.y + 1);
        let told = u16::from(bench.opinion_places().label);
        let answers = widgets::wrap(&answers(study, dispute), usize::from(area.width)).len() as u16;
        let fixed = [1, 1, answers, 1, choices, 1, told, 1];
        let room = area.height.saturating_sub(fixed.iter().sum());
        let [head, time, said, free, keys, last, says, trouble] = fixed;
        widgets::rows(area, [head, room, time, said, free, keys, last, says, trouble].map(Constraint::Length))
    }

    /// What can be decided, and where it stands from the top of a place on.
    fn choices(&self, area: Rect) -> Vec<(Choice, Rect)> {
        let (mut x, mut y) = (0, 0);
        let place = |choice: Choice| {
            let width = (choice.text.width() as u16).min(area.width);
            if x > 0 && x + width > area.width {
                (x, y) = (0, y + 1);
            }
            let place = Rect { x: area.x + x, width, ..line(area, y) };
            x += width + 1;
            (choice, place)
        };
        self.asked().map(choices).unwrap_or_default().into_iter().map(place).collect()
    }

    fn study(&self) -> Option<&Study> {
        self.studies.as_ref()?.get(self.question)
    }

    fn dispute(&self) -> Option<&Dispute> {
        self.study()?.disputes.get(self.at)
    }

    fn asked(&self) -> Option<&Question> {
        let name = &self.study()?.ratings.question;
        self.asked.iter().find(|question| question.name == *name)
    }

    fn current(&self, bench: &Workbench) -> Option<usize> {
        bench.corpus().index_of(&self.dispute()?.clip)
    }

    fn play(&self, bench: &mut Workbench) {
        if let Some(clip) = self.current(bench) {
            bench.play(clip);
        }
    }

    fn decide(&mut self, value: &str, bench: &mut Workbench) -> Outcome {
        let clip = self.current(bench).context("there is no clip to decide")?;
        let question = self.asked().context("the scheme does not know this question")?.name.clone();
        self.kept(bench.adjudicate(clip, &question, value))?;
        self.decided.push((clip, value.to_owned()));
        self.step(1, bench)
    }

    fn step(&mut self, by: isize, bench: &mut Workbench) -> Outcome {
        let many = self.study().map_or(0, |study| study.disputes.len());
        let Some(at) = self.at.checked_add_signed(by).filter(|at| *at < many) else {
            bench.stop();
            let text = if by > 0 { "that was the last dispute" } else { "there is no dispute before" };
            return Ok(Then::Say(text.to_owned()));
        };
        self.at = at;
        self.play(bench);
        Ok(Then::Stay)
    }

    /// Takes back what was decided last, if nothing else was said since.
    fn undo(&mut self, bench: &mut Workbench) -> Outcome {
        let is_decision = |occasion| occasion == Occasion::Adjudication;
        let target = bench.ledger().undo_target().filter(|(_, at)| is_decision(at.occasion));
        if target.is_none() || self.decided.is_empty() {
            return Ok(Then::Say("no decision to take back".to_owned()));
        }
        let turn = self.kept(bench.undo())?;
        self.decided.pop();
        let disputes = self.study().map_or(&[][..], |study| &study.disputes);
        let place = |clip: usize| disputes.iter().position(|one| bench.corpus().index_of(&one.clip) == Some(clip));
        self.at = turn.and_then(|turn| place(turn.clip)).unwrap_or(self.at);
        self.play(bench);
        Ok(Then::Say("taken back".to_owned()))
    }

    fn next_question(&mut self, bench: &mut Workbench) -> Outcome {
        let many = self.studies.as_ref().map_or(0, |all| all.len());
        if many < 2 {
            return Ok(Then::Say("the scheme has no other question with answers".to_owned()));
        }
        (self.question, self.at) = ((self.question + 1) % many, 0);
        self.play(bench);
        Ok(Then::Stay)
    }

    /// Remembers why something was not saved, until something is.
    fn kept<T>(&mut self, result: Result<T>) -> Result<T> {
        let reason = |error| format!("{error:#}").trim_start_matches("not saved: ").to_owned();
        self.trouble = result.as_ref().err().map(reason);
        result
    }

    /// Has the model asked about the clip decided last, and remembers that its answer is seen.
    fn consult(&self, bench: &mut Workbench) {
        if let Some((clip, _)) = self.decided.last().filter(|_| bench.opinion_places().label) {
            bench.ask(Ask::Scores(*clip));
            bench.see_opinion(*clip);
        }
    }

    fn opinion(&self, buffer: &mut Buffer, area: Rect, bench: &Workbench, theme: &Theme) {
        let Some(adviser) = bench.adviser().filter(|_| bench.opinion_places().label) else { return };
        let text = match self.decided.last() {
            None => format!("model {}: shown once you have decided", adviser.name),
            Some((clip, value)) => {
                let said = opinion::words(adviser, *clip).unwrap_or_else(|reason| reason);
                format!("clip before: {}: {said}; you: {value}", adviser.name)
            }
        };
        put(buffer, area, &text, theme.dim());
    }

    fn progress(&self, buffer: &mut Buffer, area: Rect, (study, dispute): (&Study, &Dispute), theme: &Theme) {
        let asked =
            if study.ratings.question.is_empty() { String::new() } else { format!(" {}", study.ratings.question) };
        let text = format!("dispute {} of {}{asked}", self.at + 1, study.disputes.len());
        let rest = put(buffer, area, &text, theme.strong());
        put(buffer, rest, &format!("  worth {:.2}", dispute.worth), theme.dim());
        put_right(buffer, area, &format!("{} decided this time", self.decided.len()), theme.dim());
    }
}

/// `A anger · B fear · C anger`: whoever they are.
fn answers(study: &Study, dispute: &Dispute) -> String {
    let mut said: Vec<(char, usize)> = dispute.said.clone();
    said.sort_by_key(|(letter, _)| *letter);
    let words = said.iter().map(|(letter, code)| format!("{letter}: {}", study.ratings.labels[*code]));
    words.collect::<Vec<_>>().join(" · ")
}

/// What can be decided.
struct Choice {
    text: String,
    /// Does it; `None` where the text is only read.
    key: Option<String>,
}

/// All that can be decided, and by which key.
fn choices(question: &Question) -> Vec<Choice> {
    let unfit = || Choice { text: "[0]unfit".to_owned(), key: Some("0".to_owned()) };
    let class = |(at, class): (usize, &crate::label::Class)| {
        let (digit, letter) = (question.digit(at), class.key);
        let keys: String = [digit, letter].into_iter().flatten().collect();
        Choice { text: format!("[{keys}]{}", class.name), key: digit.or(letter).map(String::from) }
    };
    match &question.answers {
        Answers::Scale(scale) => {
            let step = |step: u8| Choice { text: format!("[{step}]"), key: Some(step.to_string()) };
            let word = |word: &str| Choice { text: word.to_owned(), key: None };
            let steps = (scale.low..=scale.high).map(step);
            let all = [word(&scale.low_word)].into_iter().chain(steps).chain([word(&scale.high_word), unfit()]);
            all.filter(|choice| !choice.text.is_empty()).collect()
        }
        Answers::Text => Vec::new(),
        answers => answers.classes().iter().enumerate().map(class).chain([unfit()]).collect(),
    }
}

/// The questions of the scheme, each class with a letter that is no command here.
fn asked(bench: &Workbench, reserved: &[char]) -> Vec<Question> {
    let mut questions = bench.scheme().questions.clone();
    for question in &mut questions {
        // Where no letter is left, digits remain.
        let _ = question.assign_keys(reserved);
    }
    questions
}
