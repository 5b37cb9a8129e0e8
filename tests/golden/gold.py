"""Makes gold.json: what crowd-kit and audpsychometric make of small tables of ratings.

    python -P tests/golden/gold.py > tests/golden/gold.json    (crowd-kit 1.4, audpsychometric 0.1)

Ratings are units x raters, codes or null. MACE is started from the weights given in `start`: crowd-kit draws them by numpy.
"""
import json
import warnings

import audpsychometric
import numpy as np
import pandas as pd
from crowdkit.aggregation import MACE, DawidSkene
from scipy.special import digamma

warnings.filterwarnings("ignore")
rng = np.random.default_rng(32)


def crowd(units, raters, classes, skills, missing):
    truth = rng.integers(0, classes, units)
    knows = rng.random((units, raters)) < np.array(skills)
    data = np.where(knows, truth[:, None], rng.integers(0, classes, (units, raters))).astype(float)
    holes = rng.random(data.shape) < missing
    holes[np.arange(units), rng.integers(0, raters, units)] = False
    holes[0] = False
    data[holes] = np.nan
    # crowd-kit's MACE takes raters and classes in order of appearance here and sorted there: both must be one order.
    seen = pd.unique(data[~np.isnan(data)])
    return pd.DataFrame(data).replace({old: new for new, old in enumerate(seen)}).to_numpy()


def nominal(name, data):
    rows = [(u, r, int(data[u, r])) for u in range(data.shape[0]) for r in range(data.shape[1]) if not np.isnan(data[u, r])]
    frame = pd.DataFrame(rows, columns=["task", "worker", "label"])
    ds = DawidSkene().fit(frame)
    raters, classes = sorted(frame.worker.unique()), sorted(frame.label.unique())
    mace = MACE(n_restarts=1)
    mace._initialize(len(raters), len(classes))
    _, workers = pd.factorize(frame.worker)
    _, labels = pd.factorize(frame.label)
    by_rater, by_label = np.argsort(workers), np.argsort(labels)
    start = {"guesses": mace.spamming_[by_rater].tolist(), "habits": mace.thetas_[by_rater][:, by_label].tolist()}
    mace.fit(frame)
    return {
        "name": name, "classes": int(max(classes)) + 1,
        "ratings": [[None if np.isnan(v) else int(v) for v in row] for row in data],
        "dawid_skene": ds.probas_.sort_index()[classes].to_numpy().tolist(),
        "start": start, "mace": mace.probas_.sort_index()[classes].to_numpy().tolist(),
        "knowing": mace.spamming_[by_rater].tolist(),
    }


def scale(name, units, raters, noise):
    data = np.clip(np.round(rng.uniform(1, 9, (units, 1)) + rng.normal(0, 1, (units, raters)) * np.array(noise)), 1, 9)
    return {"name": name, "ratings": data.astype(int).tolist(),
            "ewe": audpsychometric.evaluator_weighted_estimator(data).tolist(),
            "raters": audpsychometric.rater_agreement(data).tolist()}


print(json.dumps({
    "digamma": [[x, float(digamma(x))] for x in [0.01, 0.5, 1.0, 3.7, 9.99, 10.0, 55.5, 1e6]],
    "nominal": [
        nominal("three, two classes", crowd(20, 3, 2, [0.9, 0.7, 0.3], 0.0)),
        nominal("five, holes", crowd(30, 5, 4, [0.9, 0.8, 0.6, 0.5, 0.0], 0.4)),
        nominal("many classes", crowd(40, 4, 7, [0.8, 0.7, 0.7, 0.2], 0.1)),
    ],
    "scale": [scale("four", 20, 4, [0.5, 1.0, 1.5, 3.0]), scale("two", 10, 2, [1.0, 1.0])],
}, separators=(",", ":")))
