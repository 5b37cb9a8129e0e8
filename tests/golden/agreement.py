"""Makes agreement.json: what the field's own libraries say of small tables of ratings.

    python -P tests/golden/agreement.py > tests/golden/agreement.json
    (krippendorff 0.9, irrCAC 0.4, pingouin 0.6, audmetric 1.4, audpsychometric 0.1, scikit-learn 1.9, statsmodels 0.14)

Published examples: `krippendorff 2011` (Computing Krippendorff's Alpha-Reliability: alpha .743 nominal, .815 ordinal, .849 interval,
.797 ratio; the same table is Gwet's, Handbook of Inter-Rater Reliability 2014, irrCAC's raw_4raters: AC1 .775, Fleiss .761) and
`shrout fleiss 1979` (ICC(1,1) .17, ICC(2,1) .29, ICC(2,4) .62, ICC(3,4) .91). A rating is the place of its value; null is none.
"""
import itertools
import json
import warnings

import audmetric
import audpsychometric
import krippendorff
import numpy as np
import pandas as pd
import pingouin
import statsmodels.api as sm
from irrCAC.raw import CAC
from sklearn.metrics import cohen_kappa_score
from statsmodels.formula.api import ols
from statsmodels.stats.inter_rater import fleiss_kappa

warnings.filterwarnings("ignore")
rng = np.random.default_rng(31)


def cac(data, values, weights, what):
    frame = pd.DataFrame(data)
    frame = frame[frame.notna().any(axis=1)]
    one = CAC(frame, weights=weights, categories=list(values), digits=15)
    return getattr(one, what)()["est"]


def pairs(data, of):
    found = []
    for a, b in itertools.combinations(range(data.shape[1]), 2):
        both = ~np.isnan(data[:, a]) & ~np.isnan(data[:, b])
        if both.any():
            found.append(of(data[both, a], data[both, b]))
    found = [value for value in found if np.isfinite(value)]
    return float(np.mean(found)) if found else None


def nominal(data, values):
    places = {v: i for i, v in enumerate(values)}
    index = lambda x: [places[v] for v in x]
    gwet = cac(data, values, "identity", "gwet")
    return {
        "percent": gwet["pa"],
        "kappa": pairs(data, lambda a, b: cohen_kappa_score(index(a), index(b), labels=list(range(len(values))))),
        "fleiss": cac(data, values, "identity", "fleiss")["coefficient_value"],
        "alpha": krippendorff.alpha(data.T, value_domain=list(values), level_of_measurement="nominal"),
        "ac1": gwet["coefficient_value"],
    }


def complete(data):
    return data[~np.isnan(data).any(axis=1)]


def scale(data, values, even):
    alpha = lambda level: float(krippendorff.alpha(data.T, value_domain=list(values), level_of_measurement=level))
    out = {"alpha_ordinal": alpha("ordinal"), "alpha_interval": alpha("interval"), "alpha_ratio": alpha("ratio"),
           "ac2_linear": cac(data, values, "linear", "gwet")["coefficient_value"],
           "ac2": cac(data, values, "quadratic", "gwet")["coefficient_value"],
           "ccc": pairs(data, audmetric.concordance_cc)}
    if even:  # scikit-learn weighs by place, we by value
        kappa = lambda weights: pairs(
            data, lambda a, b: cohen_kappa_score(a.astype(int), b.astype(int), labels=np.array(values, int), weights=weights))
        out |= {"kappa_linear": kappa("linear"), "kappa_quadratic": kappa("quadratic")}
    full = complete(data)
    if len(full) > 2:
        n, k = full.shape
        long = pd.DataFrame([(u, r, full[u, r]) for u in range(n) for r in range(k)], columns=["unit", "rater", "value"])
        table = sm.stats.anova_lm(ols("value ~ C(unit) + C(rater)", long).fit())
        msr, msc, mse = table["mean_sq"].iloc[:3]
        # pingouin rounds nothing but in its printed table; checked here against the mean squares of statsmodels.
        icc = pingouin.intraclass_corr(long, targets="unit", raters="rater", ratings="value").set_index("Type")["ICC"]
        key = lambda *names: float(next(icc[name] for name in names if name in icc.index))
        out |= {"icc1": key("ICC1", "ICC(1,1)"), "icc2_1": key("ICC2", "ICC(A,1)"), "icc2_k": key("ICC2k", "ICC(A,k)"),
                "cronbach": float(audpsychometric.cronbachs_alpha(full)[0])}
        assert abs(out["icc2_1"] - (msr - mse) / (msr + (k - 1) * mse + k * (msc - mse) / n)) < 1e-9
        assert abs(out["cronbach"] - pingouin.cronbach_alpha(pd.DataFrame(full))[0]) < 1e-9
    return out


def case(name, data, values, is_scale, even=True):
    data = np.asarray(data, float)
    want = nominal(data, values)
    if is_scale:
        want |= scale(data, values, even)
    if not np.isnan(data).any():
        counts = np.array([[(row == v).sum() for v in values] for row in data])
        assert abs(fleiss_kappa(counts) - want["fleiss"]) < 1e-9
    places = {v: i for i, v in enumerate(values)}
    rows = [[None if np.isnan(v) else places[v] for v in row] for row in data]
    want = {key: (None if value is None or not np.isfinite(value) else float(value)) for key, value in want.items()}
    return {"name": name, "values": [float(v) for v in values], "ratings": rows, "want": want}


def heard(units, raters, classes, right, missing=0.0):
    truth = rng.integers(0, classes, units)
    data = np.where(rng.random((units, raters)) < right, truth[:, None], rng.integers(0, classes, (units, raters))).astype(float)
    data[rng.random(data.shape) < missing] = np.nan
    return data


def felt(units, raters, points, noise, missing=0.0):
    truth = rng.uniform(1, points, units)
    bias = rng.normal(0, 0.6, raters)
    data = np.clip(np.round(truth[:, None] + bias + rng.normal(0, noise, (units, raters))), 1, points)
    data[rng.random(data.shape) < missing] = np.nan
    return data


def main():
    n = np.nan
    published = np.array([
        [1, 2, 3, 3, 2, 1, 4, 1, 2, n, n, n], [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, n, 3],
        [n, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, n], [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, n]]).T
    shrout = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]])
    real = np.round(rng.normal(0, 1, (15, 1)) + rng.normal(0, 0.5, (15, 3)), 2)
    cases = [
        case("krippendorff 2011", published, range(1, 6), True),
        case("shrout fleiss 1979", shrout, range(1, 11), True),
        case("two raters", heard(40, 2, 4, 0.6), range(4), False),
        case("three raters", heard(30, 3, 7, 0.7), range(7), False),
        case("one class rare", np.where(rng.random((50, 3)) < 0.05, 1.0, 0.0), range(2), False),
        case("five raters, holes", heard(40, 5, 6, 0.5, 0.4), range(6), False),
        case("chance", heard(60, 4, 3, 0.0), range(3), False),
        case("scale", felt(30, 4, 9, 1.2), range(1, 10), True),
        case("scale, holes", felt(40, 5, 5, 0.8, 0.3), range(1, 6), True),
        case("real values", real, sorted(set(real.ravel())), True, even=False),
    ]
    for one in cases:
        if one["name"] == "real values":
            one["want"].pop("alpha_ratio")  # not for values below zero
    print(json.dumps(cases, separators=(",", ":")))


main()
