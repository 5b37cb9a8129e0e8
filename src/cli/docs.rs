//! `emolab docs`: the pages of `docs/` that are printed from the registries, so that they cannot drift.
//!
//! A test (`tests/docs.rs`) compares what lies in `docs/` with what this makes.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;

use super::say;
use crate::corpus::descriptions;
use crate::features::{FEATURE_SETS, Kind};
use crate::file::write_whole;
use crate::label::gold::METHODS;
use crate::label::{Answers, BUILT_IN, Question, Scheme};
use crate::learn::committee::FUSIONS;
use crate::learn::{CLASSIFIERS, Cost, Knob};
use crate::score::METRICS;
use crate::score::agreement::{COEFFICIENTS, Level};
use crate::tui::command::key_sheet_markdown;
use crate::workbench::cost::on_paper;

/// Arguments of `emolab docs`.
#[derive(Debug, Args)]
pub struct Docs {
    /// Folder to write.
    #[arg(long, short, default_value = "docs")]
    out: PathBuf,
}

impl Docs {
    /// Writes every generated page.
    pub fn run(self) -> Result<()> {
        std::fs::create_dir_all(&self.out).with_context(|| self.out.display().to_string())?;
        for (name, text) in pages()? {
            write_whole(&self.out.join(name), |out| out.write_all(text.as_bytes()))?;
            say(&format!("{}", self.out.join(name).display()));
        }
        Ok(())
    }
}

/// Name and text of every generated page.
///
/// # Errors
/// A built-in description or scheme is broken.
pub fn pages() -> Result<Vec<(&'static str, String)>> {
    Ok(vec![("keys.md", key_sheet_markdown()), ("catalogue.md", catalogue()?)])
}

fn catalogue() -> Result<String> {
    let mut page = String::from("# Catalogue\n\nWritten by `emolab docs` from the registries; do not edit.\n");
    let kind = |kind| if kind == Kind::Image { "image" } else { "row" };
    section(
        &mut page,
        "Classifiers",
        ["name", "reads", "what it is"],
        CLASSIFIERS
            .iter()
            .map(|c| [c.name().to_owned(), kind(c.kind()).to_owned(), c.about().to_owned()])
            .chain(FUSIONS.iter().map(|f| [f.name.to_owned(), "both".to_owned(), f.about.to_owned()])),
    );
    section(
        &mut page,
        "Hyper-parameters, for `--set CLASSIFIER.NAME=VALUE`",
        ["name", "default", "what it is"],
        CLASSIFIERS.iter().flat_map(|kind| kind.knobs().iter().map(|knob| knob_row(kind.name(), knob))),
    );
    let nets = CLASSIFIERS.iter().map(|kind| Ok(on_paper(*kind, 7)?.map(|cost| (kind.name(), cost))));
    let nets: Vec<(&str, Cost)> = nets.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect();
    section(
        &mut page,
        "Nets, with their usual features and 7 classes",
        ["name", "parameters", "multiply-adds for 3 s of speech, size"],
        nets.iter().map(|(name, cost)| {
            let millions = cost.macs_3s.unwrap_or_default() as f64 / 1e6;
            let work = format!("{millions:.1} million, {:.2} MB", cost.megabytes());
            [(*name).to_owned(), cost.parameters.to_string(), work]
        }),
    );
    section(
        &mut page,
        "Feature sets",
        ["name", "makes", "what it is"],
        FEATURE_SETS.iter().map(|f| {
            [f.name().to_owned(), format!("{}, {} columns", kind(f.kind()), f.columns().len()), f.about().to_owned()]
        }),
    );
    section(
        &mut page,
        "Metrics",
        ["name", "shown as", "what it is"],
        METRICS
            .iter()
            .map(|m| [m.name.to_owned(), if m.percent { "percent" } else { "number" }.to_owned(), m.about.to_owned()]),
    );
    section(
        &mut page,
        "Agreement",
        ["name", "for", "what it is"],
        COEFFICIENTS.iter().map(|row| {
            let level = if row.level == Level::Nominal { "classes, scales" } else { "scales" };
            [row.name.to_owned(), level.to_owned(), format!("{}: {}", row.title, row.about)]
        }),
    );
    section(
        &mut page,
        "Gold labels",
        ["name", "for", "what it is"],
        METHODS.iter().map(|row| {
            let level = match row.level {
                None => "classes, scales",
                Some(Level::Nominal) => "classes",
                Some(Level::Scale) => "scales",
            };
            [row.name.to_owned(), level.to_owned(), row.about.to_owned()]
        }),
    );
    section(
        &mut page,
        "Corpora",
        ["name", "licence", "title and where to get it"],
        descriptions()
            .iter()
            .map(|d| [d.name.clone(), d.about.licence.clone(), format!("{}; {}", d.about.title, d.about.source)]),
    );
    let schemes = BUILT_IN.iter().map(|(name, _)| Scheme::load(name)).collect::<Result<Vec<_>, _>>()?;
    section(
        &mut page,
        "Labelling schemes",
        ["name", "version", "questions and answers"],
        schemes.iter().map(|s| {
            let classes: Vec<String> = s.questions.iter().map(answers).collect();
            [s.name.clone(), s.version.to_string(), classes.join("; ")]
        }),
    );
    Ok(page)
}

/// What may be answered to a question, in words.
fn answers(question: &Question) -> String {
    let classes: Vec<&str> = question.answers.classes().iter().map(|class| class.name.as_str()).collect();
    let what = match &question.answers {
        Answers::Choice(_) => classes.join(", "),
        Answers::Several(_) => format!("some of {}", classes.join(", ")),
        Answers::Scale(scale) => format!("{} to {}", scale.low, scale.high),
        Answers::Text => "text".to_owned(),
    };
    let optional = if question.required { "" } else { " (may be left out)" };
    let name = if question.name.is_empty() { String::new() } else { format!("{}: ", question.name) };
    format!("{name}{what}{optional}")
}

fn knob_row(kind: &str, knob: &Knob) -> [String; 3] {
    let default = knob.default.map_or_else(|| "computed".to_owned(), |default| default.to_string());
    let short = |value: f64| if value == 0.0 || value >= 1e-3 { value.to_string() } else { format!("{value:e}") };
    let (low, high) = (short(knob.range.0), short(knob.range.1));
    let whole = if knob.whole { ", whole" } else { "" };
    [format!("{kind}.{}", knob.name), default, format!("{}; {low} to {high}{whole}", knob.about)]
}

fn section(page: &mut String, title: &str, head: [&str; 3], rows: impl Iterator<Item = [String; 3]>) {
    page.push_str(&format!("\n## {title}\n\n| {} |\n|---|---|---|\n", head.join(" | ")));
    for row in rows {
        page.push_str(&format!("| {} |\n", row.map(|cell| cell.replace('|', "\\|")).join(" | ")));
    }
}
