//! Statistics against scipy, scikit-learn, statsmodels, mlxtend and baycomp (`golden/statistics.json`, made by the script of the same
//! name), and against a worked example as published.

use emolab::score::distribution as d;
use emolab::score::{
    Calibration, Confusion, Friedman, Rope, ccc, corrected_t, five_by_two_f, holm, mcnemar, pearson, rmse, rope,
    speaker_permutation, wilcoxon,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    distributions: Vec<(String, Vec<f64>, f64)>,
    calibration: Vec<Calibrated>,
    scale: Vec<Scale>,
    mcnemar: Vec<(u64, u64, f64)>,
    permutation: Vec<Permutation>,
    wilcoxon: Vec<Wilcoxon>,
    corrected: Vec<Corrected>,
    five_by_two: Vec<FiveByTwo>,
    holm: Vec<(Vec<f64>, Vec<f64>)>,
    friedman: Vec<Friedmans>,
}

#[derive(Deserialize)]
struct Calibrated {
    name: String,
    p: Vec<Vec<f32>>,
    pred: Vec<usize>,
    truth: Vec<usize>,
    ece: f64,
    brier: f64,
    nll: f64,
    log_loss: f64,
}

#[derive(Deserialize)]
struct Scale {
    truth: Vec<f64>,
    pred: Vec<f64>,
    ccc: f64,
    pearson: f64,
    rmse: f64,
}

#[derive(Deserialize)]
struct Permutation {
    classes: usize,
    truth: Vec<Vec<usize>>,
    a: Vec<Vec<usize>>,
    b: Vec<Vec<usize>>,
    difference: f64,
    p: f64,
}

#[derive(Deserialize)]
struct Wilcoxon {
    differences: Vec<f64>,
    statistic: f64,
    p: f64,
}

#[derive(Deserialize)]
struct Corrected {
    differences: Vec<f64>,
    share: f64,
    t: f64,
    p: f64,
    rope: [f64; 3],
    first_is_better: bool,
}

#[derive(Deserialize)]
struct FiveByTwo {
    differences: [[f64; 2]; 5],
    f: f64,
    p: f64,
}

#[derive(Deserialize)]
struct Friedmans {
    scores: Vec<Vec<f64>>,
    chi: f64,
    p_chi: f64,
    f: f64,
    p: f64,
    mean_ranks: Vec<f64>,
    nemenyi: Vec<(usize, usize, f64)>,
    cd: f64,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("golden/statistics.json")).unwrap()
}

fn near(found: f64, wanted: f64, what: &str) {
    assert!((found - wanted).abs() <= 1e-9 * wanted.abs().max(1.0), "{what}: {found} is not {wanted}");
}

#[test]
fn distributions_are_scipys() {
    for (name, at, wanted) in golden().distributions {
        let found = match (name.as_str(), &at[..]) {
            ("student_cdf", [t, df]) => d::student_cdf(*t, *df),
            ("student_two_sided", [t, df]) => d::student_two_sided(*t, *df),
            ("student_quantile", [p, df]) => d::student_quantile(*p, *df),
            ("f_tail", [f, above, below]) => d::f_tail(*f, *above, *below),
            ("chi_squared_tail", [x, df]) => d::chi_squared_tail(*x, *df),
            ("normal_cdf", [z]) => d::normal_cdf(*z),
            ("normal_quantile", [p]) => d::normal_quantile(*p),
            ("range_tail", [q, k]) => d::range_tail(*q, *k as usize),
            ("range_critical", [alpha, k]) => d::range_critical(*alpha, *k as usize),
            other => panic!("{other:?}"),
        };
        near(found, wanted, &format!("{name}{at:?}"));
        // Small tails are right in their own size, not only beside 1.
        assert!(wanted == 0.0 || (found / wanted - 1.0).abs() < 1e-7, "{name}{at:?}: {found} is not {wanted}");
    }
}

#[test]
fn calibration_is_scikit_learns() {
    for case in golden().calibration {
        let clips: Vec<(&[f32], usize, usize)> =
            case.p.iter().zip(&case.pred).zip(&case.truth).map(|((p, &pred), &truth)| (&p[..], pred, truth)).collect();
        let found = Calibration::of(&clips).unwrap();
        near(found.ece, case.ece, &case.name);
        near(found.brier, case.brier, &case.name);
        near(found.nll, case.nll, &case.name);
        // scikit-learn divides by the sum of the probabilities, which f32 leaves 1e-7 beside 1; the first clip's is 0.
        let found = Calibration::of(&clips[1..]).unwrap().nll;
        assert!((found - case.log_loss).abs() < 1e-6, "{}: {found} is not {}", case.name, case.log_loss);
    }
}

#[test]
fn scores_on_scales_are_scipys() {
    for case in golden().scale {
        near(ccc(&case.truth, &case.pred).unwrap(), case.ccc, "ccc");
        near(pearson(&case.truth, &case.pred).unwrap(), case.pearson, "pearson");
        near(rmse(&case.truth, &case.pred).unwrap(), case.rmse, "rmse");
    }
}

#[test]
fn mcnemar_is_statsmodels() {
    for (a, b, wanted) in golden().mcnemar {
        near(mcnemar(a, b).p, wanted, &format!("{a} {b}"));
    }
}

#[test]
fn the_permutation_test_counts_what_looking_at_every_swap_counts() {
    for case in golden().permutation {
        let speakers = |pred: &[Vec<usize>]| -> Vec<Confusion> {
            let of = |(truth, pred): (&Vec<usize>, &Vec<usize>)| Confusion::of(truth, pred, case.classes).unwrap();
            case.truth.iter().zip(pred).map(of).collect()
        };
        let found = speaker_permutation(&speakers(&case.a), &speakers(&case.b), 0).unwrap();
        near(found.statistic, case.difference, "difference in UAR");
        near(found.p, case.p, "p");
        assert!(found.exact && found.n == case.truth.len());
    }
}

#[test]
fn wilcoxon_is_scipys() {
    for case in golden().wilcoxon {
        let found = wilcoxon(&case.differences).unwrap();
        near(found.statistic, case.statistic, "sum of ranks");
        near(found.p, case.p, &format!("p of {} differences", case.differences.len()));
    }
}

#[test]
fn the_corrected_t_and_the_rope_are_baycomps() {
    for case in golden().corrected {
        let found = corrected_t(&case.differences, case.share).unwrap();
        near(found.statistic, case.t, "t");
        near(found.p, case.p, "p");
        let Rope { below, within, above } = rope(&case.differences, case.share, 0.01).unwrap();
        near(below.min(above), case.rope[0], "less probable side");
        near(below.max(above), case.rope[1], "more probable side");
        near(within, case.rope[2], "within");
        assert_eq!(above > below, case.first_is_better);
    }
}

#[test]
fn the_5x2cv_f_is_mlxtends() {
    for case in golden().five_by_two {
        let found = five_by_two_f(&case.differences).unwrap();
        near(found.statistic, case.f, "F");
        near(found.p, case.p, "p");
    }
}

#[test]
fn holm_is_statsmodels() {
    for (p, wanted) in golden().holm {
        holm(&p).into_iter().zip(wanted).for_each(|(found, wanted)| near(found, wanted, "adjusted p"));
    }
}

#[test]
fn friedman_is_scipys() {
    for case in golden().friedman {
        let found = Friedman::of(&case.scores).unwrap();
        found.mean_ranks.iter().zip(&case.mean_ranks).for_each(|(a, b)| near(*a, *b, "mean rank"));
        for (found, wanted, what) in [
            (found.chi_squared, case.chi, "chi squared"),
            (found.p_chi_squared, case.p_chi, "p of chi squared"),
            (found.f, case.f, "F"),
            (found.p, case.p, "p"),
            (found.critical_difference(0.05), case.cd, "critical difference"),
        ] {
            near(found, wanted, what);
        }
        case.nemenyi.iter().for_each(|&(a, b, wanted)| near(found.nemenyi(a, b), wanted, "Nemenyi's p"));
    }
}

/// Demšar 2006, section 3.2: the example over table 6, with the numbers as printed.
#[test]
fn the_worked_example_of_demsar_comes_out() {
    let found = Friedman::of(&golden().friedman[0].scores).unwrap();
    let printed: Vec<String> = found.mean_ranks.iter().map(|rank| format!("{rank:.3}")).collect();
    assert_eq!(printed, ["3.143", "2.000", "2.893", "1.964"]);
    assert_eq!(format!("{:.2} {:.2}", found.critical_difference(0.05), found.critical_difference(0.1)), "1.25 1.12");
    // He leaves ties uncorrected: 9.28 and 3.69 there; corrected, chi squared is a little larger.
    let (n, k) = (14.0, 4.0);
    let squares: f64 = found.mean_ranks.iter().map(|rank| rank * rank).sum();
    let plain = 12.0 * n / (k * (k + 1.0)) * (squares - k * (k + 1.0) * (k + 1.0) / 4.0);
    let f = (n - 1.0) * plain / (n * (k - 1.0) - plain);
    assert_eq!(format!("{plain:.2} {f:.2}"), "9.28 3.69");
    assert!(found.chi_squared > plain && found.chi_squared < 1.2 * plain, "{}", found.chi_squared);
}

#[test]
fn what_cannot_be_tested_is_none_and_what_cannot_differ_is_one() {
    assert_eq!(wilcoxon(&[0.0, 0.0]), None);
    assert_eq!(wilcoxon(&[f64::NAN, 1.0]), None);
    assert_eq!((corrected_t(&[0.1], 0.1), corrected_t(&[0.1, 0.1], 0.1)), (None, None));
    assert_eq!((corrected_t(&[0.1, 0.2], 1.0), rope(&[], 0.1, 0.01)), (None, None));
    assert_eq!(five_by_two_f(&[[0.1, 0.1]; 5]), None);
    assert_eq!(Friedman::of(&[vec![1.0, 1.0], vec![2.0, 2.0]]), None);
    assert_eq!(Friedman::of(&[vec![1.0, 2.0], vec![1.0]]), None);
    assert_eq!(Friedman::of(&[vec![1.0, f64::NAN], vec![1.0, 2.0]]), None);
    let agreed = Friedman::of(&[vec![1.0, 2.0, 3.0], vec![2.0, 4.0, 6.0]]).unwrap();
    assert_eq!((agreed.f, agreed.p), (f64::INFINITY, 0.0));
    assert_eq!(mcnemar(0, 0).p, 1.0);
    assert!(holm(&[]).is_empty());
    let one = [Confusion::of(&[0, 1], &[0, 0], 2).unwrap()];
    assert_eq!(speaker_permutation(&one, &one, 0).unwrap().p, 1.0);
    assert_eq!(speaker_permutation(&one, &[], 0), None);
    assert_eq!(speaker_permutation(&one, &[Confusion::of(&[0, 0], &[0, 0], 2).unwrap()], 0), None);
}

/// 40 speakers are too many to count; drawing comes near what counting gives for 28 of the same kind.
#[test]
fn many_speakers_are_drawn_and_repeat_with_the_seed() {
    let speakers = |n: usize, right: usize| -> Vec<Confusion> {
        let of = |speaker: usize| {
            let pred: Vec<usize> =
                (0..8).map(|clip| usize::from((clip * 5 + speaker * 3) % 8 >= right + speaker % 2)).collect();
            Confusion::of(&[0; 8], &pred, 2).unwrap()
        };
        (0..n).map(of).collect()
    };
    let (a, b) = (speakers(40, 5), speakers(40, 5).into_iter().rev().collect::<Vec<_>>());
    let found = speaker_permutation(&a, &b, 7).unwrap();
    assert!(!found.exact && found.n == 40);
    assert_eq!(Some(found), speaker_permutation(&a, &b, 7));
    assert!(found.p > 0.9, "the same speakers in another order: {}", found.p);
    let better = speaker_permutation(&speakers(40, 6), &speakers(40, 5), 7).unwrap();
    assert!(better.p < 1e-4, "{}", better.p);
}
