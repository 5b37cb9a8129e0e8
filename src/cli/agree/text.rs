//! The figures of agreement as plain tables.
//!
//! Deliberately absent: JSON (see `agree.rs`), and words for how good a figure is: authors differ.

use crate::cli::table::{left, lines as table};
use crate::score::Interval;
use crate::score::agreement::Level;
use crate::workbench::agree::Study;

/// `emodb7`, `vad: arousal`.
pub fn title(study: &Study) -> String {
    let (scheme, question) = (&study.ratings.scheme, &study.ratings.question);
    if question.is_empty() { scheme.clone() } else { format!("{scheme}: {question}") }
}

/// All tables of one question, an empty line behind each.
pub fn lines(study: &Study, worst: usize) -> Vec<String> {
    let mut lines = head(study);
    let mut add = |heading: String, rows: Vec<Vec<String>>, words: bool| {
        if rows.len() > 1 {
            lines.push(String::new());
            lines.extend((!heading.is_empty()).then_some(heading));
            lines.extend(if words { left(&rows) } else { table(&rows) });
        }
    };
    add(String::new(), coefficients(study), false);
    let name = study.headline.title;
    if study.ratings.raters.len() > 2 {
        add(format!("Pairs of raters: {name}"), pairs(study), false);
        add(format!("Each rater: {name} without"), raters(study), false);
    }
    add("Each class against the rest".to_owned(), classes(study), false);
    let shown = worst.min(study.worst.len());
    add(format!("Agreed on least: {shown} of {} clips", study.worst.len()), clips(study, worst), true);
    lines.push(String::new());
    lines
}

fn head(study: &Study) -> Vec<String> {
    let ratings = &study.ratings;
    let count = ratings.said.iter().map(Vec::len).sum::<usize>();
    let several = ratings.said.iter().filter(|row| row.len() > 1).count();
    let clips = format!("{} clips, {several} of them by two or more", ratings.clips.len());
    let first = format!("{}: {} raters, {clips}; {count} ratings", title(study), ratings.raters.len());
    let judged = (ratings.cannot_judge > 0).then(|| format!(", {} cannot judge", ratings.cannot_judge));
    let how = study.how;
    vec![
        format!("{first}{}", judged.unwrap_or_default()),
        format!("{} clips disputed, {} decided", study.disputes.len(), study.decided),
        format!(
            "{:.0} % intervals: {} bootstrap over clips, {} draws, seed {}",
            100.0 * how.level,
            how.method.name(),
            how.draws,
            how.seed
        ),
    ]
}

fn coefficients(study: &Study) -> Vec<Vec<String>> {
    let few = |ci: Interval| if ci.few_groups { format!(" ({} clips)", ci.groups) } else { String::new() };
    let interval = |ci: Interval| format!("{:.3} to {:.3}{}", ci.low, ci.high, few(ci));
    let rows = study.estimates.iter().map(|one| {
        let ci = one.interval.map_or_else(|| "-".to_owned(), interval);
        vec![one.coefficient.title.to_owned(), one.coefficient.name.to_owned(), number(one.value), ci]
    });
    std::iter::once(row(&["coefficient", "name", "value", "interval"])).chain(rows).collect()
}

fn pairs(study: &Study) -> Vec<Vec<String>> {
    let names = &study.ratings.raters;
    let head = std::iter::once("rater".to_owned()).chain(names.iter().cloned()).collect();
    let line = |(name, cells): (&String, &Vec<Option<f64>>)| {
        std::iter::once(name.clone()).chain(cells.iter().map(|cell| number(*cell))).collect()
    };
    std::iter::once(head).chain(names.iter().zip(&study.matrix).map(line)).collect()
}

fn raters(study: &Study) -> Vec<Vec<String>> {
    let line =
        |(at, name): (usize, &String)| vec![name.clone(), study.shared[at][at].to_string(), number(study.without[at])];
    let rows = study.ratings.raters.iter().enumerate().map(line);
    std::iter::once(row(&["rater", "clips", "without"])).chain(rows).collect()
}

fn classes(study: &Study) -> Vec<Vec<String>> {
    let line = |(class, one): &(String, crate::score::agreement::PerClass)| {
        vec![class.clone(), one.ratings.to_string(), number(one.specific), number(one.alpha), number(one.kappa)]
    };
    let head = row(&["class", "ratings", "specific", "alpha", "kappa"]);
    std::iter::once(head).chain(study.classes.iter().map(line)).collect()
}

fn clips(study: &Study, most: usize) -> Vec<Vec<String>> {
    let apart = if study.ratings.level == Level::Nominal { "differ" } else { "apart" };
    let line =
        |&(clip, apart): &(usize, f64)| vec![study.clip(clip).0.to_string(), format!("{apart:.2}"), study.said(clip)];
    let rows = study.worst.iter().take(most).map(line);
    std::iter::once(row(&["file", apart, "said"])).chain(rows).collect()
}

/// Three digits, `-` where undefined.
fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"))
}

fn row(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|cell| (*cell).to_owned()).collect()
}
