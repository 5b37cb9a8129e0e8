"""Compares emolab's eGeMAPS with openSMILE's on EmoDB: writes docs/egemaps.md and the tables of tests/egemaps.rs.

    cargo build --release
    python tests/golden/egemaps.py [CORPORA]      (pip install opensmile==2.6.0 scipy scikit-learn; CORPORA defaults to ../shared/corpora)

openSMILE (github.com/audeering/opensmile) is only run here, on recordings; nothing of it is part of emolab. Written are
golden/egemaps_functionals.csv (its 88 numbers of every 22nd clip), golden/egemaps_lld.csv (its descriptors of one clip)
and the document, with all 535 clips.
"""

import csv
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import opensmile
import scipy.io.wavfile
from scipy.stats import spearmanr
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import recall_score

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent.parent
EMOLAB = ROOT / "target/release/emolab"
EVERY = 22
CLIP = "03a01Fa.wav"
# Chosen on these speakers; the document reports all ten.
TUNED_ON = ("03", "08", "09", "10", "11")


def smile(level):
    return opensmile.Smile(feature_set="eGeMAPSv02", feature_level=level)


def read(path):
    rate, samples = scipy.io.wavfile.read(path)
    return samples.astype(np.float32) / 32768, rate


def theirs(paths, level):
    """openSMILE's numbers of each clip, and the names of the columns."""
    extractor = smile(level)
    tables = [extractor.process_signal(*read(path)).values.astype(float) for path in paths]
    return tables, list(extractor.feature_names)


def ours(emolab, corpus, name):
    """emolab's numbers of each clip, by file name; columns are checked against openSMILE's."""
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder)
        call = [emolab, "features", corpus, "--set", name, "--out", out, "--quiet", "--rate", "16000", "--cache", out / "cache"]
        subprocess.run(call, check=True)
        with open(out / "columns.csv") as file:
            columns = list(csv.DictReader(file))
        arrays, tables = {}, {}
        with open(out / "index.csv") as file:
            for line in csv.DictReader(file):
                array = arrays.setdefault(line["array"], np.load(out / line["array"]))
                table = array[int(line["row"])][None] if line["row"] else array[0].T
                tables[pathlib.Path(line["file"]).name] = table.astype(float)
    return tables, columns


def number(value):
    return f"{value:.7g}"


def write_golden(paths, functionals, names, descriptors, descriptor_names):
    with open(HERE / "egemaps_functionals.csv", "w") as out:
        print("file", *names, sep=",", file=out)
        for path, table in list(zip(paths, functionals))[::EVERY]:
            print(path.name, *map(number, table[0]), sep=",", file=out)
    with open(HERE / "egemaps_lld.csv", "w") as out:
        print(*descriptor_names, sep=",", file=out)
        table = descriptors[[path.name for path in paths].index(CLIP)]
        for row in table:
            print(*map(number, row), sep=",", file=out)


def relative(ours, theirs):
    return float(np.median(np.abs(ours - theirs) / np.maximum(np.abs(theirs), 1e-9)))


def rho(ours, theirs):
    return 0.0 if np.ptp(ours) == 0 or np.ptp(theirs) == 0 else float(spearmanr(ours, theirs)[0])


def agreement(ours, theirs):
    return [(rho(a, b), relative(a, b)) for a, b in zip(ours.T, theirs.T)]


def count(pairs, least):
    return sum(value >= least for value, _ in pairs)


def uar(rows, paths):
    """EmoDB, leave one speaker out, z-norm per speaker, logistic regression: mean recall of the seven classes in %."""
    speakers = np.array([path.name[:2] for path in paths])
    labels = np.array([path.name[5] for path in paths])
    scaled, found = np.empty_like(rows), np.empty_like(labels)
    for speaker in set(speakers):
        own = speakers == speaker
        scaled[own] = (rows[own] - rows[own].mean(0)) / (rows[own].std(0) + 1e-9)
    for speaker in set(speakers):
        own = speakers == speaker
        model = LogisticRegression(C=0.1, class_weight="balanced", max_iter=5000)
        found[own] = model.fit(scaled[~own], labels[~own]).predict(scaled[own])
    return 100 * recall_score(labels, found, average="macro")


def table(columns, pairs):
    yield "| column | unit | Spearman | median relative difference |"
    yield "|---|---|---|---|"
    for column, (value, difference) in zip(columns, pairs):
        yield f"| `{column['column']}` | {column['unit']} | {value:.4f} | {difference:.2g} |"


def document(columns, pairs, tuned, lld_columns, lld_pairs, facts):
    text = (HERE / "egemaps_head.md").read_text()
    summary = {
        **facts,
        "HIGH": count(pairs, 0.99),
        "GOOD": count(pairs, 0.95),
        "HIGH_TUNED": count(tuned, 0.99),
        "GOOD_TUNED": count(tuned, 0.95),
        "VERSION": opensmile.__version__,
    }
    for name, value in summary.items():
        text = text.replace("{" + name + "}", str(value))
    lines = [text.rstrip(), "", "## The 88 functionals", "", *table(columns, pairs)]
    lines += ["", "## The 25 descriptors", ""]
    lines += ["Frame by frame over all clips, as many frames as both have.", "", *table(lld_columns, lld_pairs)]
    (ROOT / "docs/egemaps.md").write_text("\n".join(lines) + "\n")


def main():
    corpora = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "../shared/corpora"
    emolab = sys.argv[2] if len(sys.argv) > 2 else EMOLAB
    corpus = corpora / "emodb"
    paths = sorted((corpus / "wav").glob("*.wav"))
    functionals, names = theirs(paths, "Functionals")
    descriptors, descriptor_names = theirs(paths, "LowLevelDescriptors")
    write_golden(paths, functionals, names, descriptors, descriptor_names)
    rows, columns = ours(emolab, corpus, "egemaps")
    assert [column["column"] for column in columns] == names
    images, lld_columns = ours(emolab, corpus, "egemaps-lld")
    assert [column["column"] for column in lld_columns] == descriptor_names

    a = np.concatenate([rows[path.name] for path in paths])
    b = np.concatenate(functionals)
    tuning = np.array([path.name.startswith(TUNED_ON) for path in paths])
    frames = [min(len(images[path.name]), len(table)) for path, table in zip(paths, descriptors)]
    c = np.concatenate([images[path.name][:n] for path, n in zip(paths, frames)])
    d = np.concatenate([table[:n] for table, n in zip(descriptors, frames)])
    pairs, tuned = agreement(a, b), agreement(a[tuning], b[tuning])
    facts = {"CLIPS": len(paths), "FRAMES": f"{len(c):,}"}
    resonances, _ = ours(emolab, corpus, "egemaps:formants=resonances")
    facts["UAR_RESONANCES"] = f"{uar(np.concatenate([resonances[path.name] for path in paths]), paths):.1f}"
    facts |= {"UAR": f"{uar(a, paths):.1f}", "UAR_SMILE": f"{uar(b, paths):.1f}"}
    document(columns, pairs, tuned, lld_columns, agreement(c, d), facts)
    print(f"Spearman >= 0.99 on {count(pairs, 0.99)}, >= 0.95 on {count(pairs, 0.95)} of {len(pairs)}")


if __name__ == "__main__":
    main()
