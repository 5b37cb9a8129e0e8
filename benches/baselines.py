"""Every classical classifier beside scikit-learn's with the same hyper-parameters, in turn in one run: docs/baselines.md.

    just baselines CORPUS                         # or
    cargo bench --bench baselines --no-run        # prints the path of the executable
    python benches/baselines.py PATH-OF-EXECUTABLE [--corpus WAVS] [--rounds N] [--threads N] [--only NAMES] [--out FILE]

Fit and prediction, scaling included, on made data (5,000 + 2,000 clips x 200 columns x 7 classes), on scikit-learn's digits
(5 folds) and, given EmoDB, on its eGeMAPS (a fold per speaker); then what `emolab compare` takes for the latter, folds side
by side, calibration included, beside the same loop in scikit-learn (folds side by side or one after the other,
whichever is quicker): calibrated there, too, where ours is (a temperature by 5 fits; theirs holds out clips, ours speakers),
with the seconds of the bare estimator as a note. A ratio below 1 means that emolab is quicker. Which hyper-parameters are the same is told by PEERS; a
classifier that is not there is told as without a peer.
"""
import argparse, json, os, platform, statistics, subprocess, sys, tempfile, time

arguments = argparse.ArgumentParser()
arguments.add_argument("worker")
arguments.add_argument("--corpus")
arguments.add_argument("--rounds", type=int, default=3)
arguments.add_argument("--threads", type=int, default=2)
arguments.add_argument("--only", default="")
arguments.add_argument("--out")
ARGS = arguments.parse_args()
# Before numpy is loaded: its pools read this once.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
    os.environ[name] = str(ARGS.threads)
# Threads that wait in circles would make a busy machine's figures scikit-learn's fault.
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
try:
    import numpy as np
    import sklearn
    from joblib import Parallel, delayed
    from sklearn.base import clone
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.datasets import load_digits, make_classification
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.dummy import DummyClassifier
    from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression, RidgeClassifier
    from sklearn.metrics import accuracy_score, balanced_accuracy_score
    from sklearn.model_selection import StratifiedKFold
    from sklearn.naive_bayes import GaussianNB
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC, LinearSVC
    from sklearn.tree import DecisionTreeClassifier
except ImportError as why:
    sys.exit(f"{why}: the peers are scikit-learn's; PYTHON must name an interpreter that has scikit-learn and numpy")

# Seconds of a round after which there is no other.
SLOW = 20
JOBS, BALANCED = ARGS.threads, dict(class_weight="balanced")


def whole(value):
    return None if value is None else int(value)


def grown(k, seed):
    return dict(max_depth=whole(k["depth"]), min_samples_leaf=int(k["leaf"]), random_state=seed, **BALANCED)


def forest(kind):
    return lambda k, seed: kind(int(k["trees"]), max_features=k["columns"] or "sqrt", n_jobs=JOBS, **grown(k, seed))


def boosting(k, seed):
    return HistGradientBoostingClassifier(max_iter=int(k["rounds"]), learning_rate=k["rate"], max_leaf_nodes=int(k["leaves"]),
                                          min_samples_leaf=int(k["leaf"]), l2_regularization=k["l2"], early_stopping=False,
                                          random_state=seed, **BALANCED)


# Our hyper-parameters to the estimator that has the same; priors are equal where ours balance classes.
PEERS = {
    "svm": lambda k, seed: SVC(C=k["c"], gamma=k["gamma"] or "scale", **BALANCED),
    "linear-svm": lambda k, seed: LinearSVC(C=k["c"], random_state=seed, **BALANCED),
    "logistic": lambda k, seed: LogisticRegression(C=k["c"], max_iter=200, **BALANCED),
    "lda": lambda k, seed: LinearDiscriminantAnalysis(solver="lsqr", shrinkage=k["shrinkage"] or "auto",
                                                      priors=np.full(CLASSES, 1 / CLASSES)),
    "ridge": lambda k, seed: RidgeClassifier(alpha=k["alpha"], **BALANCED),
    "knn": lambda k, seed: KNeighborsClassifier(int(k["k"]), n_jobs=JOBS),
    "naive-bayes": lambda k, seed: GaussianNB(var_smoothing=k["smoothing"]),
    "tree": lambda k, seed: DecisionTreeClassifier(max_features=k["columns"], **grown(k, seed)),
    "forest": forest(RandomForestClassifier),
    "extra-trees": forest(ExtraTreesClassifier),
    "boosting": boosting,
    "majority": lambda k, seed: DummyClassifier(),
}
NOTES = {"linear-svm": "LinearSVC is one against the rest, ours one against one"}
CLASSES = 7


class Worker:
    def __init__(self, folder):
        command = [ARGS.worker, "--worker", folder] + ([ARGS.corpus] if ARGS.corpus else [])
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, *words):
        self.process.stdin.write(" ".join(words) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"the worker ended at: {' '.join(words)}")
        return json.loads(line)


def write(folder, name, x, y, fold):
    os.makedirs(f"{folder}/{name}", exist_ok=True)
    for what, values in (("x", x.astype(np.float64)), ("y", y.astype(np.int64)), ("fold", fold.astype(np.int64))):
        np.save(f"{folder}/{name}/{what}.npy", np.ascontiguousarray(values))


def data_sets(folder, worker):
    x, y = make_classification(7000, 200, n_informative=40, n_redundant=20, n_classes=7, n_clusters_per_class=2,
                               class_sep=1.5, random_state=0)
    write(folder, "made", x, y, np.where(np.arange(7000) < 5000, -1, 0))
    x, y = load_digits(return_X_y=True)
    fold = np.empty(len(y))
    for number, (_, test) in enumerate(StratifiedKFold(5, shuffle=True, random_state=0).split(x, y)):
        fold[test] = number
    write(folder, "digits", x, y, fold)
    found = ["made", "digits"]
    if ARGS.corpus:
        print("features of the corpus:", worker.ask("features", "egemaps"), file=sys.stderr)
        found.append("egemaps")
    return found


def one_fold(model, x, y, fold, number):
    train, test = fold != number, fold == number
    return test, make_pipeline(StandardScaler(), clone(model)).fit(x[train], y[train]).predict(x[test])


def theirs(model, x, y, fold, side_by_side=False):
    start = time.perf_counter()
    numbers = np.unique(fold[fold >= 0])
    if side_by_side:
        found = Parallel(JOBS, prefer="threads")(delayed(one_fold)(model, x, y, fold, number) for number in numbers)
    else:
        found = [one_fold(model, x, y, fold, number) for number in numbers]
    seconds = time.perf_counter() - start
    truth, said = np.concatenate([y[test] for test, _ in found]), np.concatenate([said for _, said in found])
    return dict(seconds=seconds, accuracy=accuracy_score(truth, said), uar=balanced_accuracy_score(truth, said))


def in_turn(rounds, *runs):
    """What each run says last, with the median of its seconds over rounds in which they alternate."""
    all_said = []
    while len(all_said) < rounds and (not all_said or sum(said["seconds"] for said in all_said[0]) < SLOW):
        all_said.append([run() for run in runs])
    median = lambda at: statistics.median(said[at]["seconds"] for said in all_said)
    return [dict(all_said[-1][at], seconds=median(at)) for at in range(len(runs))]


def settled(knobs, columns):
    """Our hyper-parameters with those that we compute from the data, as both are told them."""
    computed = dict(c=1 / columns, alpha=float(columns))
    return {name: computed.get(name) if value is None else value for name, value in knobs.items()}


def told(knobs):
    return [f"{name}={value!r}" for name, value in knobs.items() if value is not None]


def row(name, ours, peer, note=""):
    ratio = ours["seconds"] / peer["seconds"]
    points = 100 * (ours["accuracy"] - peer["accuracy"])
    return (f"| {name} | {ours['seconds']:.3f} | {peer['seconds']:.3f} | {ratio:.2f} | {100 * ours['accuracy']:.1f} | "
            f"{100 * peer['accuracy']:.1f} | {points:+.1f} | {100 * ours['uar']:.1f} | {100 * peer['uar']:.1f} | {note} |")


HEAD = ("| classifier | emolab s | scikit-learn s | ratio | accuracy | theirs | points | UAR | theirs | |\n"
        "|---|---|---|---|---|---|---|---|---|---|")
TITLES = {
    "made": "Made data: 5,000 clips to learn from, 2,000 to score, 200 columns, 7 classes",
    "digits": "Digits: 1,797 x 64 x 10, 5 folds",
    "egemaps": "EmoDB: eGeMAPS, a fold per speaker, one after the other",
}


def processor():
    try:
        with open("/proc/cpuinfo") as info:
            return next(line.split(":")[1].strip() for line in info if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def table(worker, folder, data, kinds, say):
    x, y, fold = (np.load(f"{folder}/{data}/{what}.npy") for what in ("x", "y", "fold"))
    global CLASSES
    CLASSES = int(y.max()) + 1
    say(f"\n## {TITLES[data]}\n\n{HEAD}")
    for kind in kinds:
        knobs = settled(kind["knobs"], x.shape[1])
        if kind["name"] not in PEERS:
            say(f"| {kind['name']} | | | | | | | | | no peer |")
            continue
        model = PEERS[kind["name"]](knobs, 0)
        ours, peer = in_turn(ARGS.rounds, lambda: worker.ask("run", data, kind["name"], *told(knobs)),
                             lambda: theirs(model, x, y, fold))
        say(row(kind["name"], ours, peer, NOTES.get(kind["name"], "")))


def loop(worker, folder, kinds, say):
    x, y, fold = (np.load(f"{folder}/egemaps/{what}.npy") for what in ("x", "y", "fold"))
    say(f"\n## `emolab compare` on EmoDB, eGeMAPS, `loso`: wall time of all folds, calibration included\n\n{HEAD}")
    sums = [0.0, 0.0]
    for kind in kinds:
        if kind["name"] not in PEERS:
            continue
        bare = PEERS[kind["name"]](settled(kind["knobs"], x.shape[1]), 0)
        peers = [bare] + ([CalibratedClassifierCV(bare, method="temperature", cv=5, ensemble=False)] if kind["calibrated"] else [])
        runs = [lambda model=model, way=way: theirs(model, x, y, fold, way) for model in peers for way in (False, True)]
        ours, *said = in_turn(ARGS.rounds, lambda: worker.ask("compare", kind["name"]), *runs)
        quicker = [min(said[at : at + 2], key=lambda said: said["seconds"]) for at in range(0, len(said), 2)]
        peer, note = quicker[-1], f"bare {quicker[0]['seconds']:.3f}" if kind["calibrated"] else ""
        sums = [sums[0] + ours["seconds"], sums[1] + peer["seconds"]]
        say(row(kind["name"], ours, peer, note))
    say(f"| together | {sums[0]:.2f} | {sums[1]:.2f} | {sums[0] / sums[1]:.2f} | | | | | | |")


def main():
    lines = []

    def say(text):
        print(text, flush=True)
        lines.append(text)

    with tempfile.TemporaryDirectory() as folder:
        worker = Worker(folder)
        kinds = [kind for kind in worker.ask("list") if not ARGS.only or kind["name"] in ARGS.only.split(",")]
        say(f"""# Classical classifiers beside scikit-learn

Written by `just baselines`; do not edit. Fit and prediction with the same hyper-parameters and {ARGS.threads} threads each,
scaling of columns included; median seconds of {ARGS.rounds} rounds (one where it takes over {SLOW} s) in which both
take turns, waiting threads asleep (OMP_WAIT_POLICY=PASSIVE). A ratio below 1: emolab is
quicker; points: emolab's accuracy less scikit-learn's.

{processor()}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} at the start; Python {platform.python_version()}, scikit-learn
{sklearn.__version__}, numpy {np.__version__}.""")
        for data in data_sets(folder, worker):
            table(worker, folder, data, kinds, say)
        if ARGS.corpus:
            loop(worker, folder, kinds, say)
        else:
            say("\nWithout a corpus there is no table of EmoDB: `just baselines CORPUS`.")
        worker.process.stdin.close()
        worker.process.wait()
    if ARGS.out:
        with open(ARGS.out, "w") as page:
            page.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
