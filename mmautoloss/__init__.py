"""Search of loss functions for OpenMMLab models, by evolution of expression graphs."""

__version__ = '0.1.0'
