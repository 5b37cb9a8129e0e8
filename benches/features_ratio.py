"""Our features beside librosa, torchaudio and openSMILE, driven in turn in one run, one thread each, in memory.

    cargo bench --bench features --no-run       # prints the path of the executable; or: just bench-features
    python benches/features_ratio.py PATH-OF-EXECUTABLE [ROUNDS]

Needs librosa 0.11, soundfile; for MFCC torch and torchaudio, for eGeMAPS and ComParE opensmile 2.6 (what is not there
is named and left out, as is a feature set that the executable does not have). EMOLAB_CORPORA is the folder of the
recordings (default ../shared/corpora). The signals are EmoDB clips put end to end and cut to 3 s.

Each round computes one signal here and there, in turn; a line tells the medians, the ratio of the medians and of the
minima, and the lowest ratio of any round. The machine may be noisy: the ratios count, not the milliseconds.
"""
import os

for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS", "RAYON_NUM_THREADS"):
    os.environ[name] = "1"

import pathlib, statistics, subprocess, sys, tempfile, time, warnings

import librosa
import numpy as np
import soundfile

HERE = pathlib.Path(__file__).resolve().parent
CORPORA = pathlib.Path(os.environ.get("EMOLAB_CORPORA", HERE / "../../shared/corpora"))
SIGNALS = 8


class Worker:
    """The executable, which answers `SET N` with milliseconds."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, what):
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        return None if answer == "absent" else float(answer)


def signals(folder):
    """Files of 3 s at 16 kHz, then the same at 22.05 kHz, and their samples."""
    clips = sorted((CORPORA / "emodb/wav").glob("*.wav"))
    clips = clips[:: len(clips) // (2 * SIGNALS)]
    paths = []
    for rate in (16000, 22050):
        for i in range(SIGNALS):
            wave = np.concatenate([soundfile.read(clip, dtype="float32")[0] for clip in clips[2 * i : 2 * i + 2]])
            wave = librosa.resample(np.resize(wave, 3 * 16000), orig_sr=16000, target_sr=rate)
            paths.append(os.path.join(folder, f"{rate}-{i}.wav"))
            soundfile.write(paths[-1], wave, rate, subtype="PCM_16")
    return paths, [soundfile.read(path, dtype="float32")[0] for path in paths]


def logmel(rate):
    """The same work as the set `logmel`."""
    window, hop = round(rate * 0.025), round(rate * 0.010)
    fft = 1 << (window - 1).bit_length()

    def work(y):
        y = y * (0.1 / np.sqrt(np.mean(np.square(y, dtype=np.float64)))).astype(np.float32)
        mel = librosa.feature.melspectrogram(
            y=y, sr=rate, n_fft=fft, hop_length=hop, win_length=window, n_mels=64, fmin=50, fmax=8000
        )
        db = librosa.power_to_db(mel)
        return np.stack([db, librosa.feature.delta(db), librosa.feature.delta(db, order=2)])

    return work


def pyin(rate):
    low, high = librosa.note_to_hz("C2"), librosa.note_to_hz("C7")
    return lambda y: librosa.pyin(y, fmin=low, fmax=high, sr=rate)


def torch_mfcc(rate):
    """The coefficients alone, in the framing and with the bands of the set `mfcc`."""
    import torch

    # On the processor it does not matter that the two were built for different CUDA versions; torchaudio would refuse.
    torch.version.cuda = None
    import torchaudio

    torch.set_num_threads(1)
    window, hop = round(rate * 0.025), round(rate * 0.010)
    fft = 1 << (window - 1).bit_length()
    mel = {"n_fft": fft, "win_length": window, "hop_length": hop, "n_mels": 64, "f_min": 20.0, "f_max": 8000.0}
    transform = torchaudio.transforms.MFCC(sample_rate=rate, n_mfcc=40, melkwargs=mel)

    def work(y):
        with torch.inference_mode():
            return transform(torch.from_numpy(y))

    return work


def smile(name):
    def make(rate):
        import opensmile

        extractor = opensmile.Smile(opensmile.FeatureSet[name], opensmile.FeatureLevel.Functionals)
        return lambda y: extractor.process_signal(y, rate)

    return make


#: Work, our set, rate, the peer's name and maker, the bar, share of the rounds.
WORKS = [
    ("log-mel-64 + deltas", "logmel", 22050, "librosa", logmel, 8, 1.0),
    ("log-mel-64 + deltas", "logmel", 16000, "librosa", logmel, 8, 1.0),
    ("MFCC-40", "cepstrum", 16000, "torchaudio", torch_mfcc, 3, 1.0),
    ("MFCC-40, deltas, moments", "mfcc", 16000, "torchaudio MFCC-40 alone", torch_mfcc, 3, 1.0),
    ("pYIN", "pyin", 22050, "librosa", pyin, 10, 0.2),
    ("pYIN", "pyin", 16000, "librosa", pyin, 10, 0.2),
    ("eGeMAPS 88", "egemaps", 16000, "openSMILE eGeMAPSv02", smile("eGeMAPSv02"), 5, 0.4),
    ("rich", "rich", 16000, "openSMILE ComParE_2016", smile("ComParE_2016"), 5, 0.4),
]


def beside(worker, work, waves, rounds):
    """Prints how long both take in turn."""
    title, ours, rate, peer, make, bar, share = work
    first = SIGNALS if rate == 22050 else 0
    if worker.ask(f"{ours} {first}") is None:
        return print(f"{title}: the executable has no set `{ours}`", flush=True)
    try:
        theirs = make(rate)
    except (ImportError, OSError, RuntimeError) as error:
        return print(f"{title}: no peer, {error}", flush=True)
    times, warm = [], 3
    for i in range(warm + max(5, round(rounds * share))):
        which = first + i % SIGNALS
        mine = worker.ask(f"{ours} {which}")
        start = time.perf_counter()
        theirs(waves[which])
        times.append((mine, 1e3 * (time.perf_counter() - start)))
    times = times[warm:]
    mine, other = zip(*times)
    medians = statistics.median(mine), statistics.median(other)
    print(
        f"{title} at {rate} Hz, {len(times)} rounds: emolab {medians[0]:.3f} ms, {peer} {medians[1]:.3f} ms; "
        f"{medians[1] / medians[0]:.1f} x by medians, {min(other) / min(mine):.1f} x by minima, "
        f"lowest of a round {min(b / a for a, b in times):.1f} x; bar {bar} x",
        flush=True,
    )


def main():
    warnings.filterwarnings("ignore")
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 100
    with tempfile.TemporaryDirectory() as folder:
        paths, waves = signals(folder)
        worker = Worker([sys.argv[1], "--worker", *paths])
        for work in WORKS:
            beside(worker, work, waves, rounds)
        worker.process.stdin.close()
        worker.process.wait()


if __name__ == "__main__":
    main()
