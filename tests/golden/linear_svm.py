"""Objective and plane of scikit-learn's LinearSVC for the test in src/learn/linear_svm.rs: prints what stands there.

Run: python linear_svm.py (scikit-learn 1.7 or later). The data come from the same integer arithmetic on both sides.
"""
import numpy as np
from sklearn.svm import LinearSVC

ROWS, COLUMNS, C, ONE = 40, 5, 0.3, 2.0


def data():
    state, x = 1, np.zeros((ROWS, COLUMNS))
    y = np.array([1.0 if row % 5 < 2 else -1.0 for row in range(ROWS)])
    for row in range(ROWS):
        for column in range(COLUMNS):
            state = (state * 1_664_525 + 1_013_904_223) % 2**32
            x[row, column] = (state >> 16) / 32_768.0 - 1.0 + (0.6 * y[row] if column < 2 else 0.0)
    return x, y


x, y = data()
machine = LinearSVC(C=C, loss="squared_hinge", dual=True, intercept_scaling=ONE, class_weight="balanced", tol=1e-10, max_iter=10**6)
machine.fit(x, y)
w, b = machine.coef_[0], machine.intercept_[0]
price = np.where(y > 0, C * ROWS / (2 * (y > 0).sum()), C * ROWS / (2 * (y < 0).sum()))
loss = price * np.maximum(0.0, 1.0 - y * (x @ w + b)) ** 2
print("objective", (w @ w + (b / ONE) ** 2) / 2 + loss.sum())
print("slopes", *w, "offset", b)
