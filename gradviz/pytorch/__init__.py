"""Real PyTorch as a source of recordings. It is imported when one of PyTorch's tensors, or a watch, asks for it: never before."""
