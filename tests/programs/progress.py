"""A progress bar that prints nothing: the sibling module that a script imports from its own folder."""


def tqdm(iterable, **kwargs):
    return iterable
