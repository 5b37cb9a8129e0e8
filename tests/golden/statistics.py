"""Makes statistics.json: what scipy, scikit-learn, statsmodels and mlxtend say of small inputs.

    python tests/golden/statistics.py > tests/golden/statistics.json   (scipy 1.17, scikit-learn 1.9, statsmodels, mlxtend, baycomp)

`demsar` is the worked example of Demšar, JMLR 7 (2006), table 6: AUC of four variants of C4.5 on 14 data sets.
The row with 0.9751 is printed 0.975 twice there, but ranked 2 and 3.
"""
import itertools
import json

import baycomp
import numpy as np
from mlxtend.evaluate import combined_ftest_5x2cv
from scipy import stats
from sklearn import metrics
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

rng = np.random.default_rng(20)
f = float


def distributions():
    rows = []
    for x, df in [(0.1, 1), (2.262157, 9), (-3.1, 4.5), (12.0, 30), (1.0, 1000), (40.0, 3)]:
        rows.append(["student_cdf", [x, df], f(stats.t.cdf(x, df))])
        rows.append(["student_two_sided", [x, df], f(2 * stats.t.sf(abs(x), df))])
    for p, df in [(0.975, 9), (0.025, 23), (0.999, 2), (0.6, 1)]:
        rows.append(["student_quantile", [p, df], f(stats.t.ppf(p, df))])
    for x, a, b in [(4.735, 10, 5), (0.3, 3, 39), (3.69, 3, 39), (80.0, 2, 12), (1.0, 100, 200)]:
        rows.append(["f_tail", [x, a, b], f(stats.f.sf(x, a, b))])
    for x, df in [(9.28, 3), (0.5, 6), (100.0, 4), (3.84, 1), (200.0, 180)]:
        rows.append(["chi_squared_tail", [x, df], f(stats.chi2.sf(x, df))])
    for z in [-8.0, -1.96, 0.3, 2.5]:
        rows.append(["normal_cdf", [z], f(stats.norm.cdf(z))])
    for p in [1e-9, 0.025, 0.5, 0.9]:
        rows.append(["normal_quantile", [p], f(stats.norm.ppf(p))])
    for q, k in [(2.0, 2), (3.314, 3), (3.633, 4), (4.474, 10), (1.0, 20), (0.2, 6)]:
        # k times the integral, by a finer rule than ours; scipy's studentized_range agrees to 1e-9 or so.
        value = f(stats.studentized_range.sf(q, k, np.inf))
        rows.append(["range_tail", [q, k], value])
    for a, k in [(0.05, 2), (0.05, 4), (0.1, 4), (0.05, 10)]:
        rows.append(["range_critical", [a, k], f(stats.studentized_range.isf(a, k, np.inf))])
    return rows


def calibration(name, n, k):
    p = rng.dirichlet(np.ones(k) * 0.5, n).astype(np.float32)
    p[0] = np.eye(k, dtype=np.float32)[0]
    truth = np.array([rng.choice(k, p=row / row.sum()) for row in p.astype(np.float64)])
    truth[0], truth[1:k + 1] = k - 1, np.arange(k)
    p64 = p.astype(np.float64)
    pred = p64.argmax(1)
    sure, right = p64.max(1), (pred == truth).astype(float)
    edges = np.linspace(0, 1, 16)
    ece = 0.0
    for low, high in zip(edges[:-1], edges[1:]):
        inside = (sure > low) & (sure <= high)
        if inside.any():
            ece += abs(sure[inside].mean() - right[inside].mean()) * inside.mean()
    return {
        "name": name, "p": p64.tolist(), "pred": pred.tolist(), "truth": truth.tolist(), "ece": f(ece),
        "brier": f(np.mean(((p64 - np.eye(k)[truth]) ** 2).sum(1))),
        "nll": f(np.mean(-np.log(np.maximum(p64[np.arange(n), truth], np.finfo(np.float64).eps)))),
        "log_loss": f(metrics.log_loss(truth[1:], p64[1:], labels=range(k))),
    }


def scale(n, slope, noise):
    x = rng.normal(size=n)
    y = slope * x + 0.3 + noise * rng.normal(size=n)
    ccc = 2 * np.cov(x, y, ddof=0)[0, 1] / (x.var() + y.var() + (x.mean() - y.mean()) ** 2)
    return {"truth": x.tolist(), "pred": y.tolist(), "ccc": f(ccc), "pearson": f(stats.pearsonr(x, y)[0]),
            "rmse": f(np.sqrt(metrics.mean_squared_error(x, y)))}


def permutation(speakers, k, clips, better):
    truth = rng.integers(0, k, (speakers, clips))
    said = lambda right: np.where(rng.random((speakers, clips)) < right, truth, rng.integers(0, k, (speakers, clips)))
    a, b = said(0.6 + better), said(0.6)
    uar = lambda pred: metrics.balanced_accuracy_score(truth.ravel(), pred.ravel())
    observed = uar(a) - uar(b)
    count = 0
    for swap in itertools.product([False, True], repeat=speakers):
        s = np.array(swap)[:, None]
        count += abs(uar(np.where(s, b, a)) - uar(np.where(s, a, b))) >= abs(observed) - 1e-12
    return {"classes": k, "truth": truth.tolist(), "a": a.tolist(), "b": b.tolist(), "difference": f(observed),
            "p": count / 2 ** speakers}


def wilcoxon(d):
    d = np.array(d, dtype=float)
    kept = d[d != 0]
    if len(kept) <= 30:
        tied = len(set(np.abs(kept))) < len(kept)
        method = stats.PermutationMethod(n_resamples=np.inf) if tied else "exact"
        found = stats.wilcoxon(kept, method=method)
    else:
        found = stats.wilcoxon(kept, method="asymptotic", correction=False)
    return {"differences": d.tolist(), "statistic": f(found.statistic), "p": f(found.pvalue)}


def corrected(d, share):
    d = np.array(d)
    n = len(d)
    t = d.mean() / np.sqrt(d.var(ddof=1) * (1 / n + share / (1 - share)))
    # baycomp's correlated t-test: `runs` x folds, rho = 1 / folds.
    runs = round(n * share)
    below, within, above = baycomp.CorrelatedTTest.probs(d, np.zeros(n), rope=0.01, runs=runs) if runs else (None,) * 3
    # baycomp counts from the second system: its "left" is where the first one is better.
    return {"differences": d.tolist(), "share": share, "t": f(t), "p": f(2 * stats.t.sf(abs(t), n - 1)),
            "rope": sorted([f(below), f(above)]) + [f(within)], "first_is_better": bool(d.mean() > 0)}


class Fixed:
    """An estimator whose score is given: mlxtend's F test asks for the scores of fits."""

    def __init__(self, scores):
        self.scores = iter(scores)

    def fit(self, *_):
        return self

    def get_params(self, **_):
        return {}


def five_by_two(d):
    d = np.array(d)
    first = Fixed(d.ravel())
    second = Fixed(np.zeros(10))
    x, y = np.arange(20.0).reshape(-1, 1), np.arange(20) % 2
    score = lambda est, *_: next(est.scores)
    # 2 fits and scores per half, both systems in turn; scores are what `scores` says.
    stat, p = combined_ftest_5x2cv(first, second, x, y, scoring=score, random_seed=1)
    return {"differences": d.tolist(), "f": f(stat), "p": f(p)}


def friedman(rows):
    rows = np.array(rows)
    chi, p = stats.friedmanchisquare(*rows.T)
    n, k = rows.shape
    F = (n - 1) * chi / (n * (k - 1) - chi)
    ranks = stats.rankdata(-rows, axis=1).mean(0)
    se = np.sqrt(k * (k + 1) / (6 * n))
    pairs = [[i, j, f(stats.studentized_range.sf(abs(ranks[i] - ranks[j]) / se * np.sqrt(2), k, np.inf))]
             for i in range(k) for j in range(i)]
    return {"scores": rows.tolist(), "chi": f(chi), "p_chi": f(p), "f": f(F), "p": f(stats.f.sf(F, k - 1, (k - 1) * (n - 1))),
            "mean_ranks": ranks.tolist(), "nemenyi": pairs, "cd": f(stats.studentized_range.isf(0.05, k, np.inf) / np.sqrt(2) * se)}


demsar = [
    [0.763, 0.768, 0.771, 0.798], [0.599, 0.591, 0.590, 0.569], [0.954, 0.971, 0.968, 0.967], [0.628, 0.661, 0.654, 0.657],
    [0.882, 0.888, 0.886, 0.898], [0.936, 0.931, 0.916, 0.931], [0.661, 0.668, 0.609, 0.685], [0.583, 0.583, 0.563, 0.625],
    [0.775, 0.838, 0.866, 0.875], [1.000, 1.000, 1.000, 1.000], [0.940, 0.962, 0.965, 0.962], [0.619, 0.666, 0.614, 0.669],
    [0.972, 0.981, 0.9751, 0.975], [0.957, 0.978, 0.946, 0.970],
]

table = {
    "distributions": distributions(),
    "calibration": [calibration("seven", 60, 7), calibration("two", 40, 2)],
    "scale": [scale(30, 0.8, 0.4), scale(7, -0.5, 0.1)],
    "mcnemar": [[a, b, f(mcnemar([[10, a], [b, 10]], exact=True).pvalue)]
                for a, b in [(15, 25), (25, 15), (0, 6), (3, 3), (1, 0), (0, 0), (90, 140), (1000, 1100)]],
    "permutation": [permutation(6, 3, 12, 0.1), permutation(10, 4, 9, 0.25), permutation(7, 2, 5, 0.0)],
    "wilcoxon": [wilcoxon(d) for d in (
        rng.normal(0.3, 1, 9), rng.normal(0.5, 1, 24), rng.integers(-3, 6, 11), rng.integers(-4, 6, 60), rng.normal(0.2, 1, 80),
        [a[1] - a[0] for a in demsar])],
    "corrected": [corrected(rng.normal(0.01, 0.02, 100), 0.1), corrected(rng.normal(-0.03, 0.03, 10), 0.1)],
    "five_by_two": [five_by_two(rng.normal(0.02, 0.03, (5, 2))), five_by_two(rng.normal(0.1, 0.03, (5, 2)))],
    "holm": [[p, multipletests(p, method="holm")[1].tolist()]
             for p in ([0.01, 0.04, 0.03, 0.005], [0.5, 0.9], [0.002, 0.002, 0.02], [1.0], rng.random(9).tolist())],
    "friedman": [friedman(demsar), friedman(rng.normal(size=(8, 5)) + np.arange(5) * 0.4)],
}
print(json.dumps(table))
