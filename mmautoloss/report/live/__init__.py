"""Display of a running search: lines and a footer on the console, and the output of ``status``."""
