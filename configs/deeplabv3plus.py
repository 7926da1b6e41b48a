"""DeepLabV3+ R50-D8 on VOC 2012 with the extra labels of SBD: where the losses found by ``deeplabv3plus_search_*.py`` go.

mmseg's own config of 20 000 iterations at 512 x 512, scored by all six metrics. Data: ``data/VOCdevkit/VOC2012``, with
``SegmentationClassAug`` and ``aug.txt`` as mmseg's ``tools/dataset_converters/voc_aug.py`` writes them.
"""

_base_ = 'mmseg::deeplabv3plus/deeplabv3plus_r50-d8_4xb4-20k_voc12aug-512x512.py'

val_evaluator = dict(_delete_=True, type='mmautoloss.SegmentationMetric')
test_evaluator = dict(_delete_=True, type='mmautoloss.SegmentationMetric')
