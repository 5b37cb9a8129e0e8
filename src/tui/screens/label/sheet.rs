//! How the questions about a clip are drawn: the answers so far, the question at hand, and what may be answered to it.
//!
//! Deliberately absent: keys, saving, and anything that names the clip.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use unicode_width::UnicodeWidthStr;

use super::form::{Form, words};
use crate::label::{Answers, At, Ledger, Question, Scale, Scheme};
use crate::tui::theme::Theme;
use crate::tui::widgets::{cut, line, put};

/// Sign, digit, letter and spaces around a class name.
const AROUND: u16 = 9;
/// What can always be answered; its key stands where those of classes do.
const UNABLE: &str = "   0   cannot judge";
const UNABLE_KEY: char = '0';
/// A remark among the answers so far is cut to this.
const LONGEST: usize = 24;

/// The questions about one clip, laid out for a width.
pub struct Sheet<'a> {
    scheme: &'a Scheme,
    /// The answers so far, in the order of the questions.
    answers: Vec<Option<&'a str>>,
    /// The question at hand.
    at: usize,
    picked: Vec<bool>,
    is_unsaved: bool,
    width: u16,
}

impl<'a> Sheet<'a> {
    /// Of that clip.
    pub fn new(scheme: &'a Scheme, form: &Form, (ledger, clip): (&'a Ledger, At<'_>), width: u16) -> Sheet<'a> {
        let at = form.at(scheme, ledger, clip);
        let answers: Vec<_> = scheme.questions.iter().map(|one| ledger.answer(clip, &one.name)).collect();
        let picked = form.picked(&scheme.questions[at], answers[at]);
        Sheet { scheme, answers, at, picked, is_unsaved: form.is_unsaved(), width }
    }

    fn asked(&self) -> &'a Question {
        &self.scheme.questions[self.at]
    }

    /// A scheme of one unnamed question needs no words beside its classes.
    fn is_form(&self) -> bool {
        self.scheme.questions.len() > 1 || !self.asked().title.is_empty()
    }

    /// Lines that it takes: as many for each question, so that the picture above keeps its size.
    pub fn height(&self) -> u16 {
        self.words() + self.scheme.questions.iter().map(|question| self.below(question)).max().unwrap_or(1)
    }

    /// Lines of the answers so far, and of the question at hand.
    fn words(&self) -> u16 {
        if self.is_form() { self.said().last().map_or(0, |(_, y, _)| y + 1) + 1 } else { 0 }
    }

    /// Where what may be answered stands.
    fn answering(&self, area: Rect) -> Rect {
        let words = self.words().min(area.height);
        Rect { y: area.y + words, height: area.height - words, ..area }
    }

    /// The key that does what stands there: answers, or opens the line to write.
    pub fn key(&self, area: Rect, at: Position) -> Option<String> {
        let (question, below) = (self.asked(), self.answering(area));
        match &question.answers {
            Answers::Choice(classes) | Answers::Several(classes) => {
                let places = self.places(below, question);
                let place = places.iter().position(|place| place.contains(at))?;
                let Some(class) = classes.get(place) else { return Some(UNABLE_KEY.to_string()) };
                question.digit(place).or(class.key).map(String::from)
            }
            Answers::Scale(scale) => {
                let line = line(below, 0);
                let step = steps(line, scale).into_iter().find(|(_, place)| place.contains(at));
                let unable = || unable(line, scale).contains(at).then(|| UNABLE_KEY.to_string());
                step.map(|(step, _)| step.to_string()).or_else(unable)
            }
            Answers::Text => line(below, 0).contains(at).then(|| "Enter".to_owned()),
        }
    }

    /// How many questions after the one at hand that one is whose title or answer stands there, around the end.
    pub fn question(&self, area: Rect, at: Position) -> Option<usize> {
        let said = if self.is_form() { self.said() } else { Vec::new() };
        let stands = |&(x, y, number): &(u16, u16, usize)| {
            Rect { x: area.x + x, width: self.wide(number), ..line(area, y) }.contains(at)
        };
        let (.., number) = said.into_iter().find(stands)?;
        Some((number + self.answers.len() - self.at) % self.answers.len())
    }

    fn below(&self, question: &Question) -> u16 {
        match &question.answers {
            Answers::Choice(classes) | Answers::Several(classes) => {
                (classes.len() as u16 + 1).div_ceil(self.columns(question))
            }
            Answers::Scale(_) | Answers::Text => 1,
        }
    }

    /// Draws it; as much as there is room for.
    pub fn draw(&self, buffer: &mut Buffer, area: Rect, theme: &Theme) {
        if self.is_form() {
            for (x, y, at) in self.said() {
                let place = line(area, y);
                let place = Rect { x: place.x + x, width: place.width.saturating_sub(x), ..place };
                let style = if at == self.at { theme.accent() } else { theme.dim() };
                let rest = put(buffer, place, &format!("{} ", self.scheme.questions[at].title), style);
                let said = if self.answers[at].is_some() { theme.strong() } else { theme.dim() };
                put(buffer, rest, &self.told(at), said);
            }
            self.heading(buffer, line(area, self.words() - 1), theme);
        }
        let below = self.answering(area);
        match &self.asked().answers {
            Answers::Choice(_) | Answers::Several(_) => self.classes(buffer, below, theme),
            Answers::Scale(scale) => self.steps(buffer, line(below, 0), scale, theme),
            Answers::Text => {
                let text = self.answers[self.at].filter(|text| !text.is_empty());
                let text =
                    text.map_or("Enter opens a line to write".to_owned(), |text| format!("{text}  (Enter: change)"));
                put(buffer, line(below, 0), &format!("   {text}"), theme.text());
            }
        }
    }

    /// Where the title and answer of each question stand: column, line, question.
    fn said(&self) -> Vec<(u16, u16, usize)> {
        let (mut x, mut y) = (0, 0);
        let mut places = Vec::with_capacity(self.answers.len());
        for at in 0..self.scheme.questions.len() {
            let wide = self.wide(at);
            if x > 0 && x + wide > self.width {
                (x, y) = (0, y + 1);
            }
            places.push((x, y, at));
            x += wide + 3;
        }
        places
    }

    fn wide(&self, at: usize) -> u16 {
        (self.scheme.questions[at].title.chars().count() + 1 + self.told(at).chars().count()) as u16
    }

    /// The answer to a question in words, a dash without one.
    fn told(&self, at: usize) -> String {
        let question = &self.scheme.questions[at];
        self.answers[at].map_or_else(|| "–".to_owned(), |value| cut(&words(question, value), LONGEST))
    }

    /// `2 of 3  Valence  How unpleasant or pleasant the speaker feels.`
    fn heading(&self, buffer: &mut Buffer, area: Rect, theme: &Theme) {
        let question = self.asked();
        let place = format!("{} of {}", self.at + 1, self.scheme.questions.len());
        let rest = put(buffer, area, &place, theme.accent());
        let rest = put(buffer, rest, &format!("  {}", question.title), theme.strong());
        let how = match (&question.answers, question.required) {
            (Answers::Several(_), _) if self.is_unsaved => "  several: Enter saves",
            (Answers::Several(_), _) => "  several may be chosen; Enter saves",
            (_, false) => "  optional",
            _ => "",
        };
        let rest = put(buffer, rest, how, if self.is_unsaved { theme.warn() } else { theme.dim() });
        if !question.about.is_empty() {
            put(buffer, rest, &format!("  {}", question.about), theme.text());
        }
    }

    fn columns(&self, question: &Question) -> u16 {
        let names = question.answers.classes().iter().map(|class| class.name.chars().count() as u16);
        let cell = names.max().unwrap_or(1).min(20) + AROUND;
        (self.width / cell).clamp(1, 5)
    }

    /// The classes in as many columns as fit.
    fn classes(&self, buffer: &mut Buffer, area: Rect, theme: &Theme) {
        let question = self.asked();
        let places = self.places(area, question);
        let sign = if matches!(question.answers, Answers::Several(_)) { " + " } else { " > " };
        for ((index, class), &place) in question.answers.classes().iter().enumerate().zip(&places) {
            let is_chosen = self.picked[index];
            let rest = put(buffer, place, if is_chosen { sign } else { "   " }, theme.strong());
            let digit = question.digit(index).unwrap_or(' ');
            let rest = put(buffer, rest, &format!("{digit} {} ", class.key.unwrap_or(' ')), theme.accent());
            put(buffer, rest, &class.name, theme.strong());
            if is_chosen {
                buffer.set_style(place.intersection(buffer.area), theme.selected());
            }
        }
        if let Some(place) = places.last() {
            put(buffer, *place, UNABLE, theme.dim());
        }
    }

    /// Where the classes stand, and behind them that none can be judged.
    fn places(&self, area: Rect, question: &Question) -> Vec<Rect> {
        let columns = self.columns(question);
        let width = area.width / columns;
        let place = |index: u16| {
            let (x, y) = (index % columns * width, index / columns);
            Rect { x: area.x + x, width: width.saturating_sub(1), ..line(area, y) }
        };
        (0..=question.answers.classes().len() as u16).map(place).collect()
    }

    /// `unpleasant  1  2  3  4  5  6  7  8  9  pleasant`.
    fn steps(&self, buffer: &mut Buffer, area: Rect, scale: &Scale, theme: &Theme) {
        let mut rest = put(buffer, area, &before(scale), theme.text());
        for (step, _) in steps(area, scale) {
            let chosen = self.answers[self.at].and_then(|value| value.parse().ok()) == Some(step);
            let style = if chosen { theme.strong().patch(theme.selected()) } else { theme.accent() };
            rest = put(buffer, rest, &format!(" {step} "), style);
            rest = put(buffer, rest, " ", theme.text());
        }
        put(buffer, rest, &after(scale), theme.text());
        put(buffer, unable(area, scale), UNABLE, theme.dim());
    }
}

fn before(scale: &Scale) -> String {
    format!("   {}  ", scale.low_word)
}

fn after(scale: &Scale) -> String {
    format!(" {}", scale.high_word)
}

/// Where it says, behind a scale, that none can be judged.
fn unable(area: Rect, scale: &Scale) -> Rect {
    let steps = steps(area, scale).last().map_or(area.x, |(_, place)| place.right() + 1);
    let x = (steps + after(scale).width() as u16).min(area.right());
    Rect { x, width: (UNABLE.width() as u16).min(area.right() - x), ..area }
}

/// The steps of a scale on a line, a cell between them; of no width where there is no room.
fn steps(area: Rect, scale: &Scale) -> Vec<(u8, Rect)> {
    let mut x = area.x + before(scale).width() as u16;
    let place = |step: u8| {
        let at = x.min(area.right());
        let width = (step.to_string().len() as u16 + 2).min(area.right() - at);
        x = at + width + 1;
        (step, Rect { x: at, width, ..area })
    };
    (scale.low..=scale.high).map(place).collect()
}
