"""A Siamese network: shared weights, contrastive and triplet losses, a hook on gradients, a checkpoint on disk."""

import os
import tempfile

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import optim
from torch.autograd import Variable
from torch.utils.data import DataLoader, Dataset, random_split

torch.manual_seed(11)


class Pairs(Dataset):
    def __init__(self, count):
        self.centres = torch.randn(3, 6) * 2
        self.label = torch.randint(3, (count, 2))
        self.points = self.centres[self.label] + 0.3 * torch.randn(count, 2, 6)

    def __getitem__(self, index):
        a, b = self.points[index]
        return a, b, (self.label[index, 0] != self.label[index, 1]).float().unsqueeze(0)

    def __len__(self):
        return len(self.points)


class SiameseNetwork(nn.Module):
    def __init__(self):
        super(SiameseNetwork, self).__init__()
        self.fc1 = nn.Sequential(nn.Linear(6, 16), nn.ReLU(inplace=True), nn.Linear(16, 8), nn.PReLU(), nn.Linear(8, 2))

    def forward_once(self, x):
        output = x.view(x.size()[0], -1)
        return self.fc1(output)

    def forward(self, input1, input2):
        return self.forward_once(input1), self.forward_once(input2)


class ContrastiveLoss(torch.nn.Module):
    def __init__(self, margin=2.0):
        super(ContrastiveLoss, self).__init__()
        self.margin = margin

    def forward(self, output1, output2, label):
        euclidean_distance = F.pairwise_distance(output1, output2, keepdim=True)
        return torch.mean(
            (1 - label) * torch.pow(euclidean_distance, 2)
            + (label) * torch.pow(torch.clamp(self.margin - euclidean_distance, min=0.0), 2)
        )


dataset = Pairs(96)
train_set, test_set = random_split(dataset, [80, 16], generator=torch.Generator().manual_seed(0))
train_dataloader = DataLoader(train_set, shuffle=True, batch_size=16, drop_last=True)
net = SiameseNetwork()
criterion = ContrastiveLoss()
optimizer = optim.RMSprop(net.parameters(), lr=0.01, momentum=0.5)
norms = []
handle = net.fc1[0].weight.register_hook(lambda grad: norms.append(grad.norm().item()))
counter = []
for epoch in range(0, 4):
    for i, data in enumerate(train_dataloader, 0):
        img0, img1, label = data
        img0, img1, label = Variable(img0), Variable(img1), Variable(label)
        output1, output2 = net(img0, img1)
        optimizer.zero_grad()
        loss_contrastive = criterion(output1, output2, label)
        loss_contrastive.backward()
        optimizer.step()
    counter.append(loss_contrastive.item())
    print("Epoch number {}\n Current loss {:.3f}".format(epoch, loss_contrastive.item()))
handle.remove()
print(len(norms), norms[0] > 0)

triplet = nn.TripletMarginLoss(margin=1.0, p=2)
anchor, positive, negative = (net.forward_once(t) for t in torch.randn(3, 5, 6))
loss = triplet(anchor, positive, negative) + nn.CosineEmbeddingLoss(margin=0.2)(anchor, negative, -torch.ones(5))
loss.backward()
print(f"{loss.item():.3f}", net.fc1[3].weight.grad is not None)

net.eval()
with torch.no_grad():
    same, different = [], []
    for a, b, label in DataLoader(test_set, batch_size=1):
        distance = F.pairwise_distance(*net(a, b)).item()
        (different if label.item() else same).append(distance)
print(f"{sum(same) / len(same) < sum(different) / len(different)}")

path = os.path.join(tempfile.mkdtemp(), "siamese.pt")
torch.save({"epoch": 4, "model_state_dict": net.state_dict(), "optimizer_state_dict": optimizer.state_dict(), "loss": counter}, path)
checkpoint = torch.load(path, weights_only=True)
again = SiameseNetwork()
print(again.load_state_dict(checkpoint["model_state_dict"]), checkpoint["epoch"])
again.eval()
x = torch.randn(2, 6)
print(torch.equal(again.forward_once(x), net.forward_once(x)))
os.remove(path)
