"""Makes features.json: librosa 0.11's numbers for tests/features.rs.

    python tests/golden/features.py [CORPORA]      (pip install librosa==0.11.0; CORPORA defaults to ../shared/corpora)

Two signals: one made of integers, which the Rust test makes again bit by bit, and one EmoDB clip (its numbers are kept
here, its samples are not). Everything is computed in float64, so differences are emolab's.
"""

import json
import pathlib
import sys

import librosa
import numpy as np
import scipy.io.wavfile

HERE = pathlib.Path(__file__).parent
CLIP = "emodb/wav/03a01Fa.wav"


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


def table(values, digits=9):
    """Shape and numbers, row by row."""
    values = np.asarray(values, dtype=float)
    return {"shape": list(values.shape), "values": [float(f"{v:.{digits}g}") for v in values.ravel()]}


def measures(y, sr):
    """All that is compared; frames are thinned so that the file stays small."""
    win, hop = round(sr * 0.025), round(sr * 0.010)
    fft = 1 << (win - 1).bit_length()
    spec = librosa.stft(y, n_fft=fft, hop_length=hop, win_length=win)
    power, magnitude = np.abs(spec) ** 2, np.abs(spec)
    mel = librosa.feature.melspectrogram(S=power, sr=sr, n_mels=64, fmin=50, fmax=min(8000, sr / 2))
    db = librosa.power_to_db(mel, ref=1.0, top_db=80)
    cepstral = librosa.feature.melspectrogram(S=power, sr=sr, n_mels=40, fmin=20, fmax=min(8000, sr / 2))
    cepstral = librosa.power_to_db(cepstral, ref=1.0, top_db=None)
    step = max(1, db.shape[1] // 12)
    frame = round(sr * 0.064 / 2) * 2
    return {
        "power": table(power[:, :: step * 4].T),
        "db": table(db[:, ::step].T),
        "delta": table(librosa.feature.delta(db)[:, ::step].T),
        "delta2": table(librosa.feature.delta(db, order=2)[:, ::step].T),
        "mfcc": table(librosa.feature.mfcc(S=cepstral, n_mfcc=20)[:, ::step].T),
        "rms": table(librosa.feature.rms(y=y, frame_length=win, hop_length=hop)[0]),
        "zcr": table(librosa.feature.zero_crossing_rate(y, frame_length=win, hop_length=hop)[0]),
        "centroid": table(librosa.feature.spectral_centroid(S=magnitude, sr=sr)[0]),
        "bandwidth": table(librosa.feature.spectral_bandwidth(S=magnitude, sr=sr)[0]),
        "rolloff": table(librosa.feature.spectral_rolloff(S=magnitude, sr=sr)[0]),
        "flatness": table(librosa.feature.spectral_flatness(S=magnitude)[0]),
        "yin": table(librosa.yin(y, fmin=60, fmax=600, sr=sr, frame_length=frame, hop_length=hop)),
    }


def main():
    corpora = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else HERE.parents[1] / "../shared/corpora")
    rate, clip = scipy.io.wavfile.read(corpora / CLIP)
    tables = {
        "librosa": librosa.__version__,
        "synthetic": measures(synthetic(), 16000),
        "clip": {"file": CLIP, **measures(clip / 32768.0, rate)},
        "mel": table(librosa.filters.mel(sr=22050, n_fft=1024, n_mels=64, fmin=50, fmax=8000, dtype=np.float64)[::9, :400:3]),
        "short_delta": table(librosa.feature.delta(np.array([3.0, 1.0, 4.0, 1.0, 5.0]), width=9, mode="nearest")),
    }
    (HERE / "features.json").write_text(json.dumps(tables, separators=(",", ":")).replace('"values"', '\n"values"') + "\n")


if __name__ == "__main__":
    main()
