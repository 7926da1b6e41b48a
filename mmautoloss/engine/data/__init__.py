"""The data sets of a config: their files, the split on which losses are judged, and images that splits share."""

from mmautoloss.engine.data.datasets import apply_options, check_files, require_right_labels
from mmautoloss.engine.data.final_split import final_split_of, with_final_split
from mmautoloss.engine.data.ground_truth import require_matching_truth
from mmautoloss.engine.data.images import images_of
from mmautoloss.engine.data.leak import require_apart, require_unseen

__all__ = [
    'apply_options',
    'check_files',
    'final_split_of',
    'images_of',
    'require_apart',
    'require_matching_truth',
    'require_right_labels',
    'require_unseen',
    'with_final_split',
]
