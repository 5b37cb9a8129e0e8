"""Files of labels as the peers' own libraries write them, for the readers under src/label/exchange.

    pip install audformat datasets pyarrow praat-parselmouth textgrid label-studio-sdk
    python tests/golden/exchange/make.py tests/golden/exchange

Two clips (wav/a.wav, wav/b.wav, 2.5 s), raters anna and ben, a machine, a scale, a part of a file.
"""

import json
import os
import sys

import audformat
import pandas as pd
import parselmouth
import textgrid
from parselmouth.praat import call

out = sys.argv[1]
FILES = ["wav/a.wav", "wav/b.wav"]


def database(fmt):
    db = audformat.Database("demo", languages=["deu"])
    db.raters["anna"] = audformat.Rater(audformat.define.RaterType.HUMAN)
    db.raters["ben"] = audformat.Rater(audformat.define.RaterType.HUMAN)
    db.raters["cnn"] = audformat.Rater(audformat.define.RaterType.MACHINE)
    db.raters["gold"] = audformat.Rater(audformat.define.RaterType.VOTE)
    db.schemes["emotion"] = audformat.Scheme(labels=["anger", "fear"])
    db.schemes["arousal"] = audformat.Scheme("int", minimum=1, maximum=9)
    db.schemes["valence"] = audformat.Scheme("float", minimum=0, maximum=1)
    db.schemes["speaker"] = audformat.Scheme(labels={"s1": {"gender": "female"}, "s2": {"gender": "male"}})
    db.splits["train"] = audformat.Split("train")
    index = audformat.filewise_index(FILES)
    db["files"] = audformat.Table(index, split_id="train")
    db["files"]["speaker"] = audformat.Column(scheme_id="speaker")
    db["files"]["speaker"].set(["s1", "s2"])
    db["emotion"] = audformat.Table(index)
    for rater, values in {"anna": ["anger", None], "ben": ["fear", "fear"], "cnn": ["fear", "anger"], "gold": [None, "fear"]}.items():
        db["emotion"][rater] = audformat.Column(scheme_id="emotion", rater_id=rater)
        db["emotion"][rater].set(values)
    parts = audformat.segmented_index(["wav/a.wav", "wav/a.wav"], ["0s", "1.25s"], ["1.25s", pd.NaT])
    db["parts"] = audformat.Table(parts)
    db["parts"]["arousal"] = audformat.Column(scheme_id="arousal", rater_id="anna")
    db["parts"]["arousal"].set([7, 2])
    db["parts"]["valence"] = audformat.Column(scheme_id="valence", rater_id="ben")
    db["parts"]["valence"].set([0.25, None])
    root = os.path.join(out, f"audformat-{fmt}")
    os.makedirs(root, exist_ok=True)
    db.save(root, storage_format=fmt)


def huggingface():
    rows = [
        {"file_name": "wav/a.wav", "emotion": "anger", "valence": 0.25, "speaker_id": "s1", "seconds": 2.5, "n": 1,
         "when": pd.Timestamp("2024-01-01T00:00:00.123Z")},
        {"file_name": "wav/b.wav", "emotion": None, "valence": 1.0, "speaker_id": "s2", "seconds": 2.5, "n": None,
         "when": pd.NaT},
    ]
    frame = pd.DataFrame(rows)
    frame["n"] = frame["n"].astype("Int64")
    for name in ["parquet", "csv", "jsonl"]:
        root = os.path.join(out, f"audiofolder-{name}", "train")
        os.makedirs(root, exist_ok=True)
        path = os.path.join(root, f"metadata.{name}")
        if name == "parquet":
            frame.to_parquet(path, index=False, compression="snappy")
        elif name == "csv":
            frame.to_csv(path, index=False)
        else:
            frame.drop(columns="when").to_json(path, orient="records", lines=True)


def label_studio():
    """As Label Studio's export says (its documentation): the converter has no writer of this file."""
    user = {"id": 3, "email": "anna@example.org", "first_name": "Anna"}
    choice = {"id": "x1", "from_name": "emotion", "to_name": "audio", "type": "choices", "value": {"choices": ["anger"]}}
    rating = {"id": "x2", "from_name": "arousal", "to_name": "audio", "type": "rating", "value": {"rating": 4}}
    region = {"id": "x3", "from_name": "event", "to_name": "audio", "type": "labels", "original_length": 2.5,
              "value": {"start": 0.5, "end": 1.5, "channel": 0, "labels": ["laugh"]}}
    brush = {"id": "x4", "from_name": "b", "to_name": "audio", "type": "brushlabels", "value": {"rle": []}}
    tasks = [
        {"id": 11, "data": {"audio": "/data/upload/1/0a1b2c3d-a.wav"}, "annotations": [
            {"id": 21, "completed_by": user, "created_at": "2024-01-01T00:00:00.123456Z", "lead_time": 3.5,
             "was_cancelled": False, "ground_truth": False, "result": [choice, rating, region, brush]}],
         "predictions": [{"id": 31, "model_version": "cnn", "score": 0.75, "result": [choice]}]},
        {"id": 12, "data": {"audio": "/data/local-files/?d=wav%2Fb.wav"}, "annotations": [
            {"id": 22, "completed_by": 4, "created_at": "2024-01-01T00:00:05Z", "lead_time": 1.5,
             "was_cancelled": True, "ground_truth": False, "result": []}], "predictions": []},
    ]
    with open(os.path.join(out, "labelstudio.json"), "w") as file:
        json.dump(tasks, file, indent=1)


def praat():
    """The same grid in Praat's long and short form (by Praat itself) and by the package textgrid; UTF-16 as Praat saves umlauts."""
    grid = call("Create TextGrid", 0, 2.5, "emotion words marks", "marks")
    call(grid, "Insert boundary", 1, 1.25)
    call(grid, "Set interval text", 1, 1, "anger")
    call(grid, "Set interval text", 2, 1, 'sagt ""Größe""'.replace('""', '"'))
    call(grid, "Insert point", 3, 0.5, "click")
    for form, save in {"long": "Save as text file", "short": "Save as short text file"}.items():
        root = os.path.join(out, f"praat-{form}", "wav")
        os.makedirs(root, exist_ok=True)
        if form == "long":
            call("Text writing preferences", "UTF-8")
        else:
            call("Text writing preferences", "UTF-16")
        call(grid, save, os.path.abspath(os.path.join(root, "a.TextGrid")))
    other = textgrid.TextGrid(maxTime=2.5)
    tier = textgrid.IntervalTier("emotion", 0, 2.5)
    tier.add(0, 1.25, "anger")
    other.append(tier)
    root = os.path.join(out, "praat-package", "wav")
    os.makedirs(root, exist_ok=True)
    other.write(os.path.join(root, "a.TextGrid"))


database("csv")
database("parquet")
huggingface()
label_studio()
praat()
