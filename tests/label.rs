//! Labelling from scheme to file, on disk: what an annotator does in one sitting, stops, and goes on with.
//!
//! Deliberately absent: the screen.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use emolab::corpus::ClipId;
use emolab::label::{
    Act, Annotator, Format, Ledger, NewAnnotation, Progress, Queue, Round, Row, Scheme, Voters, export, votes,
};
use emolab::store::Store;

/// One annotator at work on ten clips.
struct Sitting {
    store: Store,
    scheme: Scheme,
    who: Annotator,
    queue: Queue,
    clips: Vec<ClipId>,
    ledger: Ledger,
}

impl Sitting {
    fn start(path: &std::path::Path, name: &str) -> Sitting {
        let mut scheme = Scheme::load("emodb7").unwrap();
        scheme.assign_keys(&['s', 'h', 'n', 'q', 'u']).unwrap();
        let clips: Vec<ClipId> = (0..10).map(|n| ClipId(format!("wav/{n}.wav").into())).collect();
        let who = Annotator::Human(name.to_owned());
        let store = Store::open(path).unwrap();
        let ledger = Ledger::of(&store.annotations("/c", Some(&who)).unwrap(), &who, &scheme.name);
        let asked: Vec<_> = clips.iter().map(|clip| (clip, None)).collect();
        let mut queue = Queue::new(&asked, &who, &Round { seed: 7, ..Round::default() }, &[]);
        clips.iter().enumerate().for_each(|(at, clip)| queue.settle(at, clip, &ledger));
        Sitting { queue, clips, store, scheme, who, ledger }
    }

    fn say(&mut self, clip: &ClipId, act: Act) {
        let (annotator, scheme) = (self.who.clone(), self.scheme.id());
        let new = NewAnnotation::now(clip.clone(), "00".to_owned(), annotator, scheme, act);
        self.ledger.apply(&self.store.append("/c", &new).unwrap());
        let at = self.clips.iter().position(|one| one == clip).unwrap();
        self.queue.settle(at, clip, &self.ledger);
    }

    fn press(&mut self, key: char) {
        let clip = self.clips[self.queue.resume().unwrap().clip].clone();
        let class = self.scheme.questions[0].class_of(key).unwrap().name.clone();
        self.say(&clip, Act::label(class));
    }

    fn undo(&mut self) {
        let (id, clip) = self.ledger.undo_target().map(|(id, at)| (id, at.clip.clone())).unwrap();
        self.say(&clip, Act::Undo(id));
    }

    fn progress(&self) -> Progress {
        self.queue.progress()
    }
}

#[test]
fn a_sitting_goes_on_where_it_was_left_and_everything_said_is_exported() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let mut anna = Sitting::start(&path, "anna");
    anna.press('a');
    anna.press('2');
    anna.press('f');
    anna.undo();
    assert_eq!(anna.progress(), Progress { labelled: 2, skipped: 0, total: 10 });
    let next = anna.queue.resume();
    drop(anna);

    let mut anna = Sitting::start(&path, "anna");
    assert_eq!(anna.queue.resume(), next, "the clip that was undone");
    let redo = anna.ledger.redo_target().map(|(_, at)| at.clip);
    assert_eq!(redo, next.map(|turn| &anna.clips[turn.clip]), "redo survives a restart");
    (0..8).for_each(|_| anna.press('1'));
    assert_eq!(anna.queue.resume(), None);
    let mut ben = Sitting::start(&path, "ben");
    assert_eq!(ben.progress(), Progress { labelled: 0, skipped: 0, total: 10 }, "blind to anna's labels");
    (0..10).for_each(|_| ben.press('1'));

    let all = ben.store.annotations("/c", None).unwrap();
    let votes = votes(&all, Voters::Humans);
    assert_eq!(votes.iter().filter(|vote| vote.label.as_deref() == Some("anger")).count(), 9);
    assert_eq!(votes.iter().filter(|vote| vote.tied().len() == 2).count(), 1, "boredom against anger");
    let done = export(&all, Format::Csv, &folder.path().join("labels.csv")).unwrap();
    assert_eq!((done.rows, done.votes), (22, 10));
    let rows = csv::Reader::from_path(&done.annotations).unwrap().into_deserialize();
    let again: Vec<_> = rows.map(|row: Result<Row, _>| row.unwrap().annotation().unwrap()).collect();
    assert_eq!(again, all);
}
