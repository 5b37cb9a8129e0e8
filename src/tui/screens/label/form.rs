//! Where an annotator is in the questions about one clip: which one is at hand, and what is chosen but not yet saved.
//!
//! The question at hand is the one moved to; else the first required one without an answer; else the first. A clip that is done
//! is gone through in the order of its required questions. Deliberately absent: saving, drawing, and which clip comes next.

use crate::label::{Answers, At, Ledger, Question, SEVERAL, Scheme};

/// The place in a form, of the clip at hand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Form {
    /// The question moved to; `None`: the first that is open.
    at: Option<usize>,
    /// Classes toggled where several may be chosen, in the order of the scheme; `None`: as saved.
    picked: Option<Vec<bool>>,
}

impl Form {
    /// The number of the question at hand.
    pub fn at(&self, scheme: &Scheme, ledger: &Ledger, clip: At<'_>) -> usize {
        let open = |question: &Question| question.required && ledger.answer(clip, &question.name).is_none();
        let at = self.at.or_else(|| scheme.questions.iter().position(open)).unwrap_or(0);
        at.min(scheme.questions.len().saturating_sub(1))
    }

    /// Moves to another question; what was toggled and not saved is dropped.
    pub fn go(&mut self, at: usize) {
        *self = Form { at: Some(at), picked: None };
    }

    /// The question after an answer to `at` on a clip that had been done before: `None` when there is none to go through.
    pub fn following(scheme: &Scheme, at: usize) -> Option<usize> {
        (at + 1..scheme.questions.len()).find(|&next| scheme.questions[next].required)
    }

    /// Which classes of `question` are chosen, saved or not; `saved` is the answer that holds.
    pub fn picked(&self, question: &Question, saved: Option<&str>) -> Vec<bool> {
        let several = matches!(question.answers, Answers::Several(_));
        let among = |saved: &str, name: &str| saved == name || (several && saved.split(SEVERAL).any(|one| one == name));
        let chosen = |name: &str| saved.is_some_and(|saved| among(saved, name));
        let classes = question.answers.classes();
        match &self.picked {
            Some(picked) if picked.len() == classes.len() => picked.clone(),
            _ => classes.iter().map(|class| chosen(&class.name)).collect(),
        }
    }

    /// Chooses a class, or no more.
    pub fn toggle(&mut self, question: &Question, saved: Option<&str>, class: &str) {
        let mut picked = self.picked(question, saved);
        let classes = question.answers.classes().iter();
        for (one, _) in picked.iter_mut().zip(classes).filter(|(_, known)| known.name == class) {
            *one = !*one;
        }
        self.picked = Some(picked);
    }

    /// Whether something is toggled that is not saved.
    pub fn is_unsaved(&self) -> bool {
        self.picked.is_some()
    }

    /// The chosen classes as they are stored; empty when none is.
    pub fn joined(&self, question: &Question, saved: Option<&str>) -> String {
        let picked = self.picked(question, saved);
        let chosen = question.answers.classes().iter().zip(picked).filter(|(_, picked)| *picked);
        chosen.map(|(class, _)| class.name.as_str()).collect::<Vec<_>>().join(&SEVERAL.to_string())
    }
}

/// An answer in words: `cannot judge`, `old answer: joy` where the scheme no longer has it, `anger, fear`, `6`.
pub fn words(question: &Question, value: &str) -> String {
    match value {
        "" => "cannot judge".to_owned(),
        old if !question.takes(old) => format!("old answer: {old}"),
        several => several.replace(SEVERAL, ", "),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::corpus::ClipId;
    use crate::label::{Act, AnnotationId, Annotator, NewAnnotation};

    fn scheme() -> Scheme {
        let text = "name = 'x'
[[question]]
name = 'emotion'
several = true
class = [{ name = 'hot' }, { name = 'cold' }]
[[question]]
name = 'remark'
text = true
[[question]]
name = 'arousal'
scale = { low = 1, high = 5 }
";
        Scheme::parse(text, "x.toml").unwrap()
    }

    fn told(answers: &[(&str, &str)]) -> (Ledger, ClipId) {
        let (scheme, clip) = (scheme(), ClipId("a".into()));
        let mut ledger = Ledger::asking(scheme.required());
        for (id, (question, value)) in answers.iter().enumerate() {
            let act = Act::label(*value).asked(*question);
            let who = Annotator::Human("anna".to_owned());
            let new = NewAnnotation::now(clip.clone(), String::new(), who, scheme.id(), act);
            ledger.apply(&new.numbered(AnnotationId(id as i64 + 1)));
        }
        (ledger, clip)
    }

    #[test]
    fn the_first_open_question_is_at_hand_unless_another_was_moved_to() {
        let (scheme, mut form) = (scheme(), Form::default());
        let at = |form: &Form, answers: &[(&str, &str)]| {
            let (ledger, clip) = told(answers);
            form.at(&scheme, &ledger, At::from(&clip))
        };
        assert_eq!(at(&form, &[]), 0);
        assert_eq!(at(&form, &[("emotion", "hot")]), 2, "a remark is not required");
        assert_eq!(at(&form, &[("emotion", ""), ("arousal", "3")]), 0, "done: from the start");
        form.go(1);
        assert_eq!(at(&form, &[]), 1);
        assert_eq!([Form::following(&scheme, 0), Form::following(&scheme, 2)], [Some(2), None]);
    }

    #[test]
    fn classes_are_toggled_upon_what_is_saved_and_joined_in_the_schemes_order() {
        let (scheme, mut form) = (scheme(), Form::default());
        let question = &scheme.questions[0];
        assert_eq!(form.joined(question, None), "");
        form.toggle(question, Some("cold"), "hot");
        assert!(form.is_unsaved());
        assert_eq!(form.joined(question, Some("cold")), "hot;cold");
        form.toggle(question, Some("cold"), "cold");
        assert_eq!(form.joined(question, Some("cold")), "hot");
        form.go(0);
        assert_eq!(form.joined(question, Some("cold")), "cold");
    }

    #[test]
    fn answers_are_told_in_words() {
        let scheme = scheme();
        let told = |at: usize, value: &str| words(&scheme.questions[at], value);
        assert_eq!(told(0, "hot;cold"), "hot, cold");
        assert_eq!([told(0, ""), told(2, "")], ["cannot judge", "cannot judge"]);
        assert_eq!([told(0, "warm"), told(2, "9")], ["old answer: warm", "old answer: 9"]);
    }
}
