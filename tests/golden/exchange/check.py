"""Peers read what emolab writes: one store of labels on the demo corpus, exported in every format, opened by each peer's own library.

    pip install audformat datasets pyarrow praat-parselmouth textgrid label-studio-sdk
    python tests/golden/exchange/check.py target/debug/emolab corpora/demo

Prints a line per check; exits 1 if one fails. Prodigy is commercial and is not here; EmotionML and Kaldi have no library to ask: XML is
parsed and counted, Kaldi's files are checked as its `validate_data_dir.sh` does (sorted, same keys).
"""

import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET

import audformat
import datasets
import pandas as pd
import parselmouth
import pyarrow.parquet as pq
import textgrid
from label_studio_sdk.converter import Converter

emolab, demo = map(os.path.abspath, sys.argv[1:3])
work = tempfile.mkdtemp()
env = dict(os.environ, EMOLAB_STORE=f"{work}/s.db", XDG_CACHE_HOME=f"{work}/c", XDG_DATA_HOME=f"{work}/d")
FORMATS = {"audformat": "aud", "audformat-parquet": "audp", "audiofolder": "hf", "audiofolder-jsonl": "hfj",
           "audiofolder-parquet": "hfp", "labelstudio": "ls.json", "kaldi": "kaldi", "textgrid": "tg", "emotionml": "e.xml"}
failed = 0


def check(name, ok, told=""):
    global failed
    failed += not ok
    print(f"{'ok  ' if ok else 'FAIL'} {name} {told}")


# Labels: two people, two questions, a machine.
clips = sorted(name for name in os.listdir(demo) if name.endswith(".flac"))[:6]
said = {}
with open(f"{work}/in.csv", "w", newline="") as file:
    out = csv.writer(file)
    out.writerow("id,file,audio,annotator,annotator_kind,scheme,act,value,refers_to,confidence,at,superseded,exposure,question,"
                 "occasion,listening".split(","))
    heard = json.dumps(dict(plays=1, heard=1.0, sink="d", gain_db=0.0, picture="none", seconds=2.5))
    number = 0
    for at, clip in enumerate(clips):
        for who, kind, scheme, question, value in [
            ("anna", "human", "emotion+vad@1", "emotion", ["anger", "fear"][at % 2]),
            ("ben", "human", "emotion+vad@1", "emotion", ["anger", "fear"][at // 3]),
            ("anna", "human", "emotion+vad@1", "valence", str(1 + at)),
            ("cnn", "machine", "ekman6@1", "", "joy"),
        ]:
            number += 1
            said[clip, who, question] = value
            out.writerow([number, clip, "00", who, kind, scheme, "label", value, "", 0.75 if who == "cnn" else "",
                          f"2024-05-01T10:00:{number:02d}.{number:03d}Z", "false", "", question, "main",
                          heard if who == "anna" else ""])
subprocess.run([emolab, "import", demo, f"{work}/in.csv", "-q"], env=env, check=True, stderr=subprocess.DEVNULL)
for name, to in FORMATS.items():
    subprocess.run([emolab, "export", demo, "--format", name, "-o", f"{work}/{to}", "-q"], env=env, check=True,
                   stderr=subprocess.DEVNULL)

# audformat
for to in ["aud", "audp"]:
    db = audformat.Database.load(f"{work}/{to}")
    kinds = {rater: db.raters[rater].type for rater in db.raters}
    check(f"audformat {to}: raters", kinds == {"anna": "human", "ben": "human", "machine:cnn": "machine"}, kinds)
    table = db["emotion+vad.emotion"].get()
    ok = all(table.loc[clip, who] == said[clip, who, "emotion"] for clip in clips for who in ["anna", "ben"])
    check(f"audformat {to}: answers", ok and len(table) == len(clips))
    at = pd.Timestamp(table.loc[clips[0], "anna.time"])
    seconds = table.loc[clips[0], "anna.duration"]
    check(f"audformat {to}: times", at == pd.Timestamp("2024-05-01 10:00:01.001") and seconds == pd.Timedelta("2.5s"), f"{at} {seconds}")
    scale = db.schemes["emotion+vad.valence"]
    valence = db["emotion+vad.valence"]["anna"].get()
    check(f"audformat {to}: scale", (scale.minimum, scale.maximum, list(valence)) == (1, 9, [1, 2, 3, 4, 5, 6]), scale.dtype)
    check(f"audformat {to}: speakers", set(db["files"]["speaker"].get().dropna()) >= {"f1"} and len(db["files"]) == 96)
    db.save(f"{work}/{to}-again", storage_format="csv")
    told = subprocess.run([emolab, "import", demo, f"{work}/{to}-again", "-q", "--dry-run"], env=env, capture_output=True, text=True)
    check(f"audformat {to}: what it saves again is all known", " 0 would be new, 24 known" in told.stderr, told.stderr.strip())

# datasets
for to in ["hf", "hfj", "hfp"]:
    for clip in os.listdir(demo):
        if clip.endswith(".flac"):
            shutil.copy(f"{demo}/{clip}", f"{work}/{to}/{clip}")
    found = datasets.load_dataset("audiofolder", data_dir=f"{work}/{to}", cache_dir=f"{work}/hfcache")["train"]
    found = found.cast_column("audio", datasets.Audio(decode=False))
    rows = {os.path.basename(row["audio"]["path"]): row for row in found}
    notes = rows[clips[0]]["annotations"]
    notes = json.loads(notes) if isinstance(notes, str) else notes
    ok = len(rows) == 96 and {note["rater"] for note in notes} == {"anna", "ben", "machine:cnn"}
    check(f"datasets {to}", ok and rows[clips[0]]["label"] == "anger", rows[clips[0]]["speaker"])

# pyarrow
table = pq.read_table(f"{work}/hfp/metadata.parquet")
check("pyarrow", table.num_rows == 96 and str(table.schema.field("label").type) == "string", table.schema.names)

# label-studio-sdk
with open(f"{work}/ls.config.xml") as file:
    config = file.read()
for form in ["JSON_MIN", "CSV"]:
    Converter(config, project_dir=None, upload_dir=None).convert(f"{work}/ls.json", f"{work}/ls-{form}", form, is_dir=False)
with open(f"{work}/ls-JSON_MIN/result.json") as file:
    rows = json.load(file)
answers = [row for row in rows if row.get("emotion+vad/emotion")]
check("label-studio-sdk JSON_MIN", len(answers) == 12, f"{len(rows)} rows, {len(answers)} with an emotion")
table = pd.read_csv(f"{work}/ls-CSV/result.csv")
check("label-studio-sdk CSV", set(table["emotion+vad/emotion"].dropna()) == {"anger", "fear"}, list(table.columns))

# Praat
name = clips[0].replace(".flac", ".TextGrid")
grid = parselmouth.read(f"{work}/tg/{name}")
tiers = [parselmouth.praat.call(grid, "Get tier name", at) for at in range(1, parselmouth.praat.call(grid, "Get number of tiers") + 1)]
text = parselmouth.praat.call(grid, "Get label of interval", 1, 1)
check("Praat", "emotion+vad/emotion | anna" in tiers and text in ["anger", "1", "joy"], tiers)
other = textgrid.TextGrid.fromFile(f"{work}/tg/{name}")
check("textgrid", [tier.name for tier in other] == tiers)

# EmotionML
space = "{http://www.w3.org/2009/10/emotionml}"
root = ET.parse(f"{work}/e.xml").getroot()
values = [float(one.get("value")) for one in root.iter(f"{space}dimension")]
check("EmotionML", len(root.findall(f"{space}emotion")) == 24 and all(0 <= value <= 1 for value in values), len(values))

# Kaldi
keys = {}
for name in ["wav.scp", "utt2spk", "text", "utt2emo"]:
    with open(f"{work}/kaldi/{name}") as file:
        keys[name] = [line.split()[0] for line in file]
ok = all(found == sorted(found) for found in keys.values()) and keys["wav.scp"] == keys["utt2spk"] and set(keys["utt2emo"]) <= set(keys["wav.scp"])
check("Kaldi", ok, {name: len(found) for name, found in keys.items()})

shutil.rmtree(work)
sys.exit(failed > 0)
