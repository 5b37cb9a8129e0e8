//! What a report of runs holds, in which order, as a document.
//!
//! Runs are compared where they are comparable: of the same clips, target and plan; others have tables of their own.
//! Deliberately absent: how it looks (the formats) and sentences (`words.rs`).

use super::document::{Block, Document, Rank, Table};
use super::figure::{Figure, Picture, Whisker};
use super::words;
use super::{Entry, Report};
use crate::score::report;
use crate::workbench::baseline::{Baseline, baselines};
use crate::workbench::experiment::Judged;
use crate::workbench::summary::Part;

/// The whole report.
pub fn document(all: &Report) -> Document {
    let mut document = Document { title: title(all), ..Document::default() };
    for group in all.groups() {
        if group.len() > 1 {
            compare(&mut document, all, &group);
        }
    }
    all.entries.iter().for_each(|entry| section(&mut document, entry));
    document
}

/// The figures of one run.
pub fn figures(judged: &Judged) -> Vec<Figure> {
    let (run, summary) = (&judged.run, &judged.summary);
    let classes = || run.classes().to_vec();
    let name = |what: &str| format!("run-{}-{what}", run.id.map_or_else(|| "0".to_owned(), |id| id.to_string()));
    let (rows, scores) = (summary.confusion.rows().to_vec(), summary.per_class.clone());
    let whose = words::numbered(run);
    let mut all = vec![
        Figure {
            name: name("confusion"),
            title: whose.clone(),
            caption: format!("{whose}: percent of each true class by predicted class, with counts; empty cells are 0"),
            picture: Picture::Confusion { classes: classes(), rows },
        },
        Figure {
            name: name("classes"),
            title: whose.clone(),
            caption: format!("{whose}: precision, recall and F1 of each class"),
            picture: Picture::Classes { classes: classes(), scores },
        },
    ];
    if let Some(calibration) = &summary.calibration {
        all.push(Figure {
            name: name("reliability"),
            title: whose.clone(),
            caption: format!(
                "{whose}: share of right predictions by their probability in 15 intervals (ECE {:.1} %); dots at the mean probability, below the number of clips",
                100.0 * calibration.ece
            ),
            picture: Picture::Reliability { bins: calibration.bins.clone() },
        });
    }
    all
}

fn title(all: &Report) -> String {
    let mut corpora: Vec<&str> =
        all.entries.iter().map(|entry| entry.judged.run.protocol.data.corpus.as_str()).collect();
    corpora.sort_unstable();
    corpora.dedup();
    let count = all.entries.len();
    format!("{count} run{} on {}", if count == 1 { "" } else { "s" }, corpora.join(", "))
}

fn compare(document: &mut Document, all: &Report, group: &[usize]) {
    let runs: Vec<&Judged> = group.iter().map(|&at| &all.entries[at].judged).collect();
    let protocol = &runs[0].run.protocol;
    let (data, plan) = (&protocol.data, &protocol.plan);
    document.heading(Rank::Section, format!("Comparison: {}, {}, {}", data.corpus, data.target, plan.plan));
    let versus = all.versus(group);
    if plan.speakers_leak {
        document.blocks.push(Block::Warning("Speakers leak in all of these runs.".to_owned()));
    }
    let strong: Vec<usize> = versus.as_ref().map_or_else(Vec::new, |versus| versus.strong.clone());
    let p = |at: usize| versus.as_ref().and_then(|versus| versus.p[at]);
    let mut rows: Vec<Vec<String>> = runs.iter().enumerate().map(|(at, judged)| compared(judged, p(at))).collect();
    rows.extend(floor(runs[0]));
    let ties = versus.as_ref().map_or_else(String::new, |versus| format!(" {}", versus.told));
    let people = data.listeners.as_ref().map_or_else(String::new, |people| format!(" Listeners: {}.", people.how));
    let head =
        ["run", "classifier", "features", "norm", "UAR %", "95 %", "folds %", "WA %", "macro F1 %", "ECE %", "p"];
    document.blocks.push(Block::Table(Table {
        caption: format!("Scores in percent, {} clips of {} speakers.{ties}{people}", data.clips, data.speakers),
        head: head.map(str::to_owned).to_vec(),
        rows,
        words: 4,
        strong: strong.clone(),
    }));
    let first = runs[0].run.id.map_or(0, |id| id.0);
    let whisker = |(at, judged): (usize, &&Judged)| Whisker {
        name: words::numbered(&judged.run),
        value: judged.summary.uar,
        interval: judged.summary.uar_ci.map(|ci| (ci.low, ci.high)),
        strong: strong.contains(&at),
    };
    let name =
        runs[0].summary.interval_name().map_or_else(String::new, |name| format!(" with 95 % intervals ({name})"));
    document.blocks.push(Block::Figure(Figure {
        name: format!("comparison-{first}"),
        title: format!("{}, {}, {}", data.corpus, data.target, plan.plan),
        caption: format!("UAR{name}; filled: the best and what ties with it"),
        picture: Picture::Forest {
            rows: runs.iter().enumerate().map(whisker).collect(),
            chance: 1.0 / data.classes.len().max(1) as f64,
        },
    }));
}

fn compared(judged: &Judged, p: Option<f64>) -> Vec<String> {
    let (run, s) = (&judged.run, &judged.summary);
    vec![
        run.id.map_or_else(|| "-".to_owned(), |id| id.to_string()),
        run.recipe.title(),
        run.recipe.features.clone(),
        run.recipe.norm.to_string(),
        percent(s.uar),
        interval(judged),
        s.uar_folds.map_or_else(dash, |(mean, sd)| format!("{} ± {}", percent(Some(mean)), percent(sd))),
        percent(s.wa),
        percent(s.macro_f1),
        percent(s.calibration.as_ref().map(|calibration| calibration.ece)),
        p.map_or_else(dash, |p| format!("{p:.3}")),
    ]
}

/// Listeners, chance and majority as rows of the comparison.
fn floor(judged: &Judged) -> Vec<Vec<String>> {
    let row = |one: &Baseline| {
        let mut cells =
            vec![dash(), one.name.to_owned(), dash(), dash(), percent(one.uar), dash(), dash(), percent(one.wa)];
        cells.resize(11, dash());
        cells
    };
    let mut rows: Vec<Vec<String>> =
        baselines(&judged.run).map_or_else(|_| Vec::new(), |all| all.iter().map(row).collect());
    if let Some(people) = &judged.run.protocol.data.listeners {
        let ends =
            people.uar_ci.map_or_else(dash, |[low, high]| format!("{} to {}", percent(Some(low)), percent(Some(high))));
        let mut cells = [dash(), "listeners".to_owned(), dash(), dash()].to_vec();
        cells.extend([percent(Some(people.uar)), ends, dash(), percent(Some(people.wa))]);
        cells.resize(11, dash());
        rows.push(cells);
    }
    rows
}

fn section(document: &mut Document, entry: &Entry) {
    let judged = &entry.judged;
    let run = &judged.run;
    document.heading(Rank::Section, format!("{}, {}", words::numbered(run), run.protocol.plan.plan));
    document.blocks.extend(words::warnings(judged).into_iter().map(Block::Warning));
    document.heading(Rank::Part, "Protocol");
    document.paragraph(words::protocol(judged));
    document.heading(Rank::Part, "Scores");
    document.blocks.push(Block::Table(scores(entry)));
    if let Some(reason) = &entry.no_twin {
        document.blocks.push(Block::Warning(reason.clone()));
    }
    document.blocks.push(Block::Verbatim(report(&judged.summary.confusion, run.classes())));
    let mut figures = figures(judged).into_iter();
    document.blocks.extend(figures.by_ref().take(1).map(Block::Figure));
    document.blocks.push(Block::Table(confusion(judged)));
    document.blocks.extend(figures.map(Block::Figure));
    document.blocks.extend(parts("sex", &judged.summary.by_sex).map(Block::Table));
    document.blocks.extend(parts("speaker", &judged.summary.by_speaker).map(Block::Table));
}

/// Every metric, beside that of the speaker-independent twin where speakers leak.
fn scores(entry: &Entry) -> Table {
    let twin = entry.twin.as_ref().map(|twin| twin.summary.metrics());
    let mut head = vec!["score".to_owned(), "value".to_owned()];
    if let Some(twin) = &entry.twin {
        let whose = twin.run.id.map_or_else(String::new, |id| format!("run {id}, "));
        head.extend([format!("{whose}{}: no shared speakers", twin.run.protocol.plan.plan), "difference".to_owned()]);
    }
    let mut rows = Vec::new();
    for (at, (name, value)) in entry.judged.summary.metrics().into_iter().enumerate() {
        let mut row = vec![shown(name), drawn(name, value)];
        if let Some(twin) = &twin {
            let gap = value.zip(twin[at].1).map(|(value, twin)| value - twin);
            row.extend([drawn(name, twin[at].1), drawn(name, gap)]);
        }
        rows.push(row);
    }
    let empty = if twin.is_some() { 2 } else { 0 };
    let mut row = |name: String, value: String| {
        rows.push([name, value].into_iter().chain(std::iter::repeat_n(String::new(), empty)).collect());
    };
    let summary = &entry.judged.summary;
    if let Some(name) = summary.interval_name() {
        row(format!("95 % interval of the UAR ({name})"), interval(&entry.judged));
    }
    if let Some((mean, sd)) = summary.uar_folds {
        row("UAR %, mean ± sd over folds".to_owned(), format!("{} ± {}", percent(Some(mean)), percent(sd)));
    }
    if let Some(calibration) = &summary.calibration {
        row("ECE %".to_owned(), percent(Some(calibration.ece)));
        row("Brier score".to_owned(), format!("{:.3}", calibration.brier));
        row("negative log-likelihood".to_owned(), format!("{:.3}", calibration.nll));
    }
    for (seed, uar) in entry.judged.run.recipe.seeds.iter().zip(&summary.uar_seeds) {
        row(format!("UAR % of the fit with seed {seed} alone"), percent(*uar));
    }
    Table { head, rows, words: 1, ..Table::default() }
}

fn confusion(judged: &Judged) -> Table {
    let classes = judged.run.classes();
    let head = std::iter::once("true class".to_owned()).chain(classes.iter().cloned()).collect();
    let rows = classes.iter().zip(judged.summary.confusion.rows());
    let rows = rows.map(|(class, counts)| {
        std::iter::once(class.clone()).chain(counts.iter().map(u64::to_string)).collect::<Vec<String>>()
    });
    let caption = "Number of clips by true class (rows) and predicted class (columns)".to_owned();
    Table { caption, head, rows: rows.collect(), words: 1, strong: Vec::new() }
}

/// Scores by what clips have in common, if anything is known of it.
fn parts(what: &str, parts: &[Part]) -> Option<Table> {
    let row = |part: &Part| vec![part.name.clone(), part.clips.to_string(), percent(part.uar), percent(part.wa)];
    (!parts.is_empty()).then(|| Table {
        caption: format!("By {what}"),
        head: [what, "clips", "UAR %", "WA %"].map(str::to_owned).to_vec(),
        rows: parts.iter().map(row).collect(),
        words: 1,
        strong: Vec::new(),
    })
}

fn interval(judged: &Judged) -> String {
    let ci = judged.summary.uar_ci;
    ci.map_or_else(dash, |ci| format!("{} to {}", percent(Some(ci.low)), percent(Some(ci.high))))
}

/// A metric's name with its unit.
fn shown(name: &str) -> String {
    let percent = crate::score::metric(name).is_some_and(|metric| metric.percent);
    let name = match name {
        "uar" => "UAR (macro recall)",
        "wa" => "WA (accuracy)",
        "macro_f1" => "macro F1",
        "weighted_f1" => "weighted F1",
        "mcc" => "Matthews correlation",
        "kappa" => "Cohen's kappa",
        other => other,
    };
    if percent { format!("{name}, %") } else { name.to_owned() }
}

fn drawn(name: &str, value: Option<f64>) -> String {
    match crate::score::metric(name).is_some_and(|metric| metric.percent) {
        true => percent(value),
        false => value.map_or_else(dash, |value| format!("{value:.3}")),
    }
}

fn percent(share: Option<f64>) -> String {
    share.map_or_else(dash, |share| format!("{:.1}", 100.0 * share))
}

fn dash() -> String {
    "-".to_owned()
}
