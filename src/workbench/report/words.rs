//! The protocol of a run in sentences for a paper, and what must be said beside its numbers.
//!
//! Deliberately absent: numbers that came out (see `contents.rs`).

use super::super::experiment::Judged;
use super::super::net;
use crate::learn::{Norm, Recipe, classifier};
use crate::score::Bootstrap;
use crate::store::{Run, Spent};

/// The paragraph "Protocol".
pub fn protocol(judged: &Judged) -> String {
    let run = &judged.run;
    let parts = [data(run), split(run), features(run), models(run), search(run), scores(judged), maker(run)];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// What a reader must not miss.
pub fn warnings(judged: &Judged) -> Vec<String> {
    let (run, mut all) = (&judged.run, Vec::new());
    let (data, plan) = (&run.protocol.data, &run.protocol.plan);
    if plan.speakers_leak {
        all.push("Speakers leak: the same voices are in training and test, so the scores are too high.".to_owned());
    }
    if data.synthetic {
        all.push("Synthetic speech: these scores mean nothing.".to_owned());
    }
    if let Some(ci) = judged.summary.uar_ci.filter(|ci| ci.few_groups) {
        let unit = judged.summary.unit();
        all.push(format!("Only {} {unit}: an interval over so few is too narrow to trust.", ci.groups));
    }
    all.extend(plan.notes.iter().map(|note| sentence(note)));
    all
}

/// A run in a few words: `linear-svm on functionals`.
pub fn title(run: &Run) -> String {
    format!("{} on {}", run.recipe.title(), run.recipe.features)
}

/// A run with its number: `run 12: linear-svm on functionals`.
pub fn numbered(run: &Run) -> String {
    run.id.map_or_else(|| title(run), |id| format!("run {id}: {}", title(run)))
}

fn data(run: &Run) -> String {
    let data = &run.protocol.data;
    let classes = format!("{} classes ({})", data.classes.len(), data.classes.join(", "));
    let pretrained: String = data.pretrained.iter().map(|told| format!(" {}", sentence(told))).collect();
    format!(
        "The target was {} with {classes}; the data were {} clips of {} speakers of the corpus {} (data hash {}).{pretrained}",
        data.target, data.clips, data.speakers, data.corpus, data.data_hash
    )
}

fn split(run: &Run) -> String {
    let plan = &run.protocol.plan;
    let leaks: Vec<String> = plan
        .leaks
        .iter()
        .filter(|leak| leak.allowed && leak.promised)
        .map(|leak| format!("A leak was allowed: {}.", leak.to_string().trim_end_matches('.')))
        .collect();
    let said =
        format!("The evaluation was {}; predictions were pooled over the folds.", plan_words(&plan.plan, plan.folds));
    let spent = plan.spent.map(|spent| {
        let Spent { by, speakers, clips, draw, .. } = spent;
        let draw = draw + 1;
        format!("Each fold learnt from a part of its training {by} (draw {draw}): {clips} clips of {speakers} speakers in the mean.")
    });
    std::iter::once(said).chain(spent).chain(leaks).collect::<Vec<_>>().join(" ")
}

/// A plan in words, as typed: `loso`, `speakers:5`.
pub fn plan_words(plan: &str, folds: usize) -> String {
    let (kind, rest) = plan.split_once(':').unwrap_or((plan, ""));
    match kind {
        "loso" => format!("leave-one-speaker-out cross-validation ({folds} folds)"),
        "speakers" => format!("{folds}-fold cross-validation with each speaker in one fold"),
        "sentences" => format!("{folds}-fold cross-validation with each sentence in one fold"),
        "speakers+sentences" => {
            format!(
                "cross-validation that shares neither speakers nor sentences between training and test ({folds} folds)"
            )
        }
        "random" => format!("stratified {folds}-fold cross-validation over clips, whatever their speaker"),
        "cross" => format!("training on {} and testing on another corpus", rest.replace('+', ", ")),
        "given" => format!("the partition that the corpus gives by `{rest}` ({folds} folds)"),
        "folds" => format!("the partition of the file {rest} ({folds} folds)"),
        _ => format!("the plan `{plan}` ({folds} folds)"),
    }
}

fn features(run: &Run) -> String {
    let training = &run.protocol.training;
    let leaves = run.recipe.leaves();
    let mut names: Vec<&str> = match &run.protocol.search {
        Some(search) => search.winners.iter().map(|winner| winner.recipe.features.as_str()).collect(),
        None => leaves.iter().map(|leaf| leaf.features.as_str()).collect(),
    };
    names.sort_unstable();
    names.dedup();
    let versioned = |name: &&str| {
        let version = training.sets.get(*name).copied().unwrap_or(training.features_version);
        format!("{name} (version {version})")
    };
    let names = names.iter().map(versioned).collect::<Vec<_>>().join(" and ");
    let scaled = match training.norm {
        Norm::None => "They were not scaled.",
        Norm::Train => "They were scaled to zero mean and unit variance by the training clips of each fold.",
        Norm::Speaker => "They were scaled to zero mean and unit variance within each speaker, without labels.",
    };
    format!("Features were {names} of the clips at {}. {scaled}", training.preparation)
}

fn models(run: &Run) -> String {
    let kept = format!("Weights that were kept: {}.", run.protocol.training.checkpoint.trim_end_matches('.'));
    if run.protocol.search.is_some() {
        return format!("The classifier was {}. {kept}", run.recipe.title());
    }
    let leaves = run.recipe.leaves();
    let mut all: Vec<String> = leaves.iter().map(|leaf| model(leaf)).collect();
    if leaves.len() > 1 {
        all.insert(
            0,
            format!(
                "The classifier {} averages the calibrated log-probabilities of its members.",
                run.recipe.classifier
            ),
        );
    }
    all.push(match &run.recipe.seeds[..] {
        [] => format!("The seed was {}.", run.recipe.seed),
        seeds => {
            let listed: Vec<String> = seeds.iter().map(u64::to_string).collect();
            format!("Probabilities were averaged over {} fits with the seeds {}.", seeds.len(), listed.join(", "))
        }
    });
    all.push(kept);
    all.join(" ")
}

fn model(leaf: &Recipe) -> String {
    let kind = classifier(&leaf.classifier);
    let about = kind.map_or_else(String::new, |kind| format!(" ({})", kind.about()));
    let knobs = kind.map_or(&[][..], |kind| kind.knobs());
    let knobs = knobs.iter().map(|knob| match knob.of(leaf) {
        Some(value) => format!("{} = {value}", knob.name),
        None => format!("{} computed from the training data", knob.name),
    });
    let net = leaf.net.as_ref().and_then(|net| net::told(net).ok()).unwrap_or_default();
    let net = net.into_iter().map(|(section, words)| format!("{section}: {words}"));
    let epochs = leaf.epochs.map(|epochs| format!("at most {epochs} epochs"));
    let also = leaf.also.as_ref().map(|also| format!("{also} learnt beside the target"));
    let settings: Vec<String> = knobs.chain(net).chain(epochs).chain(also).collect();
    let settings = if settings.is_empty() { String::new() } else { format!(", {}", settings.join("; ")) };
    format!("The classifier was {}{about}{settings}.", leaf.classifier)
}

fn search(run: &Run) -> String {
    let Some(search) = &run.protocol.search else { return String::new() };
    let space: Vec<String> = search.space.iter().map(|(key, range)| format!("{key}: {range}")).collect();
    let budget = match (search.trials, search.seconds) {
        (Some(trials), _) => format!("{trials} trials a fold"),
        (None, seconds) => format!("{:.0} s in all", seconds.unwrap_or_default()),
    };
    format!(
        "Each fold's recipe was chosen on up to {} inner folds of its training speakers ({budget}) among {}; the test speakers took no part. The seed was {}.",
        search.inner_folds,
        space.join("; "),
        run.recipe.seed
    )
}

fn scores(judged: &Judged) -> String {
    let chance = 100.0 / judged.run.classes().len().max(1) as f64;
    let interval = judged.summary.interval_name().map_or_else(String::new, |name| {
        let Bootstrap { draws, level, .. } = Bootstrap::default();
        format!(" with a {:.0} % interval ({name}, {draws} draws)", 100.0 * level)
    });
    format!("The score is the unweighted average recall (UAR){interval}; chance is {chance:.1} %.")
}

fn maker(run: &Run) -> String {
    let maker = &run.protocol.maker;
    let day: String = run.started_at.to_string().chars().take(10).collect();
    let cpu = if maker.cpu.is_empty() { String::new() } else { format!(" ({})", maker.cpu) };
    format!("Computed with emolab {} on {}{cpu}, {day}.", maker.emolab, maker.host)
}

/// With a capital at its begin and a full stop at its end.
fn sentence(text: &str) -> String {
    let mut signs = text.chars();
    let first = signs.next().map_or_else(String::new, |first| first.to_uppercase().collect());
    let rest = signs.as_str();
    let stop = if rest.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{rest}{stop}")
}
