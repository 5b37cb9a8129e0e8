//! The parts of recordings among the clips: each a clip that says what its recording says, with facts of its own sound.
//!
//! Deliberately absent: deciding what is a part (see `store`).

use rayon::prelude::*;

use super::{Clip, ClipId, Cut, Cuts, Extent, Facts, Place, Problem, Scanned};
use crate::audio::{AudioError, AudioFacts, Sound, decode_parts};
use crate::job::{Cancelled, Watch};

/// Adds the parts of the recordings that are cut to `clips`, which are sorted by id and stay so. A recording of which a part
/// opens is [`Extent::Cut`] from now on.
pub(super) fn add(
    clips: &mut Vec<Clip>,
    cuts: &Cuts,
    facts: &Facts,
    watch: &dyn Watch<Scanned>,
) -> Result<Vec<Problem>, Cancelled> {
    let all: Vec<(&ClipId, &Vec<Cut>)> = cuts.iter().filter(|(_, cuts)| !cuts.is_empty()).collect();
    let place = |id: &ClipId| clips.binary_search_by(|clip| clip.id.cmp(id)).ok();
    let opened: Vec<(Option<usize>, Vec<Clip>, Vec<Problem>)> = all
        .into_par_iter()
        .map(|(id, cuts)| {
            watch.check()?;
            let Some(place) = place(id) else { return Ok((None, Vec::new(), vec![gone(id, cuts)])) };
            let (parts, problems) = parts(&clips[place], cuts, facts);
            Ok((Some(place).filter(|_| !parts.is_empty()), parts, problems))
        })
        .collect::<Result<_, Cancelled>>()?;
    let mut problems = Vec::new();
    opened.iter().filter_map(|(place, ..)| *place).for_each(|place| clips[place].extent = Extent::Cut);
    for (_, parts, wrong) in opened {
        clips.extend(parts);
        problems.extend(wrong);
    }
    clips.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(problems)
}

fn gone(id: &ClipId, cuts: &[Cut]) -> Problem {
    let reason = format!(
        "cut into {} segments, but it is not there or does not open; what was said of them is kept",
        cuts.len()
    );
    Problem { file: id.0.to_string(), reason }
}

fn parts(recording: &Clip, cuts: &[Cut], facts: &Facts) -> (Vec<Clip>, Vec<Problem>) {
    let (mut clips, mut problems) = (Vec::new(), Vec::new());
    for (cut, found) in cuts.iter().zip(facts_of(recording, cuts, facts)) {
        let id = recording.id.part(cut.span);
        let mut problem = |reason: String| problems.push(Problem { file: id.0.to_string(), reason });
        match found {
            Err(reason) => problem(reason),
            Ok(audio) => {
                if cut.audio.is_some_and(|audio| audio != recording.audio.hash) {
                    problem(
                        "its recording has changed since it was cut: hear whether it still fits, or cut anew"
                            .to_owned(),
                    );
                }
                let place = Place::of(&recording.path(), &id);
                clips.push(Clip { id, place, extent: Extent::Part(cut.span), audio, ..recording.clone() });
            }
        }
    }
    (clips, problems)
}

/// What is known of each part, found out where it is not.
fn facts_of(recording: &Clip, cuts: &[Cut], facts: &Facts) -> Vec<Result<AudioFacts, String>> {
    let path = recording.path();
    let mut found: Vec<Option<Result<AudioFacts, String>>> =
        cuts.iter().map(|cut| facts.of_part(&path, cut.span).map(Ok)).collect();
    let unknown: Vec<usize> = (0..cuts.len()).filter(|place| found[*place].is_none()).collect();
    let spans: Vec<_> = unknown.iter().map(|place| cuts[*place].span).collect();
    let failed = if spans.is_empty() {
        None
    } else {
        let each = &mut |place: usize, sound: Result<Sound, AudioError>| {
            let of_part = sound.map(|sound| sound.facts()).map_err(|error| error.to_string());
            of_part.iter().for_each(|new| facts.learn_part(&path, spans[place], new));
            found[unknown[place]] = Some(of_part);
        };
        decode_parts(&path, &spans, each).err().map(|error| error.to_string())
    };
    let why = failed.unwrap_or_else(|| "its recording does not open".to_owned());
    found.into_iter().map(|one| one.unwrap_or_else(|| Err(why.clone()))).collect()
}
