"""Makes report.json: classification reports of scikit-learn, as text and as a dictionary.

    python tests/golden/report.py > tests/golden/report.json      (scikit-learn 1.x, numpy)
"""
import json

import numpy as np
from sklearn.metrics import classification_report


def case(name, classes, truth, pred):
    how = dict(labels=list(range(len(classes))), target_names=classes, digits=2, zero_division=0)
    ints = lambda values: [int(v) for v in values]
    return {
        "name": name,
        "classes": classes,
        "truth": ints(truth),
        "pred": ints(pred),
        "text": classification_report(truth, pred, **how),
        "dict": classification_report(truth, pred, output_dict=True, **how),
    }


rng = np.random.default_rng(3)
truth = rng.integers(0, 3, 40)
pred = np.where(rng.random(40) < 0.6, truth, rng.integers(0, 3, 40))
thirty = rng.permutation(np.arange(90) % 30)
cases = [
    case("three", ["anger", "fear", "joy"], truth, pred),
    case("short names", ["a", "b", "c"], truth, pred),
    case("long names", ["male surprised unpleasantly", "größer als", "x"], truth, pred),
    case("a name as long as the averages", ["weighted-avg", "b", "c"], truth, pred),
    case("thirty", [f"class {k}" for k in range(30)], thirty, np.where(np.arange(90) % 4, thirty, 7)),
    case("never predicted", ["a", "b", "c"], [0, 0, 1, 1, 2, 2], [0, 0, 1, 0, 1, 1]),
]
print(json.dumps(cases, ensure_ascii=False))
