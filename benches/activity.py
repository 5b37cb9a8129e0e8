#!/usr/bin/env python3
"""Voice activity of `emolab segment` beside webrtcvad and librosa, on recordings of which the truth is known.

  python benches/activity.py EMODB_WAV_FOLDER target/release/emolab [--speakers test|dev]

Clips of EmoDB are put one after the other with 0.3 to 3 s of silence between them, and room noise (noise whose power falls by
6 dB an octave above 100 Hz, or white) is laid over all of it, so many decibels below the speech. What is speech is told by the clean clips:
10 ms frames within 35 dB of the clip's loudest, gaps under 200 ms closed, bursts under 50 ms dropped. Parameters were chosen on speakers
03 08 09 10 11; the others judge. Needs numpy, scipy, soundfile, librosa, webrtcvad-wheels.
"""
import argparse, json, pathlib, subprocess, sys, tempfile
import numpy as np, soundfile
from scipy.signal import lfilter

RATE, FRAME = 16000, 160
DEV = {"03", "08", "09", "10", "11"}


def levels(samples):
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
    return 10 * np.log10((frames**2).mean(1) + 1e-12)


def runs(active):
    edges = np.flatnonzero(np.diff(np.concatenate([[0], active.astype(int), [0]])))
    return list(zip(edges[::2], edges[1::2]))


def closed(active, gap, least):
    active = active.copy()
    for start, end in runs(~active):
        if start > 0 and end < len(active) and end - start < gap:
            active[start:end] = True
    for start, end in runs(active):
        if end - start < least:
            active[start:end] = False
    return active


def recording(files, snr, colour, seed):
    rng = np.random.default_rng(seed)
    sound, truth = [], []
    for file in files:
        samples, rate = soundfile.read(file)
        assert rate == RATE
        samples = samples[: len(samples) // FRAME * FRAME]
        level = levels(samples)
        gap = int(rng.uniform(0.3, 3.0) * RATE) // FRAME
        sound += [np.zeros(gap * FRAME), samples]
        truth += [np.zeros(gap, bool), closed(level > level.max() - 35, 20, 5)]
    sound, truth = np.concatenate(sound), np.concatenate(truth)
    noise = rng.standard_normal(len(sound))
    if colour == "room":
        noise = lfilter([1.0], [1.0, -np.exp(-2 * np.pi * 100 / RATE)], noise)
    speech = (sound.reshape(-1, FRAME)[truth] ** 2).mean()
    return sound + noise * np.sqrt(speech / 10 ** (snr / 10) / (noise**2).mean()), truth


def emolab(binary, file, frames, options=()):
    home = tempfile.mkdtemp()
    command = [binary, "segment", str(file.parent), "--all", "--dry-run", "--json", "-q", "--min-silence", "0.2",
               "--min-speech", "0.05", "--pad", "0", "--store", home + "/x.db", "--cache", home, *options]
    said = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    active = np.zeros(frames, bool)
    for part in next(one for one in said if one["file"] == file.name)["segments"]:
        active[round(part["start"] * 100): round(part["end"] * 100)] = True
    return active


def webrtc(samples, mode):
    import webrtcvad
    vad, pcm = webrtcvad.Vad(mode), (np.clip(samples, -1, 1) * 32767).astype("<i2")
    said = [vad.is_speech(pcm[at:at + FRAME].tobytes(), RATE) for at in range(0, len(pcm) - FRAME + 1, FRAME)]
    return closed(np.array(said), 20, 5)


def librosa_split(samples, frames, top):
    import librosa
    active = np.zeros(frames, bool)
    for start, end in librosa.effects.split(samples, top_db=top, frame_length=480, hop_length=FRAME):
        active[start // FRAME: -(-end // FRAME)] = True
    return closed(active, 20, 5)


def score(truth, active):
    n = min(len(truth), len(active))
    truth, active = truth[:n], active[:n]
    miss, alarm = (truth & ~active).sum() / truth.sum(), (~truth & active).sum() / (~truth).sum()
    edges = np.flatnonzero(np.diff(active.astype(int)))
    wanted = np.flatnonzero(np.diff(truth.astype(int)))
    off = np.array([10.0 * np.abs(edges - at).min() for at in wanted]) if len(edges) else np.array([np.inf])
    return 100 * miss, 100 * alarm, np.median(off), np.percentile(off, 90)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("corpus", type=pathlib.Path)
    parser.add_argument("emolab")
    parser.add_argument("--speakers", default="test")
    parser.add_argument("--options", default="", help="more for emolab segment, such as --options='--threshold 6'")
    asked = parser.parse_args()
    files = [f for f in sorted(asked.corpus.glob("*.wav")) if (f.name[:2] in DEV) == (asked.speakers == "dev")]
    np.random.default_rng(1).shuffle(files)
    files = files[:150]
    print("| noise | detector | miss % | false alarm % | boundary off, median ms | 90 % ms |\n|---|---|---|---|---|---|")
    for colour, snr in [("room", 40), ("room", 20), ("room", 10), ("white", 20), ("white", 10)]:
        samples, truth = recording(files, snr, colour, 7)
        folder = pathlib.Path(tempfile.mkdtemp())
        samples = samples / max(1, np.abs(samples).max())
        soundfile.write(folder / "talk.wav", samples, RATE, subtype="PCM_16")
        samples = soundfile.read(folder / "talk.wav")[0]
        table = {"emolab segment": emolab(asked.emolab, folder / "talk.wav", len(truth), asked.options.split())}
        if not asked.options:
            table |= {f"webrtcvad mode {mode}": webrtc(samples, mode) for mode in (1, 3)}
            table |= {f"librosa split {top} dB": librosa_split(samples, len(truth), top) for top in (20, 30)}
        for name, active in table.items():
            print(f"| {colour} {snr} dB | {name} | " + " | ".join(f"{value:.1f}" for value in score(truth, active)) + " |", flush=True)


main()
