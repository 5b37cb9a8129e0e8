"""Our training step and inference beside PyTorch's, driven in turn in one run.

    cargo bench --bench cnn --no-run          # prints the path of the executable
    python benches/torch_ratio.py PATH-OF-EXECUTABLE [ROUNDS] [THREADS]

Two threads each, where not told otherwise. The machine may be noisy: what counts is the ratio of medians of
alternating steps. On a busy machine waiting for a processor hides the work; the ratio of processor time, most
honest with one thread, is then the better one.
TORCH_STEP_DATA names the folder for PyTorch's data (default /tmp/torch_step).
"""
import os, statistics, subprocess, sys

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.environ.setdefault("TORCH_STEP_DATA", "/tmp/torch_step")


class Worker:
    def __init__(self, command, **env):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env={**os.environ, **env})

    def ask(self, what):
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def cpu(self):
        """Processor time used so far, ms."""
        with open(f"/proc/{self.process.pid}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) * 1e3 / os.sysconf("SC_CLK_TCK")


def main():
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 40
    threads = sys.argv[3] if len(sys.argv) > 3 else "2"
    torch_step = [sys.executable, os.path.join(HERE, "torch_step.py")]
    if not os.path.exists(os.path.join(DATA, "x.npy")):
        subprocess.run(torch_step + ["make"], check=True)
    workers = {"emolab": Worker([sys.argv[1], "--worker"], RAYON_NUM_THREADS=threads),
               "torch": Worker(torch_step, CHANNELS_LAST="1", THREADS=threads, OMP_NUM_THREADS=threads)}
    for what, warm, n in [("train", 4, rounds), ("inf 32", 4, rounds), ("inf 1", 10, 3 * rounds)]:
        times = {name: [] for name in workers}
        for i in range(warm + n):
            if i == warm:
                before = {name: worker.cpu() for name, worker in workers.items()}
            for name, worker in workers.items():
                ms = worker.ask(what)
                if i >= warm:
                    times[name].append(ms)
        ours, torch = (statistics.median(times[name]) for name in ("emolab", "torch"))
        low = min(times["emolab"]) / min(times["torch"])
        cpu = {name: (worker.cpu() - before[name]) / n for name, worker in workers.items()}
        print(f"{what:7} emolab {ours:8.2f} ms   torch channels_last {torch:8.2f} ms   "
              f"ratio of medians {ours / torch:.2f}, of minima {low:.2f}; "
              f"processor {cpu['emolab']:.1f} and {cpu['torch']:.1f} ms, ratio {cpu['emolab'] / cpu['torch']:.2f}",
              flush=True)
    for name, worker in workers.items():
        print(f"{name}: {worker.ask('rss') / 1024:.0f} MB resident at most")
        worker.process.stdin.write("quit\n")
        worker.process.stdin.close()
        worker.process.wait()


if __name__ == "__main__":
    main()
