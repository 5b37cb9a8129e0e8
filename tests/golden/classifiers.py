"""Golden table of classical classifiers: what scikit-learn's decide on a little data, as classifiers.json.

    python tests/golden/classifiers.py > tests/golden/classifiers.json

`narrow` has more clips than columns, `wide` has fewer; classes are unequal, and a column of `wide` is the same in all
clips of a class. Tolerances of iterative solvers are far below those of the tests.
"""
import json
import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC


def case(clips, columns, seed):
    random = np.random.default_rng(seed)
    labels = np.sort(random.choice(3, clips, p=[0.5, 0.3, 0.2]))
    labels[:2], labels[-2:] = 0, 2
    labels = random.permutation(labels)
    def rows(labels):
        x = random.normal(size=(len(labels), columns)) * (1 + np.arange(columns) % 3)
        x[:, :3] += 1.2 * np.eye(3)[labels]
        return np.round(x, 4)
    x, asked = rows(labels), rows(np.arange(8) % 3)
    if columns > clips:
        x[labels == 1, 4] = 0.25
    both = dict(class_weight="balanced")
    svm = SVC(C=2, gamma=0.05, tol=1e-8, decision_function_shape="ovo", **both).fit(x, labels)
    lda = {name: LinearDiscriminantAnalysis(solver="lsqr", shrinkage=how, priors=[1 / 3] * 3).fit(x, labels)
           for name, how in (("lda", "auto"), ("lda_0.2", 0.2))}
    ridge = RidgeClassifier(alpha=3, **both).fit(x, labels)
    # Rows of rare classes weigh round(largest / count), as in shares::times.
    times = np.round(np.bincount(labels).max() / np.bincount(labels))[labels]
    logistic = LogisticRegression(C=0.5, tol=1e-10, max_iter=10_000).fit(x, labels, sample_weight=times)
    bayes = GaussianNB(var_smoothing=1e-3).fit(x, labels)
    knn = KNeighborsClassifier(4).fit(x, labels)
    table = lambda values: np.round(values, 7).tolist()
    return dict(rows=x.tolist(), labels=labels.tolist(), asked=asked.tolist(), svm=table(svm.decision_function(asked)),
                ridge=table(ridge.decision_function(asked)), logistic=table(logistic.predict_proba(asked)),
                naive_bayes=table(bayes.predict_proba(asked)), knn=table(knn.predict_proba(asked)),
                **{name: table(model.predict_proba(asked)) for name, model in lda.items()})


print(json.dumps(dict(narrow=case(60, 6, 1), wide=case(24, 40, 2)), separators=(",", ":")))
