#!/usr/bin/env python3
"""Makes the demo corpus: 8 synthetic voices x 6 emotions x 2 sentences, 16 kHz mono FLAC, beside this script.

Standard library, espeak-ng 1.51 and flac 1.4 only. The seed is fixed: the same versions give the same bytes.
Prosody follows the textbook rules (anger: loud, fast, wide; sadness: soft, slow, flat; ...), blurred by chance per voice and clip
so that the classes overlap. It is no model of emotion, and scores on it mean nothing.
"""

import array
import io
import pathlib
import random
import subprocess
import wave

SEED = 20240601
RATE = 16_000
HERE = pathlib.Path(__file__).resolve().parent

# Name: espeak-ng voice, its own pitch (0-99) and speed (words per minute). Accents differ to keep the voices apart.
VOICES = {
    "f1": ("en-gb+f1", 66, 165),
    "f2": ("en-us+f2", 74, 180),
    "f3": ("en-gb-scotland+f3", 62, 155),
    "f4": ("en-gb-x-gbclan+f5", 70, 172),
    "m1": ("en-gb+m1", 30, 160),
    "m2": ("en-us+m3", 22, 175),
    "m3": ("en-gb-scotland+m4", 34, 150),
    "m4": ("en-gb-x-gbclan+m7", 26, 168),
}

# Pitch offset, range %, rate factor, gain dB, tilt (fraction of high frequencies kept), end mark (intonation).
EMOTIONS = {
    "anger": (8, 150, 1.16, 5.0, 1.0, "!"),
    "fear": (22, 75, 1.22, -2.0, 0.75, "?"),
    "happiness": (15, 170, 1.06, 2.5, 0.9, "!"),
    "neutral": (0, 95, 1.0, 0.0, 0.7, "."),
    "sadness": (-8, 50, 0.80, -5.0, 0.45, "."),
    "surprise": (20, 210, 0.94, 1.0, 0.8, "?"),
}

SENTENCES = {"s1": "The train leaves at seven", "s2": "She put the letter on the table"}


def speak(voice, pitch, span, speed, text):
    """Samples of one utterance at espeak-ng's own rate (22,050 Hz, mono, s16)."""
    ssml = f'<prosody range="{span}%">{text}</prosody>'
    command = ["espeak-ng", "-m", "-v", voice, "-p", str(pitch), "-s", str(speed), "--stdout", ssml]
    out = subprocess.run(command, check=True, capture_output=True).stdout
    with wave.open(io.BytesIO(out)) as file:
        # The header of a stream has no true length: read all there is.
        samples = array.array("h", out[44 : 44 + (len(out) - 44) // 2 * 2])
        return file.getframerate(), samples


def finish(rate, samples, gain, tilt, chance):
    """Trims silence, resamples (linear after a two-pole low-pass), tilts, sets the level, adds a faint room noise."""
    loud = [i for i, s in enumerate(samples) if abs(s) > 300]
    samples = samples[max(0, loud[0] - rate // 20) : loud[-1] + rate // 10]
    low, lower, out = 0.0, 0.0, []
    smooth = [0.0] * len(samples)
    for i, sample in enumerate(samples):
        low += 0.75 * (sample - low)
        lower += 0.75 * (low - lower)
        smooth[i] = lower
    step, mellow = rate / RATE, 0.0
    for n in range(int((len(samples) - 1) / step)):
        at = n * step
        i = int(at)
        value = smooth[i] + (smooth[i + 1] - smooth[i]) * (at - i)
        mellow += 0.35 * (value - mellow)
        out.append(mellow + tilt * (value - mellow))
    power = (sum(v * v for v in out) / len(out)) ** 0.5
    scale = min(2200 * 10 ** (gain / 20) / power, 30_000 / max(abs(v) for v in out))
    return array.array("h", (int(max(-32_768, min(32_767, v * scale + chance.gauss(0, 4)))) for v in out))


def clip(name, voice, emotion, text, chance):
    language, pitch, speed = VOICES[voice]
    lift, span, rate, gain, tilt, mark = EMOTIONS[emotion]
    pitch = round(max(0, min(99, pitch + lift + chance.gauss(0, 5))))
    span = round(max(10, span * chance.lognormvariate(0, 0.18)))
    speed = round(max(90, speed * rate * chance.lognormvariate(0, 0.06)))
    mark = mark if chance.random() < 0.8 else "."
    own_rate, samples = speak(language, pitch, span, speed, text + mark)
    samples = finish(own_rate, samples, gain + chance.gauss(0, 2), max(0.2, tilt + chance.gauss(0, 0.12)), chance)
    command = ["flac", "--silent", "--force", "--best", "--no-padding", "--force-raw-format", "--endian=little", "--sign=signed"]
    command += ["--channels=1", "--bps=16", f"--sample-rate={RATE}", "-o", str(HERE / name), "-"]
    subprocess.run(command, check=True, input=samples.tobytes())


def main():
    for old in HERE.glob("*.flac"):
        old.unlink()
    for voice in VOICES:
        for emotion in EMOTIONS:
            for code, text in SENTENCES.items():
                name = f"{voice}_{emotion}_{code}.flac"
                clip(name, voice, emotion, text, random.Random(f"{SEED} {name}"))


if __name__ == "__main__":
    main()
