//! In which order runs stand: by a column, each leaky run with its speaker-independent twin under it.
//!
//! Deliberately absent: drawing, and which column the user has chosen.

use std::cmp::Ordering;
use std::sync::Arc;

use super::leaks;
use crate::learn::Cost;
use crate::tui::widgets::table::Order;
use crate::workbench::experiment::Judged;

/// A row of the table.
pub struct Shown {
    /// The run.
    pub judged: Arc<Judged>,
    /// It stands under the leaky run that it is the honest twin of.
    pub twin: bool,
}

/// A column to sort by.
pub struct Sort {
    /// In words.
    pub name: &'static str,
    /// Its place among the columns.
    pub column: usize,
    /// The order that is wanted first.
    pub first: Order,
    key: fn(&Judged) -> Key,
}

/// What runs are sorted by; runs without it come last, whichever way the order is.
enum Key {
    Text(String),
    Number(Option<f64>),
}

/// The columns, in the order in which a key goes through them.
pub static SORTS: [Sort; 13] = [
    down("number, newest first", 0, |one| Key::Number(one.run.id.map(|id| id.0 as f64))),
    up("model", 1, |one| Key::Text(one.run.recipe.title())),
    up("features", 2, |one| Key::Text(one.run.recipe.features.clone())),
    up("plan", 4, |one| Key::Text(one.run.protocol.plan.plan.clone())),
    down("UAR", 5, |one| Key::Number(one.summary.uar)),
    down("WA", 7, |one| Key::Number(one.summary.wa)),
    down("macro-F1", 8, |one| Key::Number(one.summary.macro_f1)),
    up("time of fitting", 9, |one| Key::Number(Some(one.run.fit_seconds))),
    up("time of scoring", 10, |one| cost(one, |cost| cost.clip_ms)),
    up("size", 11, |one| cost(one, |cost| Some(cost.megabytes()))),
    up("parameters", 12, |one| cost(one, |cost| Some(cost.parameters as f64))),
    up("multiply-adds", 13, |one| cost(one, |cost| cost.macs_3s.map(|macs| macs as f64))),
    up("real-time factor", 14, |one| cost(one, |cost| cost.real_time)),
];

const fn up(name: &'static str, column: usize, key: fn(&Judged) -> Key) -> Sort {
    Sort { name, column, first: Order::Ascending, key }
}

const fn down(name: &'static str, column: usize, key: fn(&Judged) -> Key) -> Sort {
    Sort { name, column, first: Order::Descending, key }
}

fn cost(one: &Judged, figure: fn(&Cost) -> Option<f64>) -> Key {
    Key::Number(one.run.cost.as_ref().and_then(figure))
}

/// The runs (newest first, as the Workbench has them) sorted, each once; equal ones stay newest first. Under a leaky run
/// stands its twin: the newest run of the same recipe and task that does not leak.
pub fn ordered(runs: &[Arc<Judged>], (sort, order): (&Sort, Order)) -> Vec<Shown> {
    let twins: Vec<Option<usize>> = (0..runs.len()).map(|place| twin_of(runs, place)).collect();
    let mut heads: Vec<usize> = (0..runs.len()).filter(|place| !twins.contains(&Some(*place))).collect();
    heads.sort_by(|a, b| compare(&(sort.key)(&runs[*a]), &(sort.key)(&runs[*b]), order));
    let mut shown = Vec::new();
    let mut under = Vec::new();
    for head in heads {
        shown.push(Shown { judged: Arc::clone(&runs[head]), twin: false });
        // Two leaky runs may share a twin; it stands under the first.
        if let Some(twin) = twins[head].filter(|twin| !under.contains(twin)) {
            under.push(twin);
            shown.push(Shown { judged: Arc::clone(&runs[twin]), twin: true });
        }
    }
    shown
}

/// The place of the twin of a leaky run.
fn twin_of(runs: &[Arc<Judged>], place: usize) -> Option<usize> {
    let run = &runs[place];
    let alike = |other: &Arc<Judged>| {
        let (ours, theirs) = (&run.run.protocol, &other.run.protocol);
        let same = theirs.data == ours.data && theirs.training.preparation == ours.training.preparation;
        !leaks(other) && other.run.recipe == run.run.recipe && same
    };
    leaks(run).then(|| runs.iter().position(alike)).flatten()
}

fn compare(a: &Key, b: &Key, order: Order) -> Ordering {
    let turn = |found: Ordering| if order == Order::Descending { found.reverse() } else { found };
    match (a, b) {
        (Key::Text(a), Key::Text(b)) => turn(a.cmp(b)),
        (Key::Number(Some(a)), Key::Number(Some(b))) => turn(a.total_cmp(b)),
        (Key::Number(a), Key::Number(b)) => a.is_none().cmp(&b.is_none()),
        (Key::Text(_), Key::Number(_)) | (Key::Number(_), Key::Text(_)) => Ordering::Equal,
    }
}
