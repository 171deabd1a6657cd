"""Actor and critic share a trunk: namedtuples of log-probabilities and values, smooth L1, entropy, two heads."""

from collections import namedtuple

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.distributions import Categorical, Normal

SavedAction = namedtuple("SavedAction", ["log_prob", "value", "entropy"])
torch.manual_seed(7)


class Policy(nn.Module):
    """Implements both actor and critic in one model."""

    def __init__(self):
        super(Policy, self).__init__()
        self.affine1 = nn.Linear(3, 24)
        self.action_head = nn.Linear(24, 3)
        self.value_head = nn.Linear(24, 1)
        self.saved_actions = []
        self.rewards = []

    def forward(self, x):
        x = F.relu(self.affine1(x))
        action_prob = F.softmax(self.action_head(x), dim=-1)
        state_values = self.value_head(x)
        return action_prob, state_values


model = Policy()
optimizer = optim.Adam(model.parameters(), lr=3e-2)


def select_action(state):
    probs, state_value = model(state)
    m = Categorical(probs)
    action = m.sample()
    model.saved_actions.append(SavedAction(m.log_prob(action), state_value, m.entropy()))
    return action.item()


def finish_episode():
    R = 0
    saved_actions = model.saved_actions
    policy_losses, value_losses, returns = [], [], []
    for r in model.rewards[::-1]:
        R = r + 0.9 * R
        returns.insert(0, R)
    returns = torch.tensor(returns)
    returns = (returns - returns.mean()) / (returns.std() + 1e-6)
    for (log_prob, value, _), R in zip(saved_actions, returns):
        advantage = R - value.item()
        policy_losses.append(-log_prob * advantage)
        value_losses.append(F.smooth_l1_loss(value, torch.tensor([R])))
    entropy = torch.stack([saved.entropy for saved in saved_actions]).mean()
    optimizer.zero_grad()
    loss = torch.stack(policy_losses).sum() + torch.stack(value_losses).sum() - 0.01 * entropy
    loss.backward()
    optimizer.step()
    del model.rewards[:]
    del model.saved_actions[:]
    return loss.item(), entropy.item()


for i_episode in range(1, 31):
    state, ep_reward = torch.tensor([1.0, 0.0, 0.0]), 0.0
    for t in range(10):
        action = select_action(state)
        reward = 1.0 if action == int(state.argmax()) else 0.0
        model.rewards.append(reward)
        ep_reward += reward
        state = F.one_hot(torch.tensor((int(state.argmax()) + 1) % 3), 3).float()
    loss, entropy = finish_episode()
    if i_episode % 10 == 0:
        print(f"episode {i_episode}: reward {ep_reward:.0f}, loss {loss:.3f}, entropy {entropy:.3f}")

# A Gaussian policy for a continuous action: the mean is trained by the score, then through rsample.
mu = torch.zeros(1, requires_grad=True)
log_sigma = torch.zeros(1, requires_grad=True)
opt = optim.SGD([mu, log_sigma], lr=0.05)
for step in range(40):
    dist = Normal(mu, log_sigma.exp())
    if step % 2:
        a = dist.sample((64,))
        reward = -((a - 2.0) ** 2)
        loss = -(dist.log_prob(a) * (reward - reward.mean())).mean()
    else:
        loss = ((dist.rsample((64,)) - 2.0) ** 2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
print(f"mean {mu.item():.3f}, sigma {log_sigma.exp().item():.3f}")
