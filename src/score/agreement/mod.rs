//! Agreement of several raters: coefficients as rows of a table, their intervals, and what lies behind them.
//!
//! Pure numbers: a [`Table`] of units by raters. A new coefficient is one row of [`COEFFICIENTS`] and one function of a [`Sample`].
//! Undefined is `None`. Deliberately absent: clips, names of raters, and verbal scales ("substantial"), which differ by author.

mod detail;
mod estimate;
mod krippendorff;
mod nominal;
mod pairwise;
mod reliability;
mod sample;
mod table;

pub use detail::{PerClass, disagreement, matrix, per_class, without_each};
pub use estimate::{Estimate, estimates, value};
pub use sample::Sample;
pub use table::{Rating, Table, TableError};

/// What may be done with ratings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// They are the same or not: categories.
    Nominal,
    /// They have an order and distances: a scale.
    Scale,
}

/// A row of [`COEFFICIENTS`].
#[derive(Debug, Clone, Copy)]
pub struct Coefficient {
    /// Short name, as in JSON and on the command line.
    pub name: &'static str,
    /// As in tables.
    pub title: &'static str,
    /// One line for help and the catalogue.
    pub about: &'static str,
    /// What it asks of the ratings.
    pub level: Level,
    /// Whether only units that every rater rated count.
    pub whole: bool,
    /// The value; `None` where undefined.
    pub of: fn(&Sample<'_>) -> Option<f64>,
}

/// All coefficients, those for categories first; the first for a level to look at is [`headline`].
pub static COEFFICIENTS: &[Coefficient] = &[
    row("percent", "percent agreement", "share of pairs of raters who agree, mean over clips", nominal::percent),
    row(
        "kappa",
        "Cohen's kappa",
        "agreement of two beyond chance; of more raters, mean over pairs (Light)",
        pairwise::kappa,
    ),
    row("fleiss", "Fleiss' kappa", "agreement beyond that of two ratings drawn from all", nominal::fleiss),
    row(
        "alpha",
        "Krippendorff's alpha",
        "1 - disagreement within clips over that between all ratings",
        krippendorff::nominal,
    ),
    row("ac1", "Gwet's AC1", "agreement beyond chance that stays sane where one class is rare", nominal::ac1),
    scale("kappa_linear", "Cohen's kappa, linear", "weighted by |a - b|; mean over pairs", pairwise::kappa_linear),
    scale("kappa_quadratic", "Cohen's kappa, quadratic", "weighted by (a - b)²; mean over pairs", pairwise::quadratic),
    scale("alpha_ordinal", "alpha, ordinal", "Krippendorff's, by the ratings that lie between", krippendorff::ordinal),
    scale("alpha_interval", "alpha, interval", "Krippendorff's, by (a - b)²", krippendorff::interval),
    scale(
        "alpha_ratio",
        "alpha, ratio",
        "Krippendorff's, by ((a - b) / (a + b))²; for a true zero",
        krippendorff::ratios,
    ),
    scale("ac2_linear", "Gwet's AC2, linear", "AC1 with near misses counted by |a - b|", nominal::ac2_linear),
    scale("ac2", "Gwet's AC2, quadratic", "AC1 with near misses counted by (a - b)²", nominal::ac2),
    whole("icc1", "ICC(1)", "one rating per clip, each clip with raters of its own", reliability::icc1),
    whole("icc2_1", "ICC(2,1)", "one rater of many, absolute agreement", reliability::icc2_1),
    whole("icc2_k", "ICC(2,k)", "the mean of these raters, absolute agreement", reliability::icc2_k),
    scale("ccc", "CCC", "Lin's concordance, mean over pairs; equals quadratic kappa", pairwise::quadratic),
    whole("cronbach", "Cronbach's alpha", "consistency of these raters' mean; equals ICC(3,k)", reliability::cronbach),
];

/// The coefficient of that name.
#[must_use]
pub fn coefficient(name: &str) -> Option<&'static Coefficient> {
    COEFFICIENTS.iter().find(|row| row.name == name)
}

/// The coefficients that fit ratings of that level, in order.
pub fn coefficients(level: Level) -> impl Iterator<Item = &'static Coefficient> {
    COEFFICIENTS.iter().filter(move |row| row.level <= level)
}

/// The one to look at first: Krippendorff's alpha, which takes missing ratings and any number of raters.
#[must_use]
pub fn headline(level: Level) -> &'static Coefficient {
    let name = if level == Level::Nominal { "alpha" } else { "alpha_interval" };
    coefficient(name).unwrap_or(&COEFFICIENTS[0])
}

type Of = fn(&Sample<'_>) -> Option<f64>;

const fn row(name: &'static str, title: &'static str, about: &'static str, of: Of) -> Coefficient {
    Coefficient { name, title, about, level: Level::Nominal, whole: false, of }
}

const fn scale(name: &'static str, title: &'static str, about: &'static str, of: Of) -> Coefficient {
    Coefficient { level: Level::Scale, ..row(name, title, about, of) }
}

const fn whole(name: &'static str, title: &'static str, about: &'static str, of: Of) -> Coefficient {
    Coefficient { whole: true, ..scale(name, title, about, of) }
}
