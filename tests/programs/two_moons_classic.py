"""The loop that every course writes: device, DataLoader, accuracy, early stopping, best weights kept, a schedule on plateau."""

import copy
import time

import numpy as np
import torch
from torch import nn
from torch.optim import lr_scheduler
from torch.utils.data import DataLoader, TensorDataset, WeightedRandomSampler

device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
print(f"Using {device} device")
torch.manual_seed(0)
np.random.seed(0)
torch.backends.cudnn.deterministic = True

t = np.random.rand(160) * np.pi
kind = np.arange(160) % 2
X = np.stack([np.cos(t) + kind, np.where(kind, 0.4 - np.sin(t), np.sin(t))], 1).astype(np.float32)
X += 0.1 * np.random.randn(*X.shape).astype(np.float32)
y = kind.astype(np.int64)
train = TensorDataset(torch.from_numpy(X[:120]), torch.from_numpy(y[:120]))
valid = TensorDataset(torch.from_numpy(X[120:]), torch.from_numpy(y[120:]))
weights = 1.0 / torch.bincount(train.tensors[1]).float()
sampler = WeightedRandomSampler(weights[train.tensors[1]], num_samples=120, replacement=True)
dataloaders = {"train": DataLoader(train, batch_size=20, sampler=sampler, pin_memory=False), "val": DataLoader(valid, batch_size=40)}
dataset_sizes = {"train": 120, "val": 40}


class NeuralNetwork(nn.Module):
    def __init__(self):
        super().__init__()
        self.flatten = nn.Flatten()
        self.linear_relu_stack = nn.Sequential(
            nn.Linear(2, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.1), nn.Linear(16, 16), nn.ELU(), nn.Linear(16, 2)
        )

    def forward(self, x):
        return self.linear_relu_stack(self.flatten(x))


model = NeuralNetwork().to(device)
print(model)
criterion = nn.CrossEntropyLoss(label_smoothing=0.05)
optimizer = torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.9, nesterov=True, weight_decay=1e-4)
plateau = lr_scheduler.ReduceLROnPlateau(optimizer, "min", factor=0.5, patience=0)
since = time.time()
best_acc, best_weights = 0.0, copy.deepcopy(model.state_dict())
for epoch in range(5):
    for phase in ["train", "val"]:
        model.train() if phase == "train" else model.eval()
        running_loss, running_corrects = 0.0, 0
        for inputs, labels in dataloaders[phase]:
            inputs, labels = inputs.to(device, non_blocking=True), labels.to(device)
            optimizer.zero_grad()
            with torch.set_grad_enabled(phase == "train"):
                outputs = model(inputs)
                _, preds = torch.max(outputs, 1)
                loss = criterion(outputs, labels)
                if phase == "train":
                    loss.backward()
                    optimizer.step()
            running_loss += loss.item() * inputs.size(0)
            running_corrects += torch.sum(preds == labels.data)
        epoch_loss = running_loss / dataset_sizes[phase]
        epoch_acc = running_corrects.double() / dataset_sizes[phase]
        print(f"{phase} Loss: {epoch_loss:.3f} Acc: {epoch_acc:.3f}")
        if phase == "val":
            plateau.step(epoch_loss)
            if epoch_acc > best_acc:
                best_acc = epoch_acc
                best_weights = copy.deepcopy(model.state_dict())
elapsed = time.time() - since
print(f"Best val Acc: {best_acc:3f}", elapsed >= 0, optimizer.param_groups[0]["lr"])
model.load_state_dict(best_weights)
model.eval()
confusion = torch.zeros(2, 2, dtype=torch.int64)
with torch.inference_mode():
    for inputs, labels in dataloaders["val"]:
        for label, guess in zip(labels.view(-1), model(inputs).softmax(dim=1).argmax(dim=1)):
            confusion[label.long(), guess.long()] += 1
print(confusion, confusion.diag() / confusion.sum(1))
