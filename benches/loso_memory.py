"""Peak memory of leave-one-speaker-out on EmoDB: emolab's `cnn` beside PyTorch doing the same job.

    cargo build --release
    python benches/loso_memory.py target/release/emolab PATH-OF-EMODB [EPOCHS] [THREADS]

Features are computed before and are measured on neither side: emolab reads its cache, PyTorch the .npy files that `emolab
features` wrote. Both fit one net per speaker: four blocks of 3x3 convolution (16, 32, 64, 128), batch normalisation,
ReLU and pool, means over four bundles of bands, dropout, linear; batches of 16 windows of 192 frames, Adam, scaling by
speaker, so many epochs; both score whole clips. The highest resident memory of each process is what the kernel tells
when it ends (ru_maxrss). Deliberately absent: how well they do; that is `emolab compare`.
"""
import csv, os, subprocess, sys, tempfile


def peak(command, env):
    """Highest resident memory of a process, MB."""
    process = subprocess.Popen(command, env={**os.environ, **env}, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"{' '.join(command)} ended with status {status}")
    return usage.ru_maxrss / 1024


def main():
    emolab, corpus = os.path.abspath(sys.argv[1]), sys.argv[2]
    epochs = sys.argv[3] if len(sys.argv) > 3 else "3"
    threads = sys.argv[4] if len(sys.argv) > 4 else "2"
    with tempfile.TemporaryDirectory() as place:
        ours = dict(EMOLAB_CACHE=f"{place}/cache", EMOLAB_STORE=f"{place}/emolab.db", RAYON_NUM_THREADS=threads)
        peak([emolab, "features", corpus, "--set", "logmel", "--out", f"{place}/features", "--quiet"], ours)
        compare = [emolab, "compare", corpus, "--models", "cnn", "--plan", "loso", "--norm", "speaker", "--epochs", epochs,
                   "--no-save", "--quiet", "--json"]
        mine = peak(compare, ours)
        torch = peak([sys.executable, __file__, "--torch", f"{place}/features", epochs],
                     dict(OMP_NUM_THREADS=threads, THREADS=threads))
    print(f"EmoDB, LOSO, {epochs} epochs a fold, {threads} threads: emolab {mine:.0f} MB, PyTorch {torch:.0f} MB resident at "
          f"most; ratio {mine / torch:.2f}")


def with_torch():
    import numpy as np, torch, torch.nn as nn, torch.nn.functional as F
    torch.set_num_threads(int(os.environ["THREADS"]))
    torch.manual_seed(0)
    random = np.random.default_rng(0)
    place, epochs = sys.argv[2], int(sys.argv[3])
    with open(f"{place}/index.csv") as index:
        rows = list(csv.DictReader(index))
    images = [np.load(f"{place}/{row['array']}") for row in rows]
    speakers = np.array([row["speaker"] for row in rows])
    names = sorted({row["label"] for row in rows})
    labels = np.array([names.index(row["label"]) for row in rows])
    for speaker in sorted(set(speakers)):
        own = np.flatnonzero(speakers == speaker)
        every = np.concatenate([images[i] for i in own], axis=2)
        mean, sd = every.mean(2, keepdims=True), every.std(2, keepdims=True) + 1e-5
        for i in own:
            images[i] = (images[i] - mean) / sd
        del every

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            widths = [3, 16, 32, 64, 128]
            self.convs = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1, bias=False) for a, b in zip(widths, widths[1:]))
            self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in widths[1:])
            self.head = nn.Linear(4 * widths[-1], len(names))

        def forward(self, x):
            for number, (conv, norm) in enumerate(zip(self.convs, self.norms)):
                x = F.relu(norm(conv(x)))
                if number < 3:
                    x = F.max_pool2d(x, 2)
            x = x.unflatten(2, (4, -1)).mean((3, 4)).flatten(1)
            return self.head(F.dropout(x, 0.3, self.training))

    def window(image):
        made = np.zeros((3, 64, 192), np.float32)
        start = random.integers(0, max(image.shape[2] - 192, 0) + 1)
        seen = image[:, :, start:start + 192]
        made[:, :, :seen.shape[2]] = seen
        return made

    def whole(image):
        padded = np.pad(image, ((0, 0), (0, 0), (0, -image.shape[2] % 8)))
        return torch.from_numpy(padded[None]).contiguous(memory_format=torch.channels_last)

    right = 0
    for speaker in sorted(set(speakers)):
        train, test = np.flatnonzero(speakers != speaker), np.flatnonzero(speakers == speaker)
        net = Net().to(memory_format=torch.channels_last)
        adam = torch.optim.Adam(net.parameters(), lr=1e-3)
        for _ in range(epochs):
            net.train()
            random.shuffle(train)
            for rows in np.array_split(train, -(-len(train) // 16)):
                x = torch.from_numpy(np.stack([window(images[i]) for i in rows]))
                x = x.contiguous(memory_format=torch.channels_last)
                loss = F.cross_entropy(net(x), torch.from_numpy(labels[rows]), label_smoothing=0.1)
                adam.zero_grad(set_to_none=True)
                loss.backward()
                adam.step()
        net.eval()
        with torch.inference_mode():
            right += sum(net(whole(images[i])).argmax(1).item() == labels[i] for i in test)
    print(f"PyTorch: {right} of {len(labels)} right", file=sys.stderr)


if __name__ == "__main__":
    with_torch() if sys.argv[1] == "--torch" else main()
