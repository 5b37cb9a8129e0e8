"""The peer of benches/features.rs: librosa's log-mel-64 with both deltas on 3 s at 22,050 Hz, one thread, in memory.

    OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 python tests/golden/bench_librosa.py
"""

import statistics
import time

import librosa
import numpy as np

RATE, WINDOW, HOP, FFT = 22050, 551, 221, 1024


def clip():
    """A gliding sawtooth in noise, like the Rust side's."""
    t = np.arange(3 * RATE) / RATE
    noise = np.random.default_rng(1).uniform(-0.01, 0.01, len(t))
    return (0.3 * ((120 * t + 20 * t * t) % 1 - 0.5) + noise).astype(np.float32)


def logmel(y):
    """The same work as the set `logmel`."""
    y = y * (0.1 / np.sqrt(np.mean(np.square(y, dtype=np.float64)))).astype(np.float32)
    mel = librosa.feature.melspectrogram(
        y=y, sr=RATE, n_fft=FFT, hop_length=HOP, win_length=WINDOW, n_mels=64, fmin=50, fmax=8000
    )
    db = librosa.power_to_db(mel)
    return np.stack([db, librosa.feature.delta(db), librosa.feature.delta(db, order=2)])


def yin(y):
    """The same pitch search as the set `functionals`, without its voicing rule."""
    return librosa.yin(y, fmin=60, fmax=600, sr=RATE, frame_length=1412, hop_length=HOP)


def main():
    y = clip()
    for work in (logmel, yin):
        work(y)
        times = []
        for _ in range(100):
            start = time.perf_counter()
            work(y)
            times.append(1000 * (time.perf_counter() - start))
        print(f"{work.__name__}: median {statistics.median(times):.3f} ms, fastest {min(times):.3f} ms")


if __name__ == "__main__":
    main()
