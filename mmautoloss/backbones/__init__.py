"""Backbones that the libraries lack, registered on import of their modules; needs mmdet or mmpretrain.

A config names :mod:`mmautoloss.backbones.efficientnet_lite` in ``custom_imports``.
"""
