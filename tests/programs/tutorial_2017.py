"""Code of 2017: Variables, volatile habits, .data[0] gone, xrange gone, size_average, legacy constructors, async."""

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.autograd import Variable
from torch.optim.lr_scheduler import _LRScheduler

dtype = torch.FloatTensor
# dtype = torch.cuda.FloatTensor # Uncomment this to run on GPU
torch.manual_seed(0)

x = torch.Tensor(5, 3)
print(x.size(), isinstance(x, dtype), x.type())
x = torch.rand(5, 3)
y = torch.rand(5, 3)
result = torch.Tensor(5, 3)
torch.add(x, y, out=result)
print((result - (x + y)).abs().max())
y.add_(x)
print(torch.equal(y, result), y[:, 1].size())
if torch.cuda.is_available():
    x = x.cuda()

a = torch.ones(5)
b = a.numpy()
a.add_(1)
print(a, b)

x = Variable(torch.ones(2, 2), requires_grad=True)
y = x + 2
print(y.grad_fn is not None)
z = y * y * 3
out = z.mean()
out.backward()
print(x.grad)
x = torch.randn(3)
x = Variable(x, requires_grad=True)
y = x * 2
while y.data.norm() < 1000:
    y = y * 2
gradients = torch.FloatTensor([0.1, 1.0, 0.0001])
y.backward(gradients)
print(x.grad)

N, D_in, H, D_out = 16, 20, 10, 4
x = Variable(torch.randn(N, D_in).type(dtype), requires_grad=False)
y = Variable(torch.randn(N, D_out).type(dtype), requires_grad=False)
w1 = Variable(torch.randn(D_in, H).type(dtype), requires_grad=True)
w2 = Variable(torch.randn(H, D_out).type(dtype), requires_grad=True)
learning_rate = 1e-4
for t in range(20):
    y_pred = x.mm(w1).clamp(min=0).mm(w2)
    loss = (y_pred - y).pow(2).sum()
    if t % 5 == 0:
        print(t, "%.2f" % loss.item())
    loss.backward()
    w1.data -= learning_rate * w1.grad.data
    w2.data -= learning_rate * w2.grad.data
    w1.grad.data.zero_()
    w2.grad.data.zero_()


class MyReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx, input):
        ctx.save_for_backward(input)
        return input.clamp(min=0)

    @staticmethod
    def backward(ctx, grad_output):
        (input,) = ctx.saved_tensors
        grad_input = grad_output.clone()
        grad_input[input < 0] = 0
        return grad_input


relu = MyReLU.apply
loss = (relu(x.mm(w1)).mm(w2) - y).pow(2).sum()
loss.backward()
print("%.2f" % loss.item(), w1.grad.size())


class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.conv1 = nn.Conv2d(1, 3, kernel_size=5)
        self.conv2_drop = nn.Dropout2d(p=0.2)
        self.fc1 = nn.Linear(48, 10)

    def forward(self, x):
        x = F.relu(F.max_pool2d(self.conv2_drop(self.conv1(x)), 2))
        x = x.view(-1, self.num_flat_features(x))
        x = F.dropout(F.tanh(self.fc1(x)), training=self.training)
        return F.log_softmax(x, dim=1)

    def num_flat_features(self, x):
        size = x.size()[1:]
        num_features = 1
        for s in size:
            num_features *= s
        return num_features


class Halve(_LRScheduler):
    def get_lr(self):
        return [base_lr * 0.5**self.last_epoch for base_lr in self.base_lrs]


net = Net()
print(net)
params = list(net.parameters())
print(len(params), params[0].size())
criterion = nn.CrossEntropyLoss()
optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.5)
scheduler = Halve(optimizer)
input = Variable(torch.randn(8, 1, 12, 12))
target = Variable(torch.LongTensor([0, 1, 2, 3, 4, 5, 6, 7]))
for epoch in range(4):
    optimizer.zero_grad()
    output = net(input)
    loss = F.nll_loss(output, target)
    loss.backward()
    optimizer.step()
    scheduler.step()
    print("%d %.3f %.4f" % (epoch, loss.item(), optimizer.param_groups[0]["lr"]))
pred = output.data.max(1, keepdim=True)[1]
correct = pred.eq(target.data.view_as(pred)).cpu().sum()
print(correct.dtype, torch.numel(pred), output.data.new(2, 2).fill_(3))
