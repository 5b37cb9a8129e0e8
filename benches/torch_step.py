# The PyTorch side of torch_ratio.py: the same net as benches/cnn.rs; answers train, inf N, traj N and rss on stdin.
import sys, os, time, resource
import numpy as np
import torch, torch.nn as nn, torch.nn.functional as F
D = os.environ.get("TORCH_STEP_DATA", "/tmp/torch_step")  # outside the tree: 40 MB made by `make`
torch.set_num_threads(int(os.environ.get("THREADS","2")))
CL = os.environ.get("CHANNELS_LAST") == "1"
COMPILE = os.environ.get("TCOMPILE") == "1"
class Net(nn.Module):
    def __init__(s):
        super().__init__()
        ch=[3,16,32,64,128]
        s.convs=nn.ModuleList([nn.Conv2d(ch[i],ch[i+1],3,padding=1,bias=False) for i in range(4)])
        s.bns=nn.ModuleList([nn.BatchNorm2d(ch[i+1]) for i in range(4)])
        s.fc=nn.Linear(128,7)
    def forward(s,x,p):
        for i in range(4):
            x=F.relu(s.bns[i](s.convs[i](x)))
            if i<3: x=F.max_pool2d(x,2)
        x=x.mean((2,3))
        if p>0: x=F.dropout(x,p,s.training)
        return s.fc(x)
def make_data():
    os.makedirs(D,exist_ok=True)
    g=torch.Generator().manual_seed(0)
    n=32*8
    y=torch.randint(0,7,(n,),generator=g)
    pat=torch.randn(7,3,64,192,generator=g)
    x=torch.randn(n,3,64,192,generator=g)+0.15*pat[y]
    np.save(f"{D}/x.npy",x.numpy()); np.save(f"{D}/y.npy",y.numpy().astype(np.int64))
    torch.manual_seed(1)
    m=Net()
    for i in range(4): np.save(f"{D}/conv{i}.npy",m.convs[i].weight.detach().numpy())
    np.save(f"{D}/fcw.npy",m.fc.weight.detach().numpy()); np.save(f"{D}/fcb.npy",m.fc.bias.detach().numpy())
if len(sys.argv)>1 and sys.argv[1]=="make": make_data(); sys.exit()
def fresh():
    m=Net()
    with torch.no_grad():
        for i in range(4): m.convs[i].weight.copy_(torch.from_numpy(np.load(f"{D}/conv{i}.npy")))
        m.fc.weight.copy_(torch.from_numpy(np.load(f"{D}/fcw.npy"))); m.fc.bias.copy_(torch.from_numpy(np.load(f"{D}/fcb.npy")))
    if CL: m=m.to(memory_format=torch.channels_last)
    return m,torch.optim.Adam(m.parameters(),lr=1e-3)
X=torch.from_numpy(np.load(f"{D}/x.npy")); Y=torch.from_numpy(np.load(f"{D}/y.npy"))
if CL: X=X.contiguous(memory_format=torch.channels_last)
m,opt=fresh()
fwd=torch.compile(m) if COMPILE else m
def step(m,opt,b,p):
    xb=X[b*32:b*32+32]; yb=Y[b*32:b*32+32]
    m.train()
    loss=F.cross_entropy((fwd if m is globals()['m'] else m)(xb,p),yb); opt.zero_grad(set_to_none=True); loss.backward(); opt.step()
    return loss.item()
k=0
for line in sys.stdin:
    c=line.split()
    if not c: continue
    if c[0]=="quit": break
    t=time.perf_counter()
    if c[0]=="train": step(m,opt,k%8,0.3); k+=1
    elif c[0]=="inf":
        n=int(c[1]); m.eval()
        with torch.inference_mode(): fwd(X[:n],0.0).numpy().sum()
    elif c[0]=="traj":
        m2,o2=fresh(); print(" ".join(f"{step(m2,o2,i%8,0.0):.6f}" for i in range(int(c[1]))),flush=True); 
        m2.eval()
        with torch.inference_mode(): print(" ".join(f"{v:.6f}" for v in m2(X[:1],0.0)[0].tolist()),flush=True)
        continue
    elif c[0]=="rss":
        print([l.split()[1] for l in open("/proc/self/status") if l.startswith("VmHWM")][0],flush=True); continue
    print(f"{(time.perf_counter()-t)*1e3:.4f}",flush=True)
