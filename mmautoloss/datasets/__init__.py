"""The embedded data set: scenes of real handwritten digits, generated on first use.

Needs numpy, scikit-learn, OpenCV and pycocotools. The mmdet data set on top of it is in
:mod:`mmautoloss.datasets.coco`, which configs name in ``custom_imports``.
"""

from mmautoloss.datasets.annotation import CLASSES, KEYPOINTS, PALETTE
from mmautoloss.datasets.digit_scenes import ensure_digit_scenes
from mmautoloss.datasets.settings import SceneSettings, default_root
from mmautoloss.datasets.source import SPLITS

__all__ = [
    'CLASSES',
    'KEYPOINTS',
    'PALETTE',
    'SPLITS',
    'SceneSettings',
    'default_root',
    'ensure_digit_scenes',
]
