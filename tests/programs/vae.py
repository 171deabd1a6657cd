"""A variational autoencoder with the reparameterisation trick, in the form of the PyTorch examples."""

import torch
from torch import nn, optim
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(1)
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
centres = torch.rand(6, 36)
samples = (centres[torch.arange(120) % 6] + 0.05 * torch.randn(120, 36)).clamp(0, 1).reshape(-1, 1, 6, 6)
train_loader = DataLoader(TensorDataset(samples, torch.zeros(120)), batch_size=20, shuffle=True)


class VAE(nn.Module):
    def __init__(self):
        super(VAE, self).__init__()
        self.fc1 = nn.Linear(36, 24)
        self.fc21 = nn.Linear(24, 3)
        self.fc22 = nn.Linear(24, 3)
        self.fc3 = nn.Linear(3, 24)
        self.fc4 = nn.Linear(24, 36)

    def encode(self, x):
        h1 = F.relu(self.fc1(x))
        return self.fc21(h1), self.fc22(h1)

    def reparameterize(self, mu, logvar):
        std = torch.exp(0.5 * logvar)
        eps = torch.randn_like(std)
        return mu + eps * std

    def decode(self, z):
        h3 = F.relu(self.fc3(z))
        return torch.sigmoid(self.fc4(h3))

    def forward(self, x):
        mu, logvar = self.encode(x.view(-1, 36))
        z = self.reparameterize(mu, logvar)
        return self.decode(z), mu, logvar


def loss_function(recon_x, x, mu, logvar):
    BCE = F.binary_cross_entropy(recon_x, x.view(-1, 36), reduction="sum")
    KLD = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return BCE + KLD


model = VAE().to(device)
optimizer = optim.Adam(model.parameters(), lr=1e-2)
for epoch in range(1, 6):
    model.train()
    train_loss = 0
    for data, _ in train_loader:
        data = data.to(device)
        optimizer.zero_grad()
        recon_batch, mu, logvar = model(data)
        loss = loss_function(recon_batch, data, mu, logvar)
        loss.backward()
        train_loss += loss.item()
        optimizer.step()
    print("====> Epoch: {} Average loss: {:.3f}".format(epoch, train_loss / len(train_loader.dataset)))

model.eval()
with torch.no_grad():
    sample = model.decode(torch.randn(2, 3).to(device)).cpu().view(2, 1, 6, 6)
    print(sample.shape, sample.mean().item() > 0)
    recon, mu, _ = model(samples[:2])
    n = min(samples.size(0), 2)
    comparison = torch.cat([samples[:n], recon.view(-1, 1, 6, 6)[:n]])
    print(comparison.size(), f"{F.mse_loss(recon, samples[:2].view(2, 36)):.3f}")
