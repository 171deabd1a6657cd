z = torch.matmul(x, w)+b
z_det = z.detach()
print(z_det.requires_grad)
