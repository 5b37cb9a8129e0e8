"""Time of one Krippendorff's alpha by the pip package krippendorff, beside `cargo bench --bench statistics agreement`.

    python -P benches/krippendorff_time.py    (krippendorff 0.9; OMP_NUM_THREADS=1)

20,000 clips by 5 raters on a scale of 9, half of the ratings at random; the median of 3, no bootstrap.
"""

import statistics
import time

import krippendorff
import numpy as np

rng = np.random.default_rng(6)
truth = rng.integers(1, 10, (20_000, 1))
ratings = np.where(rng.random((20_000, 5)) < 0.5, truth, rng.integers(1, 10, (20_000, 5))).astype(float)
for level in ["nominal", "ordinal", "interval", "ratio"]:
    took = []
    for _ in range(3):
        start = time.perf_counter()
        krippendorff.alpha(ratings.T, level_of_measurement=level)
        took.append(time.perf_counter() - start)
    print(f"{level}: {statistics.median(took):.4f} s")
