"""The screen in compiled code: the same test as in ``screen.rejection``, on parts of the probe, without torch.

Nothing of it is imported before a fast screen is built: numba takes half a second to import, and the first use on a machine
compiles for some ten seconds.
"""
