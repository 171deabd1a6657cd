"""The idea, to be read aloud: how an array learns where it came from, and how gradients find their way back.

Read `tensor`, `clock`, `unbroadcast`, `node`, `operation`, `backward`, in this order. Nothing here knows of PyTorch's manners, of dtypes, of changes in
place, of pictures or of speed: all of that stands around it, and imports it.
"""
