"""scikit-learn's tree and gradient boosting on made data, for tests/trees.rs: writes trees.json beside this file.

Run: python trees.py (scikit-learn 1.9). Where two cuts are equally good the seed decides on both sides, so the data and the
least size of a leaf are such that there is no tie, which is checked in exact arithmetic before anything is written.
"""
import json
from fractions import Fraction
from pathlib import Path

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import log_loss
from sklearn.tree import DecisionTreeClassifier

ROUNDS = [1, 2, 5, 10, 20, 40]
WEIGHTS = {}


def data(seed, classes):
    """Rows in multiples of 1/256, exact in single precision; class 0 is twice as common as the others."""
    rng = np.random.default_rng(seed)
    y = np.minimum(rng.integers(-1, classes, 150), classes - 1).clip(0)
    x = rng.normal(size=(150, 5)) + 1.2 * np.eye(classes, 5)[y]
    return np.round(x * 256) / 256, y


def tied(x, y, leaf):
    """True when another cut of these rows is, in exact arithmetic, as good as the best."""
    classes, (rows, columns) = sorted(set(y)), x.shape
    worths = []
    for column in range(columns):
        order = np.argsort(x[:, column])
        for at in range(leaf, rows - leaf + 1):
            if x[order[at - 1], column] < x[order[at], column]:
                sides = [[WEIGHTS[c] * int((y[side] == c).sum()) for c in classes] for side in (order[:at], order[at:])]
                worths.append(sum(sum(w * w for w in side) / sum(side) for side in sides))
    worths.sort()
    return len(worths) > 1 and worths[-1] == worths[-2]


def tree(x, y, ask, **how):
    fit = DecisionTreeClassifier(class_weight="balanced", random_state=0, **how).fit(x, y)
    WEIGHTS.update({c: Fraction(len(y), int((y == c).sum())) for c in set(y)})
    paths = fit.decision_path(x).toarray().T.astype(bool)
    asks = [rows for node, rows in enumerate(paths) if fit.tree_.feature[node] >= 0]
    assert not any(tied(x[rows], y[rows], how["min_samples_leaf"]) for rows in asks), "a tie decides"
    return {"shares": fit.predict_proba(ask).tolist(), **how}


def boosting(x, y, ask, **how):
    fit = HistGradientBoostingClassifier(class_weight="balanced", early_stopping=False, max_iter=ROUNDS[-1], **how).fit(x, y)
    weights = len(y) / (len(set(y)) * np.bincount(y))[y]
    staged = list(fit.staged_predict_proba(x))
    losses = [log_loss(y, staged[rounds - 1], sample_weight=weights) for rounds in ROUNDS]
    return {"losses": losses, "shares": fit.predict_proba(ask).tolist(), **how}


def case(seed, classes):
    (x, y), (ask, _) = data(seed, classes), data(seed + 1, classes)
    ask = ask[:40]
    return {
        "rows": x.tolist(),
        "labels": y.tolist(),
        "ask": ask.tolist(),
        "tree": tree(x, y, ask, min_samples_leaf=9, max_depth=5),
        "boosting": boosting(x, y, ask, min_samples_leaf=7, max_leaf_nodes=6, l2_regularization=0.5, learning_rate=0.2),
    }


cases = {"rounds": ROUNDS, "three": case(24, 3), "two": case(16, 2)}
Path(__file__).with_suffix(".json").write_text(json.dumps(cases))
