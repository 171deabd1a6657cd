"""Skip-gram with negative sampling and CBOW, with embeddings, unigram table and nearest neighbours."""

import random
from collections import Counter

import torch
import torch.autograd as autograd
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(1)
random.seed(1)
CONTEXT_SIZE = 2
raw_text = """we are about to study the idea of a computational process . computational processes are abstract beings
that inhabit computers . as they evolve , processes manipulate other abstract things called data . the evolution of a
process is directed by a pattern of rules called a program . people create programs to direct processes .""".split()
vocab = sorted(set(raw_text))
word_to_ix = {word: i for i, word in enumerate(vocab)}
ix_to_word = {i: word for word, i in word_to_ix.items()}
data = []
for i in range(2, len(raw_text) - 2):
    context = [raw_text[i - 2], raw_text[i - 1], raw_text[i + 1], raw_text[i + 2]]
    data.append((context, raw_text[i]))
print(data[:2], len(vocab))


def make_context_vector(context, word_to_ix):
    idxs = [word_to_ix[w] for w in context]
    return autograd.Variable(torch.LongTensor(idxs))


class CBOW(nn.Module):
    def __init__(self, vocab_size, embedding_dim):
        super(CBOW, self).__init__()
        self.embeddings = nn.Embedding(vocab_size, embedding_dim)
        self.linear1 = nn.Linear(embedding_dim, 24)
        self.linear2 = nn.Linear(24, vocab_size)

    def forward(self, inputs):
        embeds = sum(self.embeddings(inputs)).view((1, -1))
        out = F.relu(self.linear1(embeds))
        out = self.linear2(out)
        return F.log_softmax(out, dim=1)


losses = []
loss_function = nn.NLLLoss()
model = CBOW(len(vocab), 8)
optimizer = optim.SGD(model.parameters(), lr=0.02)
for epoch in range(4):
    total_loss = torch.Tensor([0])
    for context, target in data:
        context_var = make_context_vector(context, word_to_ix)
        model.zero_grad()
        log_probs = model(context_var)
        loss = loss_function(log_probs, autograd.Variable(torch.LongTensor([word_to_ix[target]])))
        loss.backward()
        optimizer.step()
        total_loss += loss.data
    losses.append(total_loss)
print([f"{loss.item():.2f}" for loss in losses])


class SkipGram(nn.Module):
    def __init__(self, size, dim):
        super().__init__()
        self.input = nn.Embedding(size, dim, sparse=False)
        self.output = nn.Embedding(size, dim)
        nn.init.xavier_uniform_(self.input.weight)
        nn.init.constant_(self.output.weight, 0)

    def forward(self, centre, context, negative):
        v = self.input(centre)
        u = self.output(context)
        n = self.output(negative)
        positive = F.logsigmoid((u * v).sum(1))
        negative = F.logsigmoid(-torch.bmm(n, v.unsqueeze(2)).squeeze(2)).sum(1)
        return -(positive + negative).mean()


counts = Counter(raw_text)
unigram = torch.tensor([counts[w] for w in vocab], dtype=torch.float) ** 0.75
pairs = [(word_to_ix[t], word_to_ix[c]) for context, t in data for c in context]
centre, context = map(torch.tensor, zip(*pairs))
skip = SkipGram(len(vocab), 8)
optimizer = optim.Adagrad(skip.parameters(), lr=0.5)
for epoch in range(8):
    order = torch.randperm(len(pairs))
    total = 0.0
    for chunk in order.split(64):
        negative = torch.multinomial(unigram, len(chunk) * 3, replacement=True).view(-1, 3)
        loss = skip(centre[chunk], context[chunk], negative)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(chunk)
    if epoch % 2 == 0:
        print(f"epoch {epoch}: {total / len(pairs):.3f}")
emb = F.normalize(skip.input.weight.detach(), dim=1)
similar = emb @ emb[word_to_ix["process"]]
best = torch.topk(similar, 1)
print(ix_to_word[best.indices[0].item()], f"{best.values[0]:.2f}")
print(F.cosine_similarity(emb[0], emb[1], dim=0).shape)
