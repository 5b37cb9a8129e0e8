//! What the statistics are worth, by simulation: how often a 95 % interval covers, how often a paired test cries wolf, and what
//! ten thousand draws take. `cargo bench --bench statistics` prints the tables of docs/evaluation.md.
//!
//! Every number comes from one seed. Deliberately absent: a pass or fail; the tables are for reading.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::time::Instant;

use emolab::score::agreement::{Coefficient, Level, Table, coefficient, coefficients, estimates, value};
use emolab::score::{
    Bootstrap, Confusion, Friedman, Method, Resamples, bootstrap, corrected_t, five_by_two_f, holm, mcnemar, metric,
    rope, speaker_permutation, wilcoxon,
};
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64;
use rayon::prelude::*;

/// Classes of the simulated corpora; EmoDB's number.
const CLASSES: usize = 7;
/// Corpora drawn per row of a table.
const TRIALS: usize = 1000;
/// Draws of each interval in the simulation.
const DRAWS: usize = 2000;

fn main() {
    // `cargo test --benches` asks for a list; there is none.
    if std::env::args().any(|arg| arg == "--list" || arg == "--test") {
        return;
    }
    let only = std::env::args().nth(1).filter(|arg| !arg.starts_with("--"));
    let asked = |part: &str| only.as_deref().is_none_or(|only| only == part);
    if asked("time") {
        time();
    }
    if asked("agreement") {
        agreement();
    }
    if asked("coverage") {
        coverage();
    }
    if asked("tests") {
        false_alarms();
    }
}

fn uar(all: &Confusion) -> Option<f64> {
    (metric("uar").unwrap().of)(all)
}

fn normal(random: &mut Pcg64) -> f64 {
    let (u, v): (f64, f64) = (random.random::<f64>().max(f64::MIN_POSITIVE), random.random());
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

fn chance(logit: f64) -> f64 {
    1.0 / (1.0 + (-logit).exp())
}

/// A population of speakers on whom a system is right more or less often.
#[derive(Clone, Copy)]
struct World {
    name: &'static str,
    /// Share right at the median speaker and the middle class.
    right: f64,
    /// Standard deviation of the speakers' effect, in logits.
    spread: f64,
    /// Clips of a speaker per class; drawn from 1 to twice that less 1.
    clips: usize,
    /// Few speakers much worse than the others.
    skewed: bool,
}

const WORLDS: [World; 4] = [
    World { name: "speakers alike", right: 0.75, spread: 0.3, clips: 8, skewed: false },
    World { name: "speakers differ", right: 0.75, spread: 0.8, clips: 8, skewed: false },
    World { name: "near the ceiling", right: 0.92, spread: 0.7, clips: 8, skewed: false },
    World { name: "some much worse", right: 0.85, spread: 1.0, clips: 8, skewed: true },
];

impl World {
    fn effect(&self, random: &mut Pcg64) -> f64 {
        let z = normal(random) * self.spread;
        if self.skewed { -z.abs() } else { z }
    }

    /// Chance of being right, in logits, for a class and a speaker's effect.
    fn logit(&self, class: usize, effect: f64) -> f64 {
        (self.right / (1.0 - self.right)).ln() + 0.25 * (class as f64 - 3.0) + effect
    }

    /// UAR over all speakers there could be.
    fn truth(&self) -> f64 {
        let mut random = Pcg64::seed_from_u64(99);
        let of = |_| {
            let effect = self.effect(&mut random);
            (0..CLASSES).map(|class| chance(self.logit(class, effect))).sum::<f64>() / CLASSES as f64
        };
        (0..400_000).map(of).sum::<f64>() / 400_000.0
    }

    fn speaker(&self, random: &mut Pcg64) -> Confusion {
        let effect = self.effect(random);
        let mut all = Confusion::new(CLASSES);
        for class in 0..CLASSES {
            for _ in 0..random.random_range(1..2 * self.clips) {
                let right = random.random_bool(chance(self.logit(class, effect)));
                all.see(class, if right { class } else { (class + 1) % CLASSES });
            }
        }
        all
    }
}

fn coverage() {
    println!("\n## Coverage of the 95 % interval of the UAR over speakers\n");
    println!(
        "{TRIALS} corpora a row, {CLASSES} classes, 1 to 15 clips per speaker and class, {DRAWS} draws; in brackets the mean width in points\n"
    );
    println!("| speakers | world | {} |", Method::ALL.map(Method::name).join(" | "));
    println!("|---|---|{}", "---|".repeat(Method::ALL.len()));
    for speakers in [6, 10, 24] {
        for world in WORLDS {
            let truth = world.truth();
            let of = |trial: usize| {
                let mut random = Pcg64::seed_from_u64(1000 * speakers as u64 + trial as u64);
                let groups: Vec<Confusion> = (0..speakers).map(|_| world.speaker(&mut random)).collect();
                let drawn = Resamples::of(&groups, uar, DRAWS, trial as u64).unwrap();
                Method::ALL.map(|method| {
                    let one = drawn.interval(method, 0.95).unwrap();
                    (f64::from(u8::from(one.low <= truth && truth <= one.high)), one.high - one.low)
                })
            };
            let found: Vec<_> = (0..TRIALS).into_par_iter().map(of).collect();
            let cell = |at: usize| {
                let mean = |of: fn(&(f64, f64)) -> f64| {
                    100.0 * found.iter().map(|all| of(&all[at])).sum::<f64>() / TRIALS as f64
                };
                format!("{:.1} ({:.1})", mean(|one| one.0), mean(|one| one.1))
            };
            let cells: Vec<String> = (0..Method::ALL.len()).map(cell).collect();
            println!("| {speakers} | {} | {} |", world.name, cells.join(" | "));
        }
    }
}

/// Two systems that are equally good on the population, judged on the same speakers; `own` is the standard deviation of what each
/// system does better or worse on a speaker than the other.
fn null_pair(speakers: usize, own: f64, random: &mut Pcg64) -> [Vec<Confusion>; 2] {
    let mut pair = [Vec::new(), Vec::new()];
    for _ in 0..speakers {
        let effect = 0.5 * normal(random);
        let effects = [effect + own * normal(random), effect + own * normal(random)];
        let mut judged = [Confusion::new(CLASSES), Confusion::new(CLASSES)];
        for class in 0..CLASSES {
            for _ in 0..random.random_range(1..16) {
                let hard = normal(random);
                for (all, effect) in judged.iter_mut().zip(effects) {
                    let right = random.random_bool(chance(1.1 + effect + hard));
                    all.see(class, if right { class } else { (class + 1) % CLASSES });
                }
            }
        }
        pair.iter_mut().zip(judged).for_each(|(all, one)| all.push(one));
    }
    pair
}

/// Clips that only one of two systems has right; both answers of a clip are drawn together, so counts suffice.
fn discordant(speakers: usize, own: f64, random: &mut Pcg64) -> (u64, u64) {
    let (mut a_only, mut b_only) = (0, 0);
    for _ in 0..speakers {
        let effects = [own * normal(random), own * normal(random)];
        for _ in 0..56 {
            let hard = normal(random);
            let [a, b] = effects.map(|effect| random.random_bool(chance(1.1 + effect + hard)));
            a_only += u64::from(a && !b);
            b_only += u64::from(b && !a);
        }
    }
    (a_only, b_only)
}

/// Two learners that are equally good by symmetry (nearest class mean over five columns each, of the same kind), scored over the parts of
/// a cross-validation: differences of accuracy.
struct Learners {
    rows: Vec<[f64; 10]>,
    labels: Vec<usize>,
}

impl Learners {
    fn draw(n: usize, random: &mut Pcg64) -> Learners {
        let labels: Vec<usize> = (0..n).map(|at| at % 2).collect();
        let row = |&label: &usize| std::array::from_fn(|_| normal(random) + 0.35 * label as f64);
        Learners { rows: labels.iter().map(row).collect(), labels }
    }

    fn difference(&self, train: &[usize], test: &[usize]) -> f64 {
        let score = |columns: std::ops::Range<usize>| {
            let mut means = [[0.0; 10]; 2];
            let count = |class: usize| train.iter().filter(|&&at| self.labels[at] == class).count().max(1) as f64;
            let counts = [count(0), count(1)];
            for &at in train {
                let class = self.labels[at];
                columns.clone().for_each(|c| means[class][c] += self.rows[at][c] / counts[class]);
            }
            let far = |at: usize, class: usize| {
                columns.clone().map(|c| (self.rows[at][c] - means[class][c]).powi(2)).sum::<f64>()
            };
            let right = test.iter().filter(|&&at| usize::from(far(at, 1) < far(at, 0)) == self.labels[at]).count();
            right as f64 / test.len() as f64
        };
        score(0..5) - score(5..10)
    }

    /// Differences over `repeats` times `k` folds.
    fn folds(&self, k: usize, repeats: usize, random: &mut Pcg64) -> Vec<f64> {
        let mut all = Vec::new();
        let mut order: Vec<usize> = (0..self.rows.len()).collect();
        for _ in 0..repeats {
            order.shuffle(random);
            for fold in 0..k {
                let (test, train): (Vec<_>, Vec<_>) =
                    order.iter().enumerate().partition(|(place, _)| place % k == fold);
                let rows = |part: Vec<(usize, &usize)>| part.into_iter().map(|(_, &at)| at).collect::<Vec<_>>();
                all.push(self.difference(&rows(train), &rows(test)));
            }
        }
        all
    }
}

/// Share of trials, in percent, in which `p` is at most 0.05; `None` counts as no alarm.
fn alarms(seed: u64, p: impl Fn(&mut Pcg64) -> Option<f64> + Sync) -> f64 {
    let one = |trial: usize| {
        let mut random = Pcg64::seed_from_u64(seed * 1_000_003 + trial as u64);
        usize::from(p(&mut random).is_some_and(|p| p <= 0.05))
    };
    100.0 * (0..TRIALS).into_par_iter().map(one).sum::<usize>() as f64 / TRIALS as f64
}

fn row(name: &str, on: &str, found: f64) {
    let within = if (3.0..=7.0).contains(&found) { "" } else { " (outside 3 to 7)" };
    println!("| {name} | {on} | {found:.1}{within} |");
}

fn false_alarms() {
    println!(
        "\n## False alarms at 5 %\n\n{TRIALS} pairs of systems that are equally good; the share called different\n"
    );
    println!("| test | on | % |\n|---|---|---|");
    for speakers in [6, 10, 24, 60] {
        for own in [0.0, 0.6] {
            let on = format!(
                "{speakers} speakers, {}",
                if own > 0.0 { "each system has its own good ones" } else { "no difference by speaker" }
            );
            let permuted = |random: &mut Pcg64| {
                let [a, b] = null_pair(speakers, own, random);
                speaker_permutation(&a, &b, 1).map(|test| test.p)
            };
            row("speaker permutation", &on, alarms(1, permuted));
        }
    }
    for (speakers, own) in [(10, 0.0), (10, 0.6)] {
        let on = format!(
            "{} clips, {}",
            56 * speakers,
            if own > 0.0 { "each system has its own good speakers" } else { "independent" }
        );
        row(
            "exact McNemar",
            &on,
            alarms(2, |random| {
                let (a, b) = discordant(speakers, own, random);
                Some(mcnemar(a, b).p)
            }),
        );
    }
    learners();
    several();
}

fn learners() {
    for n in [100, 300, 1000] {
        let on = |what: &str| format!("{n} clips, {what}");
        let corrected = |k: usize, repeats: usize| {
            move |random: &mut Pcg64| {
                let data = Learners::draw(n, random);
                corrected_t(&data.folds(k, repeats, random), 1.0 / k as f64).map(|test| test.p)
            }
        };
        row("corrected resampled t", &on("10 x 10 folds"), alarms(3, corrected(10, 10)));
        row("corrected resampled t", &on("10 folds"), alarms(4, corrected(10, 1)));
        row(
            "(plain t, for comparison)",
            &on("10 x 10 folds"),
            alarms(3, |random| {
                let data = Learners::draw(n, random);
                corrected_t(&data.folds(10, 10, random), 0.0).map(|test| test.p)
            }),
        );
        row(
            "5x2cv F",
            &on("5 x 2 folds"),
            alarms(5, |random| {
                let all = Learners::draw(n, random).folds(2, 5, random);
                five_by_two_f(&std::array::from_fn(|i| [all[2 * i], all[2 * i + 1]])).map(|test| test.p)
            }),
        );
        row(
            "ROPE of 1 point, P > 0.95 to one side",
            &on("10 x 10 folds"),
            alarms(6, |random| {
                let found = rope(&Learners::draw(n, random).folds(10, 10, random), 0.1, 0.01)?;
                Some(1.0 - found.below.max(found.above))
            }),
        );
    }
}

fn several() {
    for corpora in [8, 20, 40] {
        row(
            "Wilcoxon signed-rank",
            &format!("{corpora} corpora"),
            alarms(7, |random| {
                let differences: Vec<f64> = (0..corpora).map(|_| normal(random)).collect();
                wilcoxon(&differences).map(|test| test.p)
            }),
        );
    }
    for (corpora, systems) in [(8, 4), (14, 5), (30, 8)] {
        let on = format!("{corpora} corpora, {systems} systems");
        let scores = move |random: &mut Pcg64| -> Friedman {
            let rows: Vec<Vec<f64>> = (0..corpora).map(|_| (0..systems).map(|_| normal(random)).collect()).collect();
            Friedman::of(&rows).unwrap()
        };
        row("Friedman, chi squared", &on, alarms(8, |random| Some(scores(random).p_chi_squared)));
        row("Friedman, Iman-Davenport F", &on, alarms(8, |random| Some(scores(random).p)));
        row(
            "Nemenyi, any pair",
            &on,
            alarms(8, |random| {
                let found = scores(random);
                (0..systems)
                    .flat_map(|a| (0..a).map(move |b| (a, b)))
                    .map(|(a, b)| found.nemenyi(a, b))
                    .reduce(f64::min)
            }),
        );
    }
    row(
        "Holm over 8 speaker permutations, any",
        "24 speakers",
        alarms(9, |random| {
            let of = |_| {
                let [a, b] = null_pair(24, 0.6, random);
                speaker_permutation(&a, &b, 1).unwrap().p
            };
            holm(&(0..8).map(of).collect::<Vec<_>>()).into_iter().reduce(f64::min)
        }),
    );
}

/// `python -P benches/krippendorff_time.py` takes the time of one alpha by the pip package on the first table.
fn agreement() {
    println!("\n## Time of all coefficients of 100,000 ratings with 1,000 draws, seconds (median of 3)\n");
    println!(
        "| clips | raters | steps | coefficients | 1 thread | 2 threads | one alpha, no draws |\n|---|---|---|---|---|---|---|"
    );
    for (clips, each, of, steps) in
        [(20_000, 5, 5, 9), (50_000, 2, 2, 7), (20_000, 5, 50, 7), (10_000, 10, 10, 9), (2_000, 50, 50, 9)]
    {
        let table = rated(clips, (each, of), steps);
        let all: Vec<&'static Coefficient> = coefficients(Level::Scale).collect();
        let seconds = |work: &dyn Fn()| {
            let mut all: Vec<f64> = (0..3)
                .map(|_| {
                    let start = Instant::now();
                    work();
                    start.elapsed().as_secs_f64()
                })
                .collect();
            all.sort_by(f64::total_cmp);
            all[1]
        };
        let whole = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let how = Bootstrap { draws: 1000, ..Bootstrap::default() };
            seconds(&|| assert!(pool.install(|| estimates(&table, &all, how, || true)).is_some()))
        };
        let one = seconds(&|| assert!(value(&table, coefficient("alpha_interval").unwrap()).is_some()));
        let (single, two) = (whole(1), whole(2));
        println!("| {clips} | {each} of {of} | {steps} | {} | {single:.2} | {two:.2} | {one:.4} |", all.len());
    }
}

/// Each clip is rated by `each` of `of` raters, half of the time at random.
fn rated(clips: usize, (each, of): (usize, usize), steps: usize) -> Table {
    let mut random = Pcg64::seed_from_u64(6);
    let mut raters: Vec<usize> = (0..of).collect();
    let units = (0..clips).map(|_| {
        let truth = random.random_range(0..steps);
        raters.shuffle(&mut random);
        let mut said =
            |rater: &usize| (*rater, if random.random_bool(0.5) { truth } else { random.random_range(0..steps) });
        raters[..each].iter().map(&mut said).collect()
    });
    Table::new((1..=steps).map(|step| step as f64).collect(), of, units.collect::<Vec<_>>()).unwrap()
}

fn time() {
    println!("\n## Time of 10,000 draws over 10,000 clips of {CLASSES} classes, seconds (median of 5)\n");
    println!("| groups | 1 thread | 2 threads |\n|---|---|---|");
    let mut random = Pcg64::seed_from_u64(5);
    for speakers in [10, 91, 1000, 10_000] {
        let mut groups = vec![Confusion::new(CLASSES); speakers];
        for clip in 0..10_000 {
            let (truth, guess) = (clip / 3 % CLASSES, random.random_range(0..CLASSES));
            groups[clip % speakers].see(truth, if random.random_bool(0.7) { truth } else { guess });
        }
        let seconds = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let how = Bootstrap { draws: 10_000, ..Bootstrap::default() };
            let mut all: Vec<f64> = (0..5)
                .map(|_| {
                    let start = Instant::now();
                    assert!(pool.install(|| bootstrap(&groups, uar, how)).is_some());
                    start.elapsed().as_secs_f64()
                })
                .collect();
            all.sort_by(f64::total_cmp);
            all[2]
        };
        let unit = if speakers == 10_000 { "clips (no speaker known)" } else { "speakers" };
        println!("| {speakers} {unit} | {:.3} | {:.3} |", seconds(1), seconds(2));
    }
}
