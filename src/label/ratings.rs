//! From annotations to ratings: what people say to one question of one scheme, as a table of clips by raters.
//!
//! What counts is what each person's [`Ledger`] holds of the work itself: not hidden repeats, training or adjudication, not machines.
//! "Cannot judge" is a missing rating. Deliberately absent: coefficients (see `score::agreement`) and gold labels (see `gold`).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Act, Annotation, Annotator, Answers, Ledger, Occasion, SEVERAL};
use crate::corpus::ClipId;
use crate::score::agreement::{Level, Table, TableError};

/// Which ratings are wanted.
#[derive(Debug, Clone, Copy, Default)]
pub struct Asked<'a> {
    /// Name of the scheme; its versions count together.
    pub scheme: &'a str,
    /// Name of its question; empty where it has only one.
    pub question: &'a str,
    /// What may be answered; `None` = to be seen from the answers: whole numbers are a scale, all else a choice.
    pub answers: Option<&'a Answers>,
    /// Only these people; empty = all.
    pub raters: &'a [String],
}

/// Why there are no ratings to count.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum RatingsError {
    /// Texts that people type.
    #[error("{0} is answered in free text: there is nothing to count")]
    Text(String),
    /// An answer on a scale that is no number.
    #[error("{clip}: `{value}` by {rater} is no step of the scale")]
    Step {
        /// The clip.
        clip: String,
        /// Who said it.
        rater: String,
        /// What was said.
        value: String,
    },
    /// Nobody of that name rated.
    #[error("no ratings by {0}")]
    Rater(String),
    /// Numbers that make no table.
    #[error(transparent)]
    Table(#[from] TableError),
}

/// What one person says of one clip.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Said {
    /// A place in [`Ratings::raters`].
    pub rater: usize,
    /// A place in [`Ratings::labels`].
    pub code: usize,
    /// 0..=1, where it was told.
    pub confidence: Option<f64>,
}

/// Clips by raters.
#[derive(Debug, Clone)]
pub struct Ratings {
    /// Name of the scheme.
    pub scheme: String,
    /// Name of the question; empty where the scheme has only one.
    pub question: String,
    /// Categories or a scale.
    pub level: Level,
    /// What codes stand for: classes in the order of the scheme, those it no longer has behind them by name; sets of classes, joined by
    /// `;`; steps of a scale.
    pub labels: Vec<String>,
    /// The same as numbers: steps, or 0, 1, 2 ….
    pub values: Vec<f64>,
    /// People, by name.
    pub raters: Vec<String>,
    /// Clips with a rating or a "cannot judge", by id.
    pub clips: Vec<ClipId>,
    /// Of each clip, by rater.
    pub said: Vec<Vec<Said>>,
    /// How often somebody could not judge.
    pub cannot_judge: usize,
    several: bool,
}

impl Ratings {
    /// The ratings asked for; `annotations` in order of id.
    ///
    /// # Errors
    /// Free text; answers that do not fit the scale; a rater asked for who has none.
    pub fn of(annotations: &[Annotation], asked: &Asked<'_>) -> Result<Ratings, RatingsError> {
        let answers = current(annotations, asked);
        let people: BTreeSet<&str> = answers.iter().map(|one| one.rater).collect();
        if let Some(stranger) = asked.raters.iter().find(|name| !people.contains(name.as_str())) {
            return Err(RatingsError::Rater(stranger.clone()));
        }
        let (level, labels) = labels(&answers, asked)?;
        let raters: Vec<String> = people.into_iter().map(str::to_owned).collect();
        let place: HashMap<&str, usize> = raters.iter().enumerate().map(|(at, name)| (name.as_str(), at)).collect();
        let code: HashMap<&str, usize> = labels.iter().enumerate().map(|(at, label)| (label.as_str(), at)).collect();
        let mut by_clip: BTreeMap<&ClipId, Vec<Said>> = BTreeMap::new();
        let mut cannot_judge = 0;
        for one in &answers {
            let said = by_clip.entry(one.clip).or_default();
            match code.get(one.value.as_str()) {
                Some(&code) => said.push(Said { rater: place[one.rater], code, confidence: one.confidence }),
                None => cannot_judge += 1,
            }
        }
        let clips = by_clip.keys().map(|clip| (*clip).clone()).collect();
        let mut said: Vec<Vec<Said>> = by_clip.into_values().collect();
        said.iter_mut().for_each(|row| row.sort_by_key(|one| one.rater));
        let values = match level {
            Level::Nominal => (0..labels.len()).map(|code| code as f64).collect(),
            Level::Scale => labels.iter().filter_map(|label| label.parse().ok()).collect(),
        };
        let several = matches!(asked.answers, Some(Answers::Several(_)));
        let (scheme, question) = (asked.scheme.to_owned(), asked.question.to_owned());
        Ok(Ratings { scheme, question, level, labels, values, raters, clips, said, cannot_judge, several })
    }

    /// Ratings by number, for golden tables: clips `0`, `1` …, raters likewise.
    #[cfg(test)]
    pub(super) fn of_codes(level: Level, steps: std::ops::Range<usize>, rows: &[Vec<Option<usize>>]) -> Ratings {
        let said = |row: &Vec<Option<usize>>| {
            let of = |(rater, code): (usize, &Option<usize>)| code.map(|code| Said { rater, code, confidence: None });
            row.iter().enumerate().filter_map(of).collect()
        };
        Ratings {
            scheme: "s".to_owned(),
            question: String::new(),
            level,
            labels: steps.clone().map(|step| step.to_string()).collect(),
            values: steps.map(|step| step as f64).collect(),
            raters: (0..rows[0].len()).map(|rater| rater.to_string()).collect(),
            clips: (0..rows.len()).map(|clip| ClipId(format!("{clip:03}").into())).collect(),
            said: rows.iter().map(said).collect(),
            cannot_judge: 0,
            several: false,
        }
    }

    /// Clips by raters, for the coefficients.
    ///
    /// # Errors
    /// None that ratings made here can meet.
    pub fn table(&self) -> Result<Table, TableError> {
        let row = |row: &Vec<Said>| row.iter().map(|one| (one.rater, one.code)).collect();
        Table::new(self.values.clone(), self.raters.len(), self.said.iter().map(row))
    }

    /// Each class against the rest; of a question where several may be chosen: chosen or not. A scale has no classes.
    ///
    /// # Errors
    /// As [`Ratings::table`].
    pub fn by_class(&self) -> Result<Vec<(String, Table)>, TableError> {
        if self.level == Level::Scale {
            return Ok(Vec::new());
        }
        let table = |class: &String| {
            let has: Vec<bool> = self.labels.iter().map(|label| self.holds(label, class)).collect();
            let row = |row: &Vec<Said>| row.iter().map(|one| (one.rater, usize::from(has[one.code]))).collect();
            Ok((class.clone(), Table::nominal(2, self.raters.len(), self.said.iter().map(row))?))
        };
        self.classes().iter().map(table).collect()
    }

    /// The classes by themselves.
    fn classes(&self) -> Vec<String> {
        if !self.several {
            return self.labels.clone();
        }
        let mut classes: Vec<String> = Vec::new();
        for class in self.labels.iter().flat_map(|label| label.split(SEVERAL)) {
            if !classes.iter().any(|known| known == class) {
                classes.push(class.to_owned());
            }
        }
        classes
    }

    fn holds(&self, label: &str, class: &str) -> bool {
        if self.several { label.split(SEVERAL).any(|one| one == class) } else { label == class }
    }
}

/// An answer that holds; empty for "cannot judge".
struct Current<'a> {
    clip: &'a ClipId,
    rater: &'a str,
    value: String,
    confidence: Option<f64>,
}

/// What holds of each person's answers, in order of id.
fn current<'a>(annotations: &'a [Annotation], asked: &Asked<'_>) -> Vec<Current<'a>> {
    let wanted = |event: &&Annotation| {
        event.occasion == Occasion::Main
            && event.annotator.is_human()
            && event.scheme.name == asked.scheme
            && (asked.raters.is_empty() || asked.raters.iter().any(|name| name == event.annotator.name()))
    };
    let mut ledgers: BTreeMap<&Annotator, Ledger> = BTreeMap::new();
    for event in annotations.iter().filter(wanted) {
        ledgers.entry(&event.annotator).or_default().apply(event);
    }
    let holds = |event: &&Annotation| ledgers.get(&event.annotator).is_some_and(|ledger| ledger.holds(event.id));
    let answer = |event: &'a Annotation| match &event.act {
        Act::Answer { question, value } if question == asked.question => Some(Current {
            clip: &event.clip,
            rater: event.annotator.name(),
            value: plain(value, asked.answers),
            confidence: event.confidence,
        }),
        _ => None,
    };
    annotations.iter().filter(wanted).filter(holds).filter_map(answer).collect()
}

/// `07` is 7, and ` 7` of an import is, too.
fn plain(value: &str, answers: Option<&Answers>) -> String {
    let number = value.trim().parse::<i64>().ok().filter(|_| !matches!(answers, Some(Answers::Choice(_))));
    number.map_or_else(|| value.to_owned(), |number| number.to_string())
}

/// What codes stand for.
fn labels(answers: &[Current<'_>], asked: &Asked<'_>) -> Result<(Level, Vec<String>), RatingsError> {
    let given: BTreeSet<&str> =
        answers.iter().map(|one| one.value.as_str()).filter(|value| !value.is_empty()).collect();
    let numbers: Option<BTreeSet<i64>> = given.iter().map(|value| value.parse().ok()).collect();
    let steps = |low: i64, high: i64| (low..=high).map(|step| step.to_string()).collect();
    match asked.answers {
        Some(Answers::Text) => {
            Err(RatingsError::Text(format!("{} {}", asked.scheme, asked.question).trim().to_owned()))
        }
        Some(Answers::Scale(scale)) => {
            let numbers = numbers.ok_or_else(|| no_step(answers))?;
            // An older version of the scheme may have had more steps.
            let low = numbers.first().copied().unwrap_or(i64::MAX).min(scale.low.into());
            let high = numbers.last().copied().unwrap_or(i64::MIN).max(scale.high.into());
            Ok((Level::Scale, steps(low, high)))
        }
        None if numbers.as_ref().is_some_and(|numbers| !numbers.is_empty()) => {
            Ok((Level::Scale, numbers.into_iter().flatten().map(|step| step.to_string()).collect()))
        }
        Some(Answers::Several(_)) => Ok((Level::Nominal, given.into_iter().map(str::to_owned).collect())),
        Some(Answers::Choice(_)) | None => {
            let classes = asked.answers.map_or(&[][..], Answers::classes);
            let mut labels: Vec<String> = classes.iter().map(|class| class.name.clone()).collect();
            let old: Vec<&str> = given.into_iter().filter(|class| !labels.iter().any(|known| known == class)).collect();
            labels.extend(old.into_iter().map(str::to_owned));
            Ok((Level::Nominal, labels))
        }
    }
}

fn no_step(answers: &[Current<'_>]) -> RatingsError {
    let wrong = answers.iter().find(|one| !one.value.is_empty() && one.value.parse::<i64>().is_err());
    let words = wrong.map(|one| (one.clip.0.clone(), one.rater.to_owned(), one.value.clone()));
    let (clip, rater, value) = words.unwrap_or_default();
    RatingsError::Step { clip: clip.to_string(), rater, value }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::test_events::Events;
    use super::super::{Class, Scale};
    use super::*;

    fn by(events: &mut Events, who: &str, clip: &str, value: &str) -> Annotation {
        events.by(Annotator::Human(who.to_owned()), clip, Act::label(value))
    }

    fn asked() -> Asked<'static> {
        Asked { scheme: "s", ..Asked::default() }
    }

    fn choice(names: &[&str]) -> Vec<Class> {
        names.iter().map(|name| Class { name: (*name).to_owned(), ..Class::default() }).collect()
    }

    #[test]
    fn what_holds_of_peoples_work_is_a_rating() {
        let mut events = Events::default();
        let mut all = vec![by(&mut events, "ben", "b", "fear"), by(&mut events, "anna", "a", "joy")];
        all.push(by(&mut events, "anna", "a", "fear"));
        let undone = by(&mut events, "anna", "b", "fear");
        all.push(events.by(Annotator::Human("anna".to_owned()), "b", Act::Undo(undone.id)));
        all.insert(3, undone);
        all.push(by(&mut events, "cleo", "a", ""));
        all.push(events.by(Annotator::Machine("cnn".to_owned()), "a", Act::label("joy")));
        let mut repeat = by(&mut events, "ben", "a", "joy");
        repeat.said.occasion = Occasion::Repeat;
        all.push(repeat);
        let answers = Answers::Choice(choice(&["joy", "anger"]));
        let found = Ratings::of(&all, &Asked { answers: Some(&answers), ..asked() }).unwrap();
        assert_eq!(found.labels, ["joy", "anger", "fear"], "what the scheme no longer has comes last");
        assert_eq!(found.raters, ["anna", "ben", "cleo"]);
        assert_eq!(found.clips.iter().map(|clip| clip.0.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        let said: Vec<Vec<(usize, usize)>> =
            found.said.iter().map(|row| row.iter().map(|one| (one.rater, one.code)).collect()).collect();
        assert_eq!(said, [[(0, 2)], [(1, 2)]]);
        assert_eq!((found.cannot_judge, found.table().unwrap().ratings()), (1, 2));
    }

    #[test]
    fn only_the_people_asked_for() {
        let mut events = Events::default();
        let all = [by(&mut events, "anna", "a", "x"), by(&mut events, "ben", "a", "y")];
        let ben = ["ben".to_owned()];
        assert_eq!(Ratings::of(&all, &Asked { raters: &ben, ..asked() }).unwrap().raters, ["ben"]);
        let zoe = ["zoe".to_owned()];
        let refused = Ratings::of(&all, &Asked { raters: &zoe, ..asked() }).unwrap_err();
        assert_eq!(refused.to_string(), "no ratings by zoe");
    }

    #[test]
    fn a_scale_has_all_its_steps_and_refuses_words() {
        let mut events = Events::default();
        let mut all = vec![by(&mut events, "anna", "a", "2"), by(&mut events, "ben", "a", "05")];
        let open = Ratings::of(&all, &asked()).unwrap();
        assert_eq!((open.level, open.labels), (Level::Scale, vec!["2".to_owned(), "5".to_owned()]));
        let scale = Answers::Scale(Scale { low: 1, high: 3, low_word: String::new(), high_word: String::new() });
        let found = Ratings::of(&all, &Asked { answers: Some(&scale), ..asked() }).unwrap();
        assert_eq!((found.values, found.said[0][1].code), (vec![1.0, 2.0, 3.0, 4.0, 5.0], 4));
        all.push(by(&mut events, "ben", "b", "loud"));
        let refused = Ratings::of(&all, &Asked { answers: Some(&scale), ..asked() }).unwrap_err();
        assert_eq!(refused.to_string(), "b: `loud` by ben is no step of the scale");
        let refused = Ratings::of(&all, &Asked { answers: Some(&Answers::Text), ..asked() }).unwrap_err();
        assert_eq!(refused.to_string(), "s is answered in free text: there is nothing to count");
    }

    #[test]
    fn of_several_each_class_is_chosen_or_not() {
        let mut events = Events::default();
        let all = [by(&mut events, "anna", "a", "x;y"), by(&mut events, "ben", "a", "y")];
        let several = Answers::Several(choice(&["x", "y"]));
        let found = Ratings::of(&all, &Asked { answers: Some(&several), ..asked() }).unwrap();
        assert_eq!(found.labels, ["x;y", "y"]);
        let by_class = found.by_class().unwrap();
        let codes: Vec<(&str, Vec<u32>)> =
            by_class.iter().map(|(class, one)| (&class[..], one.unit(0).iter().map(|r| r.code).collect())).collect();
        assert_eq!(codes, [("x", vec![1, 0]), ("y", vec![1, 1])]);
    }
}
