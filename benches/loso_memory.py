"""Peak memory of leave-one-speaker-out on EmoDB: emolab's `cnn` beside PyTorch doing the same job.

    cargo build --release
    python benches/loso_memory.py target/release/emolab PATH-OF-EMODB [EPOCHS] [THREADS]

Features are computed before and are measured on neither side: emolab reads its cache, PyTorch the .npy files that `emolab
features` wrote. Both fit the default net once per speaker (three blocks of 3x3 convolution, batch normalisation, ReLU and
pool; all bands of a frame mixed along time; attentive mean and spread; dropout; linear), on batches of 16 windows of 128
frames, AdamW, scaling by speaker, so many epochs; both keep the sounds as 16-bit samples and hear 80 % of the clips of a
batch anew at a speed of 0.85 to 1.15 (PyTorch by linear interpolation and its own STFT); both score whole clips. The highest
resident memory of each process is what the kernel tells when it ends (ru_maxrss). Deliberately absent: how well they do;
that is `emolab compare`.
"""
import csv, os, subprocess, sys, tempfile, wave

SET, RATE, HOP, FRAMES = "logmel:hop=0.016", 22050, 353, 128


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
        ours = dict(EMOLAB_CACHE=f"{place}/cache", EMOLAB_STORE=f"{place}/emolab.db", RAYON_NUM_THREADS=threads,
                    EMOLAB_CHECKPOINTS=f"{place}/checkpoints")
        peak([emolab, "features", corpus, "--set", SET, "--out", f"{place}/features", "--quiet"], ours)
        compare = [emolab, "compare", corpus, "--models", "cnn", "--plan", "loso", "--norm", "speaker", "--epochs", epochs,
                   "--no-save", "--quiet", "--json"]
        mine = peak(compare, ours)
        torch = peak([sys.executable, __file__, "--torch", f"{place}/features", corpus, epochs],
                     dict(OMP_NUM_THREADS=threads, THREADS=threads))
    print(f"EmoDB, LOSO, {epochs} epochs a fold, {threads} threads: emolab {mine:.0f} MB, PyTorch {torch:.0f} MB resident at "
          f"most; ratio {mine / torch:.3f}")


def bands(np):
    """64 triangles of area 1 over the powers of a transform of 1,024, evenly spaced in mel from 50 Hz to 8 kHz."""
    mel = lambda hz: 2595 * np.log10(1 + hz / 700)
    edges = 700 * (10 ** (np.linspace(mel(50), mel(8000), 66) / 2595) - 1)
    hz = np.arange(513) * RATE / 1024
    rise = (hz - edges[:-2, None]) / np.diff(edges)[:-1, None]
    fall = (edges[2:, None] - hz) / np.diff(edges)[1:, None]
    return (np.maximum(0, np.minimum(rise, fall)) * 2 / (edges[2:] - edges[:-2])[:, None]).astype(np.float32)


def with_torch():
    import numpy as np, torch, torch.nn as nn, torch.nn.functional as F
    torch.set_num_threads(int(os.environ["THREADS"]))
    torch.manual_seed(0)
    random = np.random.default_rng(0)
    place, corpus, epochs = sys.argv[2], sys.argv[3], int(sys.argv[4])
    with open(f"{place}/index.csv") as index:
        rows = list(csv.DictReader(index))
    images = [np.load(f"{place}/{row['array']}") for row in rows]
    speakers = np.array([row["speaker"] for row in rows])
    names = sorted({row["label"] for row in rows})
    labels = np.array([names.index(row["label"]) for row in rows])
    scales = {}
    for speaker in sorted(set(speakers)):
        own = np.flatnonzero(speakers == speaker)
        every = np.concatenate([images[i] for i in own], axis=2)
        scales[speaker] = mean, sd = every.mean(2, keepdims=True), every.std(2, keepdims=True) + 1e-5
        for i in own:
            images[i] = (images[i] - mean) / sd
        del every

    def sound(row):
        with wave.open(os.path.join(corpus, row["file"])) as file:
            return np.frombuffer(file.readframes(file.getnframes()), np.int16), file.getframerate()

    sounds = [sound(row) for row in rows]
    hann, triangles = torch.hann_window(551), torch.from_numpy(bands(np))
    slope = torch.arange(-4, 5, dtype=torch.float32)[None, None] / 60

    def heard(i):
        """The clip at another speed: an image scaled as the clip itself."""
        samples, rate = sounds[i]
        length = int(len(samples) * RATE / rate / random.uniform(0.85, 1.15))
        x = F.interpolate(torch.from_numpy(samples.astype(np.float32) / 32768)[None, None], length, mode="linear")[0, 0]
        x = x * (0.1 / x.square().mean().sqrt().clamp_min(1e-9))
        power = torch.stft(x, 1024, HOP, 551, hann, return_complex=True).abs().square()
        db = 10 * torch.log10((triangles @ power).clamp_min(1e-10))
        first = F.conv1d(F.pad(db[:, None], (4, 4), mode="replicate"), slope)[:, 0]
        second = F.conv1d(F.pad(first[:, None], (4, 4), mode="replicate"), slope)[:, 0]
        mean, sd = scales[speakers[i]]
        return (torch.stack([db, first, second]).numpy() - mean) / sd

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            widths = [3, 16, 32, 64]
            self.convs = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1, bias=False) for a, b in zip(widths, widths[1:]))
            self.norms = nn.ModuleList(nn.BatchNorm2d(width) for width in widths[1:])
            self.mix, self.norm = nn.Conv1d(64 * 8, 128, 3, padding=1, bias=False), nn.BatchNorm1d(128)
            self.inner, self.score = nn.Linear(128, 64), nn.Linear(64, 1, bias=False)
            self.head = nn.Linear(256, len(names))

        def forward(self, x):
            for conv, norm in zip(self.convs, self.norms):
                x = F.max_pool2d(F.relu(norm(conv(x))), 2)
            x = F.relu(self.norm(self.mix(x.flatten(1, 2)))).transpose(1, 2)
            share = torch.softmax(self.score(torch.tanh(self.inner(x))), 1)
            mean = (share * x).sum(1)
            spread = ((share * x * x).sum(1) - mean * mean).clamp_min(1e-5).sqrt()
            return self.head(F.dropout(torch.cat([mean, spread], 1), 0.4, self.training))

    def window(i):
        image = heard(i) if random.random() < 0.8 else images[i]
        made = np.zeros((3, 64, FRAMES), np.float32)
        start = random.integers(0, max(image.shape[2] - FRAMES, 0) + 1)
        seen = image[:, :, start:start + FRAMES]
        made[:, :, :seen.shape[2]] = seen
        return made

    def whole(image):
        padded = np.pad(image, ((0, 0), (0, 0), (0, -image.shape[2] % 8)))
        return torch.from_numpy(padded[None]).contiguous(memory_format=torch.channels_last)

    right = 0
    for speaker in sorted(set(speakers)):
        train, test = np.flatnonzero(speakers != speaker), np.flatnonzero(speakers == speaker)
        net = Net().to(memory_format=torch.channels_last)
        adam = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=0.02)
        for _ in range(epochs):
            net.train()
            random.shuffle(train)
            for rows in np.array_split(train, -(-len(train) // 16)):
                x = torch.from_numpy(np.stack([window(i) for i in rows]))
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
