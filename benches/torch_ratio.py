"""Our training step and inference beside PyTorch's, eager and compiled, driven in turn in one run.

    just bench-cnn                            # or
    cargo bench --bench cnn --no-run          # prints the path of the executable
    python benches/torch_ratio.py PATH-OF-EXECUTABLE [ROUNDS] [THREADS] [--no-compile]

Two threads each, where not told otherwise. torch.compile needs a C++ compiler and minutes for its first step; where it
fails it is left out, with a line that says so. The machine may be noisy: what counts is the ratio of medians of
alternating turns: before each the machine rests, because PyTorch's threads (OpenMP) keep a processor busy for a while after
their last step, which would take it from whoever is next; then a step that does not count and three that do. Meanwhile a
process on each processor does nothing whenever nobody else wants to do anything (SCHED_IDLE), for both sides alike: a virtual
machine that gives an idle processor back takes milliseconds to get it again, longer than some steps. On a busy machine
waiting for a processor hides the work; the ratios of minima and of processor time, most honest with one thread, are then
the better ones. Last comes the share of the machine's peak (a product of two
1024 x 1024 matrices on each thread at once) that the convolutions' operations, counted by the definition, reach over
the time of the whole step; Winograd's way needs fewer, so it may be above 100 %.
TORCH_STEP_DATA names the folder for PyTorch's data (default /tmp/torch_step).
"""
import os, statistics, subprocess, sys, time

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.environ.setdefault("TORCH_STEP_DATA", "/tmp/torch_step")
# Asked of a compiled net before measuring: each compiles anew.
SHAPES = ["train", "inf 32", "inf 1"]
# Seconds before a turn, and the steps of one that count.
REST, STEPS = 0.3, 3


class Worker:
    def __init__(self, command, **env):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env={**os.environ, **env})

    def say(self, what):
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline()

    def ask(self, what):
        return float(self.say(what))

    def cpu(self):
        """Processor time used so far, ms."""
        with open(f"/proc/{self.process.pid}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) * 1e3 / os.sysconf("SC_CLK_TCK")

    def end(self):
        self.process.stdin.close()
        self.process.wait()


class Measured:
    """Milliseconds of one worker at one task: median, least, and processor time."""

    def __init__(self, times, cpu):
        self.median, self.least, self.cpu = statistics.median(times), min(times), cpu


def measure(workers, what, warm, rounds):
    times = {name: [] for name in workers}
    for worker in workers.values():
        for _ in range(warm):
            worker.ask(what)
    before = {name: worker.cpu() for name, worker in workers.items()}
    for _ in range(rounds):
        for name, worker in workers.items():
            time.sleep(REST)
            worker.ask(what)
            times[name] += [worker.ask(what) for _ in range(STEPS)]
    steps = rounds * (STEPS + 1)
    return {name: Measured(times[name], (worker.cpu() - before[name]) / steps) for name, worker in workers.items()}


def keep_awake():
    """Processes that run where and when no other does, for as long as this one lives."""
    idle = ("import os\nos.sched_setaffinity(0, [{}])\n"
            "os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))\nwhile os.getppid() == {}: pass")
    for cpu in os.sched_getaffinity(0):
        subprocess.Popen([sys.executable, "-c", idle.format(cpu, os.getpid())])


def compiled(torch_step, env):
    worker = Worker(torch_step, TCOMPILE="1", **env)
    try:
        for what in SHAPES * 2:
            worker.ask(what)
    except (ValueError, BrokenPipeError):
        print("torch.compile does not work here and is left out", flush=True)
        return {}
    return {"compiled": worker}


def share(worker, step, threads, rounds):
    """Of the peak, by least time and by processor time."""
    peak = measure({"emolab": worker}, "peak", 2, rounds)["emolab"]
    step_flops, peak_flops = map(float, worker.say("flops").split())
    print(f"peak    a product of two 1024 x 1024 matrices on each of {threads} threads at once: {peak.least:.2f} ms, "
          f"{peak_flops / peak.least / 1e6:.0f} GFLOP/s; a step's convolutions are {step_flops / 1e9:.2f} GFLOP by the "
          f"definition: {step_flops / step.least / 1e6:.0f} GFLOP/s over the whole step, "
          f"{100 * step_flops / step.least / (peak_flops / peak.least):.0f} % of the peak; "
          f"by processor time {100 * step_flops / step.cpu / (peak_flops / peak.cpu):.0f} %", flush=True)


def main():
    numbers = [argument for argument in sys.argv[2:] if not argument.startswith("--")]
    rounds = int(numbers[0]) if numbers else 40
    threads = numbers[1] if len(numbers) > 1 else "2"
    torch_step = [sys.executable, os.path.join(HERE, "torch_step.py")]
    if not os.path.exists(os.path.join(DATA, "x.npy")):
        subprocess.run(torch_step + ["make"], check=True)
    env = dict(CHANNELS_LAST="1", THREADS=threads, OMP_NUM_THREADS=threads)
    workers = {"emolab": Worker([sys.argv[1], "--worker"], RAYON_NUM_THREADS=threads), "eager": Worker(torch_step, **env)}
    if "--no-compile" not in sys.argv:
        workers |= compiled(torch_step, env)
    keep_awake()
    print(f"PyTorch channels_last; {threads} threads, {rounds} rounds; processor: time of all threads", flush=True)
    found = {}
    for what, warm, n in [("train", 4, rounds), ("inf 32", 4, rounds), ("inf 1", 10, 3 * rounds)]:
        found[what] = measure(workers, what, warm, n)
        ours = found[what]["emolab"]
        for name, their in found[what].items():
            line = f"{what:7} {name:8} median {their.median:8.2f} ms, least {their.least:8.2f}, processor {their.cpu:8.2f}"
            if name != "emolab":
                line += (f"; emolab / {name}: medians {ours.median / their.median:.2f}, least "
                         f"{ours.least / their.least:.2f}, processor {ours.cpu / their.cpu:.2f}")
            print(line, flush=True)
    for name, worker in workers.items():
        print(f"{name}: {worker.ask('rss') / 1024:.0f} MB resident at most")
    share(workers["emolab"], found["train"]["emolab"], threads, max(5, rounds // 4))
    for worker in workers.values():
        worker.end()


if __name__ == "__main__":
    main()
