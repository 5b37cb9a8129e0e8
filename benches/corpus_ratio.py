"""Whole corpus from disk to cached matrix: emolab beside opensmile-python, two threads or workers each, in turn.

    python benches/corpus_ratio.py target/release/emolab CORPUS SET [ROUNDS]

Every round starts emolab with an empty cache and writes the matrix as .npy; the scan of the corpus, which decodes every
file once more, is part of its time. openSMILE reads the same files with two worker processes and the matrix is written
with numpy; importing the library and starting workers is not counted, nor is starting Python. The files are in the
system's cache for both (a first round is thrown away). Prints each round and the median of the ratios.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import opensmile


def emolab(exe: str, corpus: Path, feature_set: str) -> float:
    with tempfile.TemporaryDirectory() as home:
        command = [exe, "features", str(corpus), "--set", feature_set, "--out", f"{home}/out", "--rate", "16000", "-q"]
        environment = dict(os.environ, EMOLAB_CACHE=f"{home}/cache", RAYON_NUM_THREADS="2")
        start = time.perf_counter()
        subprocess.run(command, env=environment, check=True, stderr=subprocess.DEVNULL)
        took = time.perf_counter() - start
        rows = np.load(next(Path(home, "out").glob("*.npy")), mmap_mode="r").shape[0]
    assert rows > 0
    return took


def smile(extractor: opensmile.Smile, files: list[str]) -> float:
    with tempfile.TemporaryDirectory() as home:
        start = time.perf_counter()
        table = extractor.process_files(files)
        np.save(f"{home}/matrix.npy", table.to_numpy(dtype=np.float32))
        took = time.perf_counter() - start
    assert len(table) == len(files)
    return took


def main() -> None:
    exe, corpus, feature_set = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    rounds = int(sys.argv[4]) if len(sys.argv) > 4 else 5
    files = sorted(str(path) for path in corpus.rglob("*.wav"))
    kind = "ComParE_2016" if feature_set == "rich" else "eGeMAPSv02"
    extractor = opensmile.Smile(
        feature_set=opensmile.FeatureSet[kind],
        feature_level=opensmile.FeatureLevel.Functionals,
        num_workers=2,
        multiprocessing=True,
    )
    print(f"{len(files)} files; emolab {feature_set} beside openSMILE {kind}, two workers each")
    ratios = []
    for number in range(rounds + 1):
        ours, theirs = emolab(exe, corpus, feature_set), smile(extractor, files)
        if number == 0:
            continue
        ratios.append(theirs / ours)
        print(f"round {number}: emolab {ours:.2f} s, openSMILE {theirs:.2f} s, ratio {theirs / ours:.1f}", flush=True)
    print(f"median ratio {statistics.median(ratios):.1f} (lowest {min(ratios):.1f}, highest {max(ratios):.1f})")


if __name__ == "__main__":
    main()
