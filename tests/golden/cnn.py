"""Makes cnn.csv: losses and final logits of PyTorch on a small copy of the cnn, for src/learn/cnn/trajectory.rs.

    python tests/golden/cnn.py > tests/golden/cnn.csv

Net of STACK.md on 8 images of 3 x 16 x 24, 7 classes, no dropout, Adam at 1e-3, 20 steps over two alternating
batches. Numbers come from a formula, so that the test makes the same ones and no array is stored.
"""
import numpy as np, torch, torch.nn as nn, torch.nn.functional as F

torch.set_num_threads(1)
WIDTHS, CLASSES, BATCH, STEPS = [3, 16, 32, 64, 128], 7, 8, 20


def numbers(seed, *shape):
    """Exact in f32: integers below 2003 over 1024."""
    i = np.arange(np.prod(shape), dtype=np.int64)
    return torch.from_numpy(((i * i * 31 + i * 7919 + seed * 104729) % 2003 / 1024.0 - 1.0).astype(np.float32).reshape(shape))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.convs = nn.ModuleList([nn.Conv2d(a, b, 3, padding=1, bias=False) for a, b in zip(WIDTHS, WIDTHS[1:])])
        self.bns = nn.ModuleList([nn.BatchNorm2d(b) for b in WIDTHS[1:]])
        self.fc = nn.Linear(WIDTHS[-1], CLASSES)
        with torch.no_grad():
            for number, conv in enumerate(self.convs):
                out, ins, _, _ = conv.weight.shape
                # The engine's order is [row][column][in][out]; the first kernel's is [column][row][in][out].
                order = (3, 2, 1, 0) if number == 0 else (3, 2, 0, 1)
                conv.weight.copy_(numbers(number, 3, 3, ins, out).permute(order) / 8)
            self.fc.weight.copy_(numbers(10, WIDTHS[-1], CLASSES).T / 8)
            self.fc.bias.zero_()

    def forward(self, x):
        for number, (conv, bn) in enumerate(zip(self.convs, self.bns)):
            x = F.relu(bn(conv(x)))
            if number < 3:
                x = F.max_pool2d(x, 2)
        return self.fc(x.mean((2, 3)))


net = Net()
adam = torch.optim.Adam(net.parameters(), lr=1e-3)
print("what,index,value")
for step in range(STEPS):
    x = numbers(20 + step % 2, BATCH, 3, 16, 24)
    y = (torch.arange(BATCH) * 5 + step % 2) % CLASSES
    loss = F.cross_entropy(net(x), y)
    adam.zero_grad()
    loss.backward()
    adam.step()
    print(f"loss,{step},{loss.item():.8f}")
net.eval()
with torch.inference_mode():
    for index, value in enumerate(net(numbers(20, BATCH, 3, 16, 24)[:1])[0].tolist()):
        print(f"logit,{index},{value:.8f}")
