"""Writes resample.csv: what libsoxr's HQ setting (librosa's default) makes of a swept sine.

The input is 0.25 s at each rate: sin of a linear sweep from 100 Hz to 0.85 of the lower Nyquist frequency of both
rates, times 0.5, under a Hann window; tests/audio.rs makes the same. Every 41st sample of the output is kept.
Run: python resample.py  (needs numpy, librosa, soxr)
"""

import csv
import pathlib

import librosa
import numpy as np

TO = 22050
with open(pathlib.Path(__file__).with_name("resample.csv"), "w", newline="") as file:
    out = csv.writer(file, lineterminator="\n")
    out.writerow(["from", "to", "index", "value"])
    for rate, to in [(16000, TO), (24414, TO), (44100, TO), (48000, TO), (48000, 16000)]:
        n = rate // 4
        t = np.arange(n) / rate
        top = 0.85 * min(rate, to) / 2
        phase = 2 * np.pi * (100 * t + (top - 100) * t * t / (2 * 0.25))
        wave = 0.5 * np.sin(phase) * np.sin(np.pi * np.arange(n) / n) ** 2
        done = librosa.resample(wave, orig_sr=rate, target_sr=to, res_type="soxr_hq")
        for index in range(0, len(done), 41):
            out.writerow([rate, to, index, f"{done[index]:.7f}"])
