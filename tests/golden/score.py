"""Makes score.json: predictions with the scores and reports that scikit-learn gives them.

    python tests/golden/score.py > tests/golden/score.json      (scikit-learn 1.x, numpy)
"""
import json

import numpy as np
from sklearn import metrics


def case(name, names, truth, pred):
    labels = list(range(len(names)))
    per = metrics.precision_recall_fscore_support(truth, pred, labels=labels, zero_division=np.nan)
    none = lambda values: [None if np.isnan(v) else float(v) for v in values]
    return {
        "name": name,
        "classes": names,
        "truth": [int(v) for v in truth],
        "pred": [int(v) for v in pred],
        "confusion": metrics.confusion_matrix(truth, pred, labels=labels).tolist(),
        "uar": metrics.balanced_accuracy_score(truth, pred),
        "wa": metrics.accuracy_score(truth, pred),
        "macro_f1": metrics.f1_score(truth, pred, average="macro"),
        "weighted_f1": metrics.f1_score(truth, pred, average="weighted"),
        "mcc": metrics.matthews_corrcoef(truth, pred),
        "kappa": metrics.cohen_kappa_score(truth, pred),
        "precision": none(per[0]),
        "recall": none(per[1]),
        "support": per[3].tolist(),
        "report": metrics.classification_report(truth, pred, labels=labels, target_names=names, digits=2, zero_division=0),
    }


def noisy(rng, n, k, right):
    truth = np.concatenate([np.arange(k), rng.integers(0, k, n - k)])
    pred = np.where(rng.random(n) < right, truth, rng.integers(0, k, n))
    pred[:k] = truth[:k]
    return truth, pred


rng = np.random.default_rng(7)
seven = ["anger", "boredom", "disgust", "fear", "happiness", "neutral", "sadness"]
cases = [
    case("seven", seven, *noisy(rng, 535, 7, 0.7)),
    case("two", ["female", "male"], *noisy(rng, 40, 2, 0.9)),
    case("long names", ["female surprised pleasantly", "male surprised unpleasantly", "größer"], *noisy(rng, 61, 3, 0.5)),
    # Eighths: the second digit is a tie, which both round half to even.
    case("eighths", ["a", "b"], [0] * 8 + [1] * 8, [0] * 5 + [1] * 3 + [1] * 7 + [0]),
    case("thousands", ["a", "b", "c"], *noisy(rng, 4000, 3, 0.4)),
    case("never predicted", ["a", "b", "c"], [0, 0, 1, 1, 2, 2], [0, 0, 1, 0, 1, 1]),
]
print(json.dumps(cases, indent=None, ensure_ascii=False))
