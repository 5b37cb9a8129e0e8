"""Makes cnn_layers.json: what PyTorch says of each layer, optimiser, schedule, average and loss of src/learn/cnn, and of 20
training steps of a model that uses all layers. Read by src/learn/cnn/golden.rs.

    python tests/golden/cnn_layers.py > tests/golden/cnn_layers.json

Everything in f64. Inputs, weights and gradients come from a formula, so that the test makes the same ones; they are in the
engine's order: images [clip][height][width][channel], kernels [row][column][in][out], matrices [in][out].
"""
import json, math
import numpy as np, torch, torch.nn as nn, torch.nn.functional as F

torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)


def numbers(seed, *shape):
    """Exact in f32: integers below 2003 over 1024."""
    i = np.arange(np.prod(shape, dtype=np.int64), dtype=np.int64)
    return torch.from_numpy(((i * i * 31 + i * 7919 + seed * 104729) % 2003 / 1024.0 - 1.0).reshape(shape))


def weights(seed, *shape):
    return (numbers(seed, *shape) / 4).requires_grad_()


def rounded(values):
    return [float(f"{v:.9g}") for v in np.asarray(values.detach().numpy() if torch.is_tensor(values) else values).ravel()]


def chw(x):  # [clip][height][width][channel] to PyTorch's order
    return x.permute(0, 3, 1, 2)


def hwc(x):
    return x.permute(0, 2, 3, 1)


# Each layer: (parameters in the engine's order) and a function of them, an image batch in the engine's order and its
# valid widths.

def conv(seed, ins, outs, kernel, stride=(1, 1), dilation=(1, 1), depthwise=False, bias=False):
    depth = 1 if depthwise else ins
    own = [weights(seed, *kernel, depth, outs)] + ([weights(seed + 1, outs)] if bias else [])
    pads = [d * (k - 1) // 2 for k, d in zip(kernel, dilation)]

    def run(x, valid, train=True):
        w = own[0].permute(3, 2, 0, 1)
        b = own[1] if bias else None
        y = F.conv2d(chw(x), w, b, stride=stride, padding=pads, dilation=dilation, groups=ins if depthwise else 1)
        return hwc(y), [-(-v // stride[1]) for v in valid]

    return own, run


def batch_norm(seed, channels):
    own = [weights(seed, channels), weights(seed + 1, channels)]
    mean, variance = torch.zeros(channels), torch.ones(channels)

    def run(x, valid, train=True):
        return hwc(F.batch_norm(chw(x), mean, variance, own[0], own[1], train, 0.1, 1e-5)), valid

    run.state = (mean, variance)
    return own, run


def plain(of):
    return [], lambda x, valid, train=True: (of(x), valid)


def pool(of, size):
    return [], lambda x, valid, train=True: (hwc(of(chw(x), size)), [-(-v // size[1]) for v in valid])


def mean_pool(parts):
    def run(x, valid, train=True):
        rows = []
        for image, v in zip(x, valid):
            seen = image[:, :v]
            rows.append(torch.cat([part.mean((0, 1)) for part in seen.chunk(parts, 0)]))
        return torch.stack(rows)[:, None, None, :], [1] * len(valid)

    return [], run


def linear(seed, ins, outs):
    own = [weights(seed, ins, outs), weights(seed + 1, outs)]
    return own, lambda x, valid, train=True: (x @ own[0] + own[1], valid)


def squeeze(seed, channels, hidden):
    own = [weights(seed, channels, hidden), weights(seed + 1, hidden), weights(seed + 2, hidden, channels),
           weights(seed + 3, channels)]

    def run(x, valid, train=True):
        means = torch.stack([image[:, :v].mean((0, 1)) for image, v in zip(x, valid)])
        s = torch.sigmoid(F.relu(means @ own[0] + own[1]) @ own[2] + own[3])
        return x * s[:, None, None, :], valid

    return own, run


def attention(seed, channels, hidden):
    own = [weights(seed, channels, hidden), weights(seed + 1, hidden), weights(seed + 2, hidden)]

    def run(x, valid, train=True):
        rows = []
        for image, v in zip(x, valid):
            frames = image[0, :v]
            share = torch.softmax(torch.tanh(frames @ own[0] + own[1]) @ own[2], 0)[:, None]
            mean = (share * frames).sum(0)
            variance = (share * frames * frames).sum(0) - mean * mean
            rows.append(torch.cat([mean, torch.sqrt(variance + 1e-5)]))
        return torch.stack(rows)[:, None, None, :], [1] * len(valid)

    return own, run


def gru(seed, ins, hidden, ways):
    own = []
    for way in range(ways):
        at = seed + 4 * way
        own += [weights(at, ins, 3 * hidden), weights(at + 1, hidden, 3 * hidden), weights(at + 2, 3 * hidden),
                weights(at + 3, 3 * hidden)]
    net = nn.GRU(ins, hidden, bidirectional=ways == 2, batch_first=True)
    names = [f"{name}_l0{end}" for end in ["", "_reverse"][:ways] for name in ["weight_ih", "weight_hh", "bias_ih", "bias_hh"]]

    def run(x, valid, train=True):
        given = {name: p.T if p.dim() == 2 else p for name, p in zip(names, own)}
        rows = []
        for image, v in zip(x, valid):
            y, _ = torch.func.functional_call(net, given, (image[0, :v][None],))
            rows.append(F.pad(y[0], (0, 0, 0, image.shape[1] - v)))
        return torch.stack(rows)[:, None], valid

    return own, run


def fold():
    def of(x):
        n, h, w, c = x.shape
        return x.permute(0, 2, 1, 3).reshape(n, 1, w, h * c)

    return plain(of)


relu, silu = plain(F.relu), plain(F.silu)

CASES = [
    # name, list, (height, width, channels), valid widths, layer
    ("conv 3x3", "kind='conv'\nchannels=4\nkernel=[3,3]", (3, 5, 2), [5, 4], conv(1, 2, 4, (3, 3))),
    ("conv 5x3, stride 2x1, bias", "kind='conv'\nchannels=3\nkernel=[5,3]\nstride=[2,1]\nbias=true", (4, 5, 2), [5, 2],
     conv(2, 2, 3, (5, 3), (2, 1), bias=True)),
    ("conv 3x3, stride 2, dilation 2x3", "kind='conv'\nchannels=3\nkernel=[3,3]\nstride=[2,2]\ndilation=[2,3]", (4, 6, 2), [6, 3],
     conv(3, 2, 3, (3, 3), (2, 2), (2, 3))),
    ("conv 1x1", "kind='conv'\nchannels=3\nkernel=[1,1]", (2, 3, 4), [3, 3], conv(4, 4, 3, (1, 1))),
    ("conv depthwise", "kind='conv'\nchannels=3\nkernel=[3,5]\nstride=[1,2]\ndepthwise=true", (3, 6, 3), [6, 5],
     conv(5, 3, 3, (3, 5), (1, 2), depthwise=True)),
    ("conv1d", "kind='conv1d'\nchannels=4\nkernel=5\nbias=true", (1, 7, 3), [7, 4], conv(6, 3, 4, (1, 5), bias=True)),
    ("conv1d, stride 2, dilation 3", "kind='conv1d'\nchannels=2\nkernel=3\nstride=2\ndilation=3", (1, 8, 3), [8, 4],
     conv(7, 3, 2, (1, 3), (1, 2), (1, 3))),
    ("conv1d depthwise", "kind='conv1d'\nchannels=3\nkernel=3\ndilation=2\ndepthwise=true", (1, 7, 3), [7, 4],
     conv(8, 3, 3, (1, 3), dilation=(1, 2), depthwise=True)),
    ("batch_norm", "kind='batch_norm'", (2, 3, 3), [3, 2], batch_norm(9, 3)),
    ("relu", "kind='relu'", (2, 3, 3), [3, 2], relu),
    ("silu", "kind='silu'", (2, 3, 3), [3, 2], silu),
    ("max_pool", "kind='max_pool'\nsize=[2,3]", (4, 6, 3), [6, 4], pool(F.max_pool2d, (2, 3))),
    ("avg_pool", "kind='avg_pool'\nsize=[2,3]", (4, 6, 3), [6, 4], pool(F.avg_pool2d, (2, 3))),
    ("mean_pool", "kind='mean_pool'\nparts=2", (4, 6, 3), [6, 4], mean_pool(2)),
    ("linear", "kind='linear'\noutputs=4", (1, 1, 6), [1, 1], linear(10, 6, 4)),
    ("squeeze", "kind='squeeze'\nhidden=3", (2, 4, 5), [4, 2], squeeze(11, 5, 3)),
    ("attention", "kind='attention'\nhidden=4", (1, 6, 3), [6, 4], attention(12, 3, 4)),
    ("gru", "kind='gru'\nhidden=5", (1, 6, 3), [6, 4], gru(13, 3, 5, 2)),
    ("gru one way", "kind='gru'\nhidden=3\nboth_ways=false", (1, 5, 2), [5, 1], gru(14, 2, 3, 1)),
    ("fold", "kind='fold'", (3, 4, 2), [4, 2], fold()),
]


def layer_case(name, text, plane, valid, layer):
    own, run = layer
    x = numbers(50, 2, *plane).requires_grad_()
    y, _ = run(x, valid)
    dy = numbers(60, *y.shape)
    (y * dy).sum().backward()
    case = {"name": name, "list": "[[layer]]\n" + text, "plane": plane, "valid": valid, "y": rounded(y), "dx": rounded(x.grad),
            "gradient": [v for p in own for v in rounded(p.grad)], "scored": [], "state": []}
    if hasattr(run, "state"):
        case["state"] = [v for s in run.state for v in rounded(s)]
        case["scored"] = rounded(run(x, valid, False)[0])
    for p in own:
        p.grad = None
    return case


# The model of all layers: (list entry, layer), for images of 2 channels, 8 bands, 24 frames.
def all_layers():
    return [
        ("kind='conv'\nchannels=4\nkernel=[3,3]\nstride=[1,2]", conv(100, 2, 4, (3, 3), (1, 2))),
        ("kind='batch_norm'", batch_norm(102, 4)),
        ("kind='silu'", silu),
        ("kind='max_pool'\nsize=[2,1]", pool(F.max_pool2d, (2, 1))),
        ("kind='conv'\nchannels=4\nkernel=[3,3]\ndilation=[1,2]\ndepthwise=true", conv(104, 4, 4, (3, 3), dilation=(1, 2), depthwise=True)),
        ("kind='conv'\nchannels=6\nkernel=[1,1]", conv(106, 4, 6, (1, 1))),
        ("kind='batch_norm'", batch_norm(108, 6)),
        ("kind='relu'", relu),
        ("kind='squeeze'\nhidden=3", squeeze(110, 6, 3)),
        ("kind='dropout'\nrate=0.0\nspatial=true", plain(lambda x: x)),
        ("kind='avg_pool'\nsize=[2,1]", pool(F.avg_pool2d, (2, 1))),
        ("kind='fold'", fold()),
        ("kind='conv1d'\nchannels=8\nkernel=3\ndilation=2\nbias=true", conv(114, 12, 8, (1, 3), dilation=(1, 2), bias=True)),
        ("kind='relu'", relu),
        ("kind='gru'\nhidden=5", gru(118, 8, 5, 2)),
        ("kind='attention'\nhidden=4", attention(126, 10, 4)),
        ("kind='linear'\noutputs=9", linear(129, 20, 9)),
        ("kind='relu'", relu),
    ]


CLASS_WEIGHTS = torch.tensor([0.5, 1.0, 2.0])


def cross_entropy(logits, targets, weight, smoothing):
    """A clip weighs what its targets weigh; smoothing as PyTorch does it without class weights."""
    each = F.cross_entropy(logits, targets, reduction="none", label_smoothing=smoothing)
    shares = targets @ weight
    return (each * shares).sum() / shares.sum()


def trajectory():
    layers = all_layers()
    head = linear(140, 9, 5)
    own = [p for _, (own, _) in layers for p in own] + head[0]
    optimiser = torch.optim.AdamW(own, lr=3e-2, weight_decay=0.05)
    losses = []

    def logits(x, valid, train):
        for _, (_, run) in layers:
            x, valid = run(x, valid, train)
        return head[1](x, valid)[0][:, 0, 0]

    for step in range(20):
        at = 200 + step % 2
        x, valid = numbers(at, 6, 8, 24, 2), [24, 20, 7, 24, 13, 22]
        for clip, v in enumerate(valid):
            x[clip, :, v:] = 0
        first = F.one_hot((torch.arange(6) * 5 + step % 2) % 3, 3).double()
        first[0] = torch.tensor([0.25, 0.75, 0.0])
        second = F.one_hot(torch.arange(6) % 2, 2).double()
        for group in optimiser.param_groups:
            group["lr"] = 3e-2 * (1 + math.cos(math.pi * step / 20)) / 2
        y = logits(x, valid, True)
        loss = cross_entropy(y[:, :3], first, CLASS_WEIGHTS, 0.1) + 0.3 * F.cross_entropy(y[:, 3:], second)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(own, 1.0)
        optimiser.step()
        losses.append(loss.item())
    scored = logits(numbers(200, 6, 8, 24, 2)[:1], [24], False)
    return {"list": "".join(f"[[layer]]\n{text}\n" for text, _ in layers), "losses": rounded(losses), "logits": rounded(scored)}


def optimisers():
    makers = {
        "adam": lambda p: torch.optim.Adam(p, lr=0.03),
        "adamw": lambda p: torch.optim.AdamW(p, lr=0.03, weight_decay=0.2),
        "sgd": lambda p: torch.optim.SGD(p, lr=0.03, momentum=0.9, weight_decay=0.2),
    }
    found = {}
    for name, make in makers.items():
        p = numbers(1, 7).requires_grad_()
        optimiser = make([p])
        for step in range(20):
            p.grad = numbers(300 + step, 7)
            optimiser.step()
        found[name] = rounded(p)
    g = numbers(2, 7).requires_grad_()
    g.grad = numbers(3, 7).clone()
    nn.utils.clip_grad_norm_([g], 0.7)
    return found | {"clipped": rounded(g.grad)}


def averages():
    from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
    found = {}
    for name, multi in [("ema", get_ema_multi_avg_fn(0.8)), ("swa", None)]:
        net = nn.Linear(7, 1, bias=False)
        mean = AveragedModel(net, multi_avg_fn=multi)
        for step in range(10):
            with torch.no_grad():
                net.weight.copy_(numbers(400 + step, 1, 7))
            mean.update_parameters(net)
        found[name] = rounded(mean.module.weight)
    return found


def schedules(steps=50):
    from torch.optim import lr_scheduler as lr
    makers = {
        "cosine": lambda o: lr.CosineAnnealingLR(o, steps, eta_min=0.1),
        "restarts": lambda o: lr.CosineAnnealingWarmRestarts(o, 7, 2, eta_min=0.1),
        "one_cycle": lambda o: lr.SequentialLR(
            o, [lr.LinearLR(o, 0.1, 1.0, 10), lr.CosineAnnealingLR(o, steps - 10)], [10]),
    }
    found = {}
    for name, make in makers.items():
        optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
        scheduler, rates = make(optimiser), []
        for _ in range(steps):
            rates.append(optimiser.param_groups[0]["lr"])
            optimiser.step()
            scheduler.step()
        found[name] = rounded(rates)
    return found


def losses():
    found = {}
    for name, weight, smoothing, soft in [("plain", [1.0, 1.0, 1.0], 0.0, False), ("weighted", [0.5, 1.0, 2.0], 0.0, False),
                                          ("smoothed", [0.5, 1.0, 2.0], 0.2, False), ("soft", [0.5, 1.0, 2.0], 0.2, True)]:
        logits = (2 * numbers(4, 4, 3)).requires_grad_()
        labels = torch.tensor([2, 0, 1, 1])
        targets = torch.softmax(numbers(5, 4, 3), 1) if soft else F.one_hot(labels, 3).double()
        loss = cross_entropy(logits, targets, torch.tensor(weight), smoothing)
        if smoothing == 0.0:  # PyTorch's own weighting, where it means the same
            assert abs(loss.item() - F.cross_entropy(logits, labels, torch.tensor(weight)).item()) < 1e-12
        loss.backward()
        found[name] = {"weights": weight, "smoothing": smoothing, "targets": rounded(targets), "loss": loss.item(),
                       "gradient": rounded(logits.grad)}
    return found


if __name__ == "__main__":
    made = {"layers": [layer_case(*case) for case in CASES], "trajectory": trajectory(), "optimisers": optimisers(),
            "averages": averages(), "schedules": schedules(), "losses": losses()}
    print(json.dumps(made, separators=(",", ":")).replace('},{"name"', '},\n{"name"').replace(',"trajectory"', ',\n"trajectory"'))
