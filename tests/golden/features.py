"""Makes features.json and features_pitch.json: librosa 0.11's numbers for tests/features.rs.

    python tests/golden/features.py [CORPORA]      (pip install librosa==0.11.0; CORPORA defaults to ../shared/corpora)

Signals: one made of integers, which the Rust test makes again bit by bit, and a second of real speech at each of 16,
22.05, 44.1 and 48 kHz (its numbers are kept here, its samples are not; nothing in the corpora has 22.05 kHz, so that
one is the mean of each two samples of the 44.1 kHz clip). Everything is computed in float32, as librosa does with what
it loads. Beside each table stands how far librosa in float64 is from it over all frames - `own`: the largest relative
difference, and `floor`: the value below which differences have to be taken relative to that value for librosa to agree
with itself to a quarter of the test's 1e-4. It is 0 for most; differences of neighbours (derivatives, emphasis) and
coefficients that happen to lie near 0 need it. With `--show` these are printed. (librosa's STFT is in float64 inside,
even of float32.)
"""

import json
import pathlib
import sys
import warnings

import librosa
import numpy as np
import scipy.io.wavfile

HERE = pathlib.Path(__file__).parent
#: Name, file, first sample, whether pairs of samples are averaged.
CLIPS = [
    ("16000", "emodb/wav/03a01Fa.wav", 0, False),
    ("22050", "quirks/turev_db/Angry/1157_kz_beste.wav", 0, True),
    ("44100", "quirks/turev_db/Angry/1157_kz_beste.wav", 0, False),
    ("48000", "quirks/ravdess/Actor_12/03-01-03-01-01-01-12.wav", 48000, False),
]
#: Six speakers, six emotions.
PITCH_CLIPS = [f"emodb/wav/{name}.wav" for name in ("03a02Fc", "08a05Wa", "10b03Tb", "12b02Wa", "14b10Ad", "16b10Wa")]


def synthetic():
    """0.5 s at 16 kHz: a sawtooth gliding up from 110 Hz, with an attack, noise, and a silent end; int16 arithmetic."""
    out, phase, state = [], 0, 1
    for i in range(8000):
        phase = (phase + 450560 + 40 * i) % (1 << 16 << 10)
        saw = (phase >> 10) - 32768
        state = (state * 1664525 + 1013904223) % (1 << 32)
        noise = (state >> 16) - 32768
        gain = min(i, 2000) if i < 6400 else 0
        out.append(((saw * gain) >> 12) + (noise >> 7 if i < 7200 else 0))
    return np.array(out) / 32768.0


def read(corpora, file, first, halved):
    """Rate and a second of samples, exact in float32."""
    rate, clip = scipy.io.wavfile.read(corpora / file)
    clip = clip / 32768.0
    if halved:
        clip = clip[: len(clip) // 2 * 2].reshape(-1, 2).mean(axis=1)
        rate //= 2
    return rate, clip[first : first + rate]


def table(values, exact, name, kept=lambda values: values):
    """The kept numbers, row by row, and how far float64 is from all."""
    values, exact = (np.asarray(v, dtype=float) for v in (values, exact))
    gap = np.abs(values - exact)
    own = np.max(gap / np.maximum(np.abs(exact), 1e-12))
    bar = 1e-4 / 4
    bad = gap > bar * np.abs(exact)
    floor = np.max(gap[bad]) / bar if bad.any() else 0.0
    if "--show" in sys.argv:
        share = floor / np.max(np.abs(exact))
        print(f"{name:20} {values.size:6} numbers, own {own:.1e}, floor {floor:.1e}, {share:.1e} of the largest")
    kept = kept(values).ravel()
    return {"own": float(f"{own:.1e}"), "floor": float(f"{floor:.2e}"), "values": [float(f"{v:.7g}") for v in kept]}


def spectra(y, sr, fft, win, hop):
    """All that is made of spectra: `[row, frame]`, or one number a frame."""
    spec = librosa.stft(y, n_fft=fft, hop_length=hop, win_length=win)
    magnitude = np.abs(spec)
    power = magnitude**2
    mel = librosa.feature.melspectrogram(S=power, sr=sr, n_mels=64, fmin=50, fmax=min(8000, sr / 2))
    db = librosa.power_to_db(mel)
    mfcc = librosa.feature.mfcc(S=db, n_mfcc=20)
    return {
        "power": power,
        "mel": mel,
        "htk": librosa.feature.melspectrogram(S=power, sr=sr, n_mels=40, htk=True, norm=None),
        "db": db,
        "db_max": librosa.amplitude_to_db(magnitude, ref=np.max, top_db=60),
        "mfcc": mfcc,
        "lifted": librosa.feature.mfcc(S=db, n_mfcc=20, lifter=22),
        "delta": librosa.feature.delta(db),
        "delta2": librosa.feature.delta(db, order=2),
        "delta5": librosa.feature.delta(mfcc, width=5),
        "contrast": librosa.feature.spectral_contrast(S=magnitude, sr=sr),
        "chroma": librosa.feature.chroma_stft(S=power, sr=sr),
        "chroma0": librosa.feature.chroma_stft(S=power, sr=sr, tuning=0.0),
        "tuning": np.array([librosa.estimate_tuning(S=power, sr=sr)]),
        "centroid": librosa.feature.spectral_centroid(S=magnitude, sr=sr)[0],
        "bandwidth": librosa.feature.spectral_bandwidth(S=magnitude, sr=sr)[0],
        "rolloff": librosa.feature.spectral_rolloff(S=magnitude, sr=sr)[0],
        "flatness": librosa.feature.spectral_flatness(S=magnitude)[0],
    }


def waves(y, sr, win, hop, pitch):
    """All that is made of the samples."""
    return {
        "rms": librosa.feature.rms(y=y, frame_length=win, hop_length=hop)[0],
        "zcr": librosa.feature.zero_crossing_rate(y, frame_length=win, hop_length=hop)[0],
        "trim": librosa.effects.trim(y, top_db=30, frame_length=win, hop_length=hop)[1],
        "preemphasis": librosa.effects.preemphasis(y),
        "deemphasis": librosa.effects.deemphasis(y),
        "yin": librosa.yin(y, fmin=60, fmax=600, sr=sr, frame_length=pitch, hop_length=hop),
    }


def kept(name, values):
    """Frame by frame, thinned so that the file stays small."""
    if values.ndim == 1:
        return values[:: len(values) // 100] if name.endswith("emphasis") else values
    step = max(1, values.shape[1] // 6)
    return values[::12, :: 2 * step].T if name in ("power", "db_max") else values[:, ::step].T


def measures(name, y, sr, fft, win, hop, pitch):
    """All that is compared of one signal."""

    def all_of(y):
        return {**spectra(y, sr, fft, win, hop), **waves(y, sr, win, hop, pitch)}

    single, double = all_of(y.astype(np.float32)), all_of(y)
    thin = lambda key: lambda values: kept(key, values)
    tables = {key: table(single[key], double[key], f"{name} {key}", thin(key)) for key in single}
    return {"rate": int(sr), "fft": fft, "window": win, "hop": hop, "pitch": pitch, **tables}


def pitches(corpora, file):
    """pYIN with librosa's defaults from C2 to C7."""
    rate, clip = read(corpora, file, 0, False)
    low, high = librosa.note_to_hz("C2"), librosa.note_to_hz("C7")
    hz, voiced, share = librosa.pyin(clip.astype(np.float32), fmin=low, fmax=high, sr=rate, fill_na=None)
    numbers = {"hz": hz, "voiced": voiced.astype(float), "probability": share}
    tables = {key: [float(f"{v:.7g}") for v in values] for key, values in numbers.items()}
    return {"file": file, "low": float(low), "high": float(high), **tables}


def write(name, tables):
    text = json.dumps({"librosa": librosa.__version__, **tables}, separators=(",", ":"))
    (HERE / name).write_text(text.replace('"values"', '\n"values"') + "\n")


def main():
    warnings.filterwarnings("ignore")
    paths = [argument for argument in sys.argv[1:] if argument != "--show"]
    corpora = pathlib.Path(paths[0] if paths else HERE.parents[1] / "../shared/corpora")
    signals = {"synthetic": measures("synthetic", synthetic(), 16000, 512, 400, 160, 1024)}
    for name, file, first, halved in CLIPS:
        rate, clip = read(corpora, file, first, halved)
        win, hop = round(rate * 0.025), round(rate * 0.010)
        speech = name == "16000"
        framing = (512, win, hop, 1024) if speech else (2048, 2048, 512, 2048)
        facts = {"file": file, "first": first, "halved": halved}
        signals[name] = {**facts, **measures(name, clip, rate, *framing)}
    short = librosa.feature.delta(np.array([3.0, 1.0, 4.0, 1.0, 5.0]), width=9, mode="nearest")
    write("features.json", {"signals": signals, "short_delta": table(short, short, "short delta")})
    write("features_pitch.json", {"clips": [pitches(corpora, file) for file in PITCH_CLIPS]})


if __name__ == "__main__":
    main()
