//! A rater without a screen: labels clip after clip and prints where each label is as soon as it is there.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::Child;

use emolab::corpus::ClipId;
use emolab::label::{Act, Annotator, NewAnnotation, SchemeId};
use emolab::store::Store;
use emolab::workbench::safe::{Safe, Standing};

/// Under what the clips are filed.
pub const CORPUS: &str = "/corpus";

/// Labels `count` clips named after `who`, from number `first` on.
pub fn write((store, journal): (&Path, &Path), who: &str, first: usize, count: usize) {
    let mut safe = Safe::open(store, journal);
    let mut out = std::io::stdout().lock();
    for number in first..first.saturating_add(count) {
        let clip = format!("{who}-{number}");
        let (human, scheme) = (Annotator::Human(who.to_owned()), SchemeId { name: "s".to_owned(), version: 1 });
        let new =
            NewAnnotation::now(ClipId(clip.clone().into()), "00ff".to_owned(), human, scheme, Act::label("anger"));
        let place = match safe.append(CORPUS, new) {
            Ok(_) if safe.standing() == Standing::Store => "store",
            Ok(_) => "journal",
            Err(_) => "nowhere",
        };
        if writeln!(out, "{place} {clip}").and_then(|()| out.flush()).is_err() {
            return;
        }
    }
}

/// Reads what a writer prints, until its end or until it has said that `most` labels are kept: the labels in the store and
/// those in the journal.
pub fn told(child: &mut Child, most: usize) -> [Vec<String>; 2] {
    let mut told = [Vec::new(), Vec::new()];
    for line in BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok) {
        match line.split_once(' ') {
            Some(("store", clip)) => told[0].push(clip.to_owned()),
            Some(("journal", clip)) => told[1].push(clip.to_owned()),
            _ => {}
        }
        if told[0].len() + told[1].len() >= most {
            break;
        }
    }
    told
}

/// The clips labelled in a store, sorted, as often as they were labelled, after what waits has come into it.
pub fn kept(store: &Path, journal: &Path) -> Vec<String> {
    drop(Safe::open(store, journal));
    let said = Store::open(store).unwrap().annotations(CORPUS, None).unwrap();
    let mut clips: Vec<String> = said.into_iter().map(|said| said.said.clip.0.to_string()).collect();
    clips.sort();
    clips
}

/// Those of `told` that are not in `kept`, and those that are there twice. `kept` is sorted.
pub fn lost_or_doubled(told: &[String], kept: &[String]) -> Vec<String> {
    let lost = told.iter().filter(|clip| kept.binary_search(clip).is_err());
    let doubled = kept.windows(2).filter(|two| two[0] == two[1]).map(|two| &two[0]);
    lost.chain(doubled).cloned().collect()
}
