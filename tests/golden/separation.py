"""Writes separation.json: ANOVA F and mutual information of small columns by scikit-learn.

python tests/golden/separation.py   (scikit-learn 1.9, numpy 2)

`mi` is `mutual_info_classif(n_neighbors=3)`. Its KD tree compares squared distances, so that a neighbour exactly at the
radius may count or not by rounding; `mi_exact` is the same formula (its `_compute_mi_cd`) with distances compared as they
are. Columns with many equal values have no `mi`: scikit-learn parts them by random noise.
"""

import json
import pathlib

import numpy as np
from scipy.special import digamma
from sklearn.feature_selection import f_classif, mutual_info_classif


def exact(c, d, n_neighbors=3):
    radius, counts, k_all = np.zeros(len(c)), np.zeros(len(c)), np.zeros(len(c))
    for label in np.unique(d):
        mask = d == label
        count = mask.sum()
        if count > 1:
            k = min(n_neighbors, count - 1)
            distances = np.sort(np.abs(c[mask][:, None] - c[mask][None, :]), axis=1)
            radius[mask], k_all[mask] = distances[:, k], k
        counts[mask] = count
    keep = counts > 1
    c, radius, counts, k_all = c[keep], radius[keep], counts[keep], k_all[keep]
    m_all = (np.abs(c[:, None] - c[None, :]) < radius[:, None]).sum(axis=1)
    mi = digamma(len(c)) + digamma(k_all).mean() - digamma(counts).mean() - digamma(m_all).mean()
    return max(0.0, float(mi))


random = np.random.default_rng(7)
labels = np.concatenate([np.repeat(np.arange(5), [30, 12, 45, 3, 20]), [5]])
random.shuffle(labels)
n = len(labels)
columns = {
    "noise": random.normal(size=n),
    "apart": labels + 0.2 * random.normal(size=n),
    "shifted": 0.5 * labels + random.normal(size=n) + 1000.0,
    "spread": random.normal(size=n) * (1.0 + labels),
    "skewed": np.exp(random.normal(size=n) + 0.4 * (labels == 2)),
    "tiny": 1e-9 * (random.normal(size=n) + labels),
}
cases = []
for name, column in columns.items():
    f, _ = f_classif(column[:, None], labels)
    mi = mutual_info_classif(column[:, None], labels, n_neighbors=3, random_state=0)
    cases.append({"name": name, "values": column.tolist(), "f": float(f[0]), "mi": float(mi[0]), "mi_exact": exact(column, labels)})
tied = np.round(labels / 2 + random.normal(size=n)).astype(float)
f, _ = f_classif(tied[:, None], labels)
cases.append({"name": "tied", "values": tied.tolist(), "f": float(f[0]), "mi": None, "mi_exact": None})

out = pathlib.Path(__file__).with_suffix(".json")
out.write_text(json.dumps({"labels": labels.tolist(), "columns": cases}, indent=None) + "\n")
for case in cases:
    print(case["name"], case["f"], case["mi"], case["mi_exact"])
