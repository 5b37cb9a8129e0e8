//! How steadily and carefully each person rates: hidden repeats, known answers, answers given too fast, runs of one answer, drift.
//!
//! Figures, not verdicts: what to make of them is the lead's business. Answers are those that hold now (see [`Ledger`]), in the
//! order they were given; machines are left out. Deliberately absent: agreement between people (see `score::agreement`), storage.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Act, Annotation, Annotator, Answers, At, Ledger, Listening, Occasion, Question, Round};
use crate::corpus::ClipId;
use crate::score::agreement::{Table, coefficient, value};

/// Whoever answers before so much of a clip was heard was too fast.
const HEARD: f64 = 0.5;
/// On a scale an answer counts as the known one if it is no further away.
const NEAR: f64 = 1.0;

/// What is known of one person's work in one scheme.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Quality {
    /// By name.
    pub rater: String,
    /// Clips of the work itself with an answer.
    pub clips: usize,
    /// Median time on a clip without idle time, in seconds; `None` where nothing tells it.
    pub seconds: Option<f64>,
    /// Clips answered before half of them had been heard, of those that tell.
    pub fast: Share,
    /// Question by question, in the scheme's order; none of free text.
    pub questions: Vec<OfQuestion>,
}

/// So many of so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Share {
    /// How many.
    pub count: usize,
    /// Of how many.
    pub of: usize,
}

/// One person's answers to one question.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct OfQuestion {
    /// Name of the question; empty where the scheme has only one.
    pub question: String,
    /// Answers to it, "cannot judge" left out.
    pub answers: usize,
    /// "Cannot judge".
    pub missing: usize,
    /// Hidden repeats answered as at first.
    pub same: Share,
    /// The same on a scale, one step off included.
    pub near: Option<Share>,
    /// Agreement of first and second answers: Cohen's kappa of a choice, ICC(2,1) of a scale; `None` where undefined.
    pub steady: Option<f64>,
    /// Known answers met; on a scale up to one step off.
    pub gold: Share,
    /// The longest run of one answer.
    pub run: Option<Streak>,
    /// The work in three parts of equal length, in order: what drifts shows here. Empty with fewer than three answers.
    pub thirds: Vec<Third>,
}

/// The longest run of one answer.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Streak {
    /// How long it is.
    pub length: usize,
    /// Which answer.
    pub value: String,
    /// At most so likely is a run as long, of whatever answer, if each were drawn by the rater's own shares: the expected number of
    /// such runs (Schilling 1990, "The longest run of heads"), which no probability exceeds (Markov), or 1.
    pub chance: f64,
}

/// A third of somebody's answers.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Third {
    /// How many.
    pub answers: usize,
    /// Agreement with the vote of the others: the same class as their majority, or within a step of their mean; of clips where
    /// they have one.
    pub others: Share,
    /// Median time on a clip.
    pub seconds: Option<f64>,
    /// Share of each answer, by name.
    pub shares: BTreeMap<String, f64>,
}

impl Share {
    /// Between 0 and 1; `None` of nothing.
    pub fn share(self) -> Option<f64> {
        (self.of > 0).then(|| self.count as f64 / self.of as f64)
    }

    fn of(all: impl IntoIterator<Item = bool>) -> Share {
        all.into_iter()
            .fold(Share::default(), |share, hit| Share { count: share.count + usize::from(hit), of: share.of + 1 })
    }
}

/// The figures of everybody who rated in the scheme of that name, by name. `annotations` in order of id.
pub fn quality(annotations: &[Annotation], scheme: &str, questions: &[Question], round: &Round) -> Vec<Quality> {
    let people: BTreeSet<&Annotator> =
        annotations.iter().map(|one| &one.annotator).filter(|one| one.is_human()).collect();
    let works: Vec<Work<'_>> = people.into_iter().map(|who| Work::of(annotations, who, scheme)).collect();
    let works: Vec<Work<'_>> = works.into_iter().filter(|work| !work.events.is_empty()).collect();
    let asked: Vec<&Question> = questions.iter().filter(|one| one.answers != Answers::Text).collect();
    let crowds: Vec<Crowd<'_>> = asked.iter().map(|question| Crowd::of(&works, question)).collect();
    let of = |(at, work): (usize, &Work<'_>)| {
        let pairs = asked.iter().zip(&crowds);
        let questions = pairs.map(|(question, crowd)| of_question((at, work), question, crowd, round)).collect();
        Quality {
            rater: work.who.name().to_owned(),
            clips: work.heard.len(),
            seconds: median(work.heard.values().map(|heard| heard.map(|heard| heard.seconds))),
            fast: Share::of(work.heard.values().flatten().map(|heard| heard.heard < HEARD)),
            questions,
        }
    };
    works.iter().enumerate().map(of).collect()
}

/// What one person said, and what of it holds.
struct Work<'a> {
    who: &'a Annotator,
    ledger: Ledger,
    /// Answers that hold, of the work itself, in the order they were given.
    events: Vec<&'a Annotation>,
    /// How each clip was heard before its last answer that holds.
    heard: BTreeMap<&'a ClipId, Option<&'a Listening>>,
}

impl<'a> Work<'a> {
    fn of(annotations: &'a [Annotation], who: &'a Annotator, scheme: &str) -> Work<'a> {
        let ledger = Ledger::default().and(annotations, who, scheme);
        let holds = |event: &&Annotation| {
            event.annotator == *who
                && event.scheme.name == scheme
                && event.occasion == Occasion::Main
                && matches!(event.act, Act::Answer { .. })
                && ledger.holds(event.id)
        };
        let events: Vec<&Annotation> = annotations.iter().filter(holds).collect();
        let heard = events.iter().map(|event| (&event.clip, event.listening.as_ref())).collect();
        Work { who, ledger, events, heard }
    }

    /// The answers to a question, "cannot judge" left out.
    fn answers(&self, question: &str) -> impl Iterator<Item = (&'a Annotation, &'a str)> {
        self.events.iter().filter_map(move |event| match &event.act {
            Act::Answer { question: asked, value } if asked == question && !value.is_empty() => {
                Some((*event, value.as_str()))
            }
            _ => None,
        })
    }

    /// First and second answer to each clip that came twice.
    fn twice(&self, question: &str) -> Vec<(&str, &str)> {
        let pair = |clip: &ClipId| {
            let answer =
                |occasion| self.ledger.answer(At { clip, occasion }, question).filter(|value| !value.is_empty());
            Some((answer(Occasion::Main)?, answer(Occasion::Repeat)?))
        };
        self.ledger.met(Occasion::Repeat).filter_map(pair).collect()
    }
}

/// What everybody said to one question, clip by clip: place of the rater, answer.
struct Crowd<'a>(HashMap<&'a ClipId, Vec<(usize, &'a str)>>);

impl<'a> Crowd<'a> {
    fn of(works: &[Work<'a>], question: &Question) -> Crowd<'a> {
        let mut said: HashMap<&ClipId, Vec<(usize, &str)>> = HashMap::new();
        for (at, work) in works.iter().enumerate() {
            for (event, value) in work.answers(&question.name) {
                said.entry(&event.clip).or_default().push((at, value));
            }
        }
        Crowd(said)
    }

    /// Whether an answer is that of the others; `None` where they have none, or no majority.
    fn agrees(&self, rater: usize, clip: &ClipId, value: &str, question: &Question) -> Option<bool> {
        let others: Vec<&str> =
            self.0.get(clip)?.iter().filter(|(who, _)| *who != rater).map(|(_, said)| *said).collect();
        if let Answers::Scale(_) = question.answers {
            let steps: Vec<f64> = others.iter().filter_map(|said| said.parse().ok()).collect();
            let mean = (!steps.is_empty()).then(|| steps.iter().sum::<f64>() / steps.len() as f64)?;
            return Some((value.parse::<f64>().ok()? - mean).abs() <= NEAR);
        }
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        others.iter().for_each(|said| *counts.entry(said).or_default() += 1);
        let most = counts.values().copied().max()?;
        let mut first = counts.iter().filter(|(_, count)| **count == most);
        let winner = first.next()?.0;
        first.next().is_none().then_some(*winner == value)
    }
}

fn of_question((at, work): (usize, &Work<'_>), question: &Question, crowd: &Crowd<'_>, round: &Round) -> OfQuestion {
    let answers: Vec<(&Annotation, &str)> = work.answers(&question.name).collect();
    let twice = work.twice(&question.name);
    let scale = matches!(question.answers, Answers::Scale(_));
    let known = round.gold.iter().filter_map(|(clip, known)| {
        let said = work.ledger.answer(clip, &question.name).filter(|value| !value.is_empty())?;
        Some(is_hit(said, known.get(&question.name)?, scale))
    });
    let missing = work.events.iter().filter(|event| {
        matches!(&event.act, Act::Answer { question: asked, value } if *asked == question.name && value.is_empty())
    });
    let third = |part: &[(&Annotation, &str)]| Third {
        answers: part.len(),
        others: Share::of(part.iter().filter_map(|(event, value)| crowd.agrees(at, &event.clip, value, question))),
        seconds: median(part.iter().map(|(event, _)| event.listening.as_ref().map(|heard| heard.seconds))),
        shares: shares(part.iter().map(|(_, value)| *value)),
    };
    let cut = |part: usize| answers.len() * part / 3;
    let thirds = if answers.len() < 3 { 0..0 } else { 0..3 };
    OfQuestion {
        question: question.name.clone(),
        answers: answers.len(),
        missing: missing.count(),
        same: Share::of(twice.iter().map(|(first, second)| first == second)),
        near: scale.then(|| Share::of(twice.iter().map(|(first, second)| is_hit(first, second, true)))),
        steady: steady(&twice, scale),
        gold: Share::of(known),
        run: longest(&answers.iter().map(|(_, value)| *value).collect::<Vec<_>>()),
        thirds: thirds.map(|part| third(&answers[cut(part)..cut(part + 1)])).collect(),
    }
}

/// Whether an answer is the known one; on a scale up to a step off.
pub fn is_hit(said: &str, known: &str, scale: bool) -> bool {
    let near = || Some((said.parse::<f64>().ok()? - known.parse::<f64>().ok()?).abs() <= NEAR);
    said == known || (scale && near() == Some(true))
}

/// First and second answers as if two people had given them.
fn steady(twice: &[(&str, &str)], scale: bool) -> Option<f64> {
    let values: BTreeSet<&str> = twice.iter().flat_map(|(first, second)| [*first, *second]).collect();
    let place = |value: &str| values.iter().position(|one| *one == value).unwrap_or(0);
    if !scale {
        let units = twice.iter().map(|(first, second)| vec![(0, place(first)), (1, place(second))]);
        return value(&Table::nominal(values.len(), 2, units).ok()?, coefficient("kappa")?);
    }
    let mut steps: Vec<f64> = values.iter().filter_map(|value| value.parse().ok()).collect();
    steps.sort_by(f64::total_cmp);
    let place = |value: &str| steps.iter().position(|step| value.parse() == Ok(*step));
    let units: Option<Vec<_>> =
        twice.iter().map(|(first, second)| Some(vec![(0, place(first)?), (1, place(second)?)])).collect();
    value(&Table::new(steps.clone(), 2, units?).ok()?, coefficient("icc2_1")?)
}

fn shares<'a>(values: impl Iterator<Item = &'a str>) -> BTreeMap<String, f64> {
    let values: Vec<&str> = values.collect();
    let mut shares: BTreeMap<String, f64> = BTreeMap::new();
    values.iter().for_each(|value| *shares.entry((*value).to_owned()).or_default() += 1.0 / values.len() as f64);
    shares
}

fn longest(values: &[&str]) -> Option<Streak> {
    let runs = values.chunk_by(|a, b| a == b);
    // The first of the longest.
    let run = runs.rev().max_by_key(|run| run.len())?;
    let (length, n) = (run.len(), values.len());
    let expected = |share: f64| share.powi(length as i32) * (1.0 + (n - length) as f64 * (1.0 - share));
    let chance: f64 = shares(values.iter().copied()).values().map(|share| expected(*share)).sum();
    Some(Streak { length, value: run[0].to_owned(), chance: chance.min(1.0) })
}

fn median(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let mut values: Vec<f64> = values.flatten().collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(values[middle]),
        _ => Some((values[middle - 1] + values[middle]) / 2.0),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::test_events::Events;
    use super::super::{Class, Scale};
    use super::*;

    fn choice() -> Question {
        let class = |name: &str| Class { name: name.to_owned(), ..Class::default() };
        Question::one(Answers::Choice(["a", "b", "c"].map(class).into()))
    }

    fn scale() -> Question {
        Question::one(Answers::Scale(Scale { low: 1, high: 9, low_word: String::new(), high_word: String::new() }))
    }

    /// What people say, one answer after another.
    #[derive(Default)]
    struct Said {
        events: Events,
        all: Vec<Annotation>,
    }

    impl Said {
        fn say(&mut self, who: &str, clip: &str, value: &str, occasion: Occasion) -> &mut Annotation {
            let mut event = self.events.by(Annotator::Human(who.to_owned()), clip, Act::label(value));
            event.said.occasion = occasion;
            self.all.push(event);
            self.all.last_mut().unwrap()
        }

        fn heard(&mut self, clip: &str, value: &str, (heard, seconds): (f64, f64)) {
            let listening = Listening {
                plays: 1,
                heard,
                sink: "silent".to_owned(),
                gain_db: 0.0,
                picture: "none".to_owned(),
                seconds,
            };
            self.say("anna", clip, value, Occasion::Main).said.listening = Some(listening);
        }

        fn found(&self, question: Question) -> Vec<Quality> {
            quality(&self.all, "s", &[question], &Round::default())
        }
    }

    #[test]
    fn repeats_are_compared_with_the_first_answers() {
        let mut said = Said::default();
        // Twice: a a, a a, b b, b a: 3 of 4; expected by chance 1/2 * 3/4 + 1/2 * 1/4 = 1/2, so kappa 1/2.
        for (clip, first, second) in [("1", "a", "a"), ("2", "a", "a"), ("3", "b", "b"), ("4", "b", "a")] {
            said.say("anna", clip, first, Occasion::Main);
            said.say("anna", clip, second, Occasion::Repeat);
        }
        said.say("anna", "5", "c", Occasion::Main);
        said.say("anna", "5", "", Occasion::Repeat);
        let one = &said.found(choice())[0];
        assert_eq!((one.clips, one.questions[0].answers), (5, 5));
        assert_eq!(one.questions[0].same, Share { count: 3, of: 4 });
        assert!((one.questions[0].steady.unwrap() - 0.5).abs() < 1e-12);
        assert_eq!(one.questions[0].near, None);
    }

    #[test]
    fn a_step_off_is_near_on_a_scale() {
        let mut said = Said::default();
        for (clip, first, second) in [("1", "2", "3"), ("2", "5", "5"), ("3", "9", "6"), ("4", "1", "1")] {
            said.say("anna", clip, first, Occasion::Main);
            said.say("anna", clip, second, Occasion::Repeat);
        }
        let one = &said.found(scale())[0].questions[0];
        assert_eq!((one.same.count, one.near), (2, Some(Share { count: 3, of: 4 })));
        assert!(one.steady.is_some_and(|icc| (0.7..1.0).contains(&icc)), "{:?}", one.steady);
        assert!(is_hit("4", "5", true) && !is_hit("4", "6", true) && !is_hit("4", "5", false));
    }

    #[test]
    fn known_answers_and_cannot_judge_are_counted() {
        let mut said = Said::default();
        for (clip, value) in [("1", "a"), ("2", "b"), ("3", "")] {
            said.say("anna", clip, value, Occasion::Main);
        }
        let known = |value: &str| BTreeMap::from([(String::new(), value.to_owned())]);
        let mut round = Round::default();
        for (clip, value) in [("1", "a"), ("2", "a"), ("3", "a"), ("9", "a")] {
            round.gold.insert(ClipId(clip.into()), known(value));
        }
        let found = quality(&said.all, "s", &[choice()], &round);
        let one = &found[0].questions[0];
        assert_eq!((one.gold, one.missing, one.answers), (Share { count: 1, of: 2 }, 1, 2));
    }

    #[test]
    fn who_answers_before_half_was_heard_is_too_fast() {
        let mut said = Said::default();
        for (clip, heard) in [("1", (0.2, 1.0)), ("2", (1.0, 3.0)), ("3", (0.5, 2.0))] {
            said.heard(clip, "a", heard);
        }
        said.say("anna", "4", "a", Occasion::Main);
        let one = &said.found(choice())[0];
        assert_eq!((one.fast, one.seconds), (Share { count: 1, of: 3 }, Some(2.0)));
    }

    #[test]
    fn a_long_run_is_told_with_how_likely_it_is() {
        let run = longest(&["a", "b", "b", "b", "a", "a"]).unwrap();
        assert_eq!((run.length, run.value.as_str()), (3, "b"));
        // Two classes of 1/2: 2 * (1/8 + 3 * 1/2 * 1/8).
        assert!((run.chance - 0.625).abs() < 1e-12, "{}", run.chance);
        assert_eq!(longest(&["a"; 9]).unwrap().chance, 1.0, "whoever knows one answer runs");
        let mixed: Vec<&str> = ["a", "b"].into_iter().cycle().take(40).chain(["a"; 20]).collect();
        assert!(longest(&mixed).unwrap().chance < 0.02);
        assert_eq!(longest(&[]), None);
    }

    #[test]
    fn drift_shows_in_thirds_against_the_vote_of_the_others() {
        let mut said = Said::default();
        for clip in 0..9 {
            let clip = clip.to_string();
            said.say("ben", &clip, "a", Occasion::Main);
            said.say("cleo", &clip, "a", Occasion::Main);
            said.heard(&clip, if clip.as_str() < "6" { "a" } else { "b" }, (1.0, clip.parse().unwrap()));
        }
        let found = said.found(choice());
        assert_eq!(found.iter().map(|one| one.rater.as_str()).collect::<Vec<_>>(), ["anna", "ben", "cleo"]);
        let thirds = &found[0].questions[0].thirds;
        assert_eq!(thirds.iter().map(|third| third.others.count).collect::<Vec<_>>(), [3, 3, 0]);
        assert_eq!(thirds.iter().map(|third| third.seconds).collect::<Vec<_>>(), [Some(1.0), Some(4.0), Some(7.0)]);
        assert_eq!(thirds[2].shares, BTreeMap::from([("b".to_owned(), 1.0)]));
        // Of the last three clips, ben faces a tie.
        assert_eq!(found[1].questions[0].thirds[2].others.of, 0);
    }

    #[test]
    fn nobody_and_one_answer_are_no_trouble() {
        assert_eq!(quality(&[], "s", &[choice()], &Round::default()), []);
        let mut said = Said::default();
        said.say("anna", "1", "a", Occasion::Main);
        let one = &said.found(choice())[0].questions[0];
        assert_eq!((one.thirds.len(), one.steady, one.same.share()), (0, None, None));
    }
}
