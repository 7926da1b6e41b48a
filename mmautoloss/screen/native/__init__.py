"""The screen in compiled code: the test of ``screen.rejection`` on parts of the probe, without torch.

It is imported only when a fast screen is built: importing numba takes half a second, and the first use on a machine
compiles for about ten seconds.
"""
