"""DeepLabV3+ R50-D8 on Cityscapes: does a loss that was found on VOC 2012 hold for other images?

Hand-made losses as it stands; the found ones are put in by

    python -m mmautoloss apply configs/transfer/deeplabv3plus_cityscapes.py RESULT -o OUT
"""

_base_ = 'mmseg::deeplabv3plus/deeplabv3plus_r50-d8_4xb2-40k_cityscapes-512x1024.py'

val_evaluator = dict(_delete_=True, type='mmautoloss.SegmentationMetric')
test_evaluator = dict(_delete_=True, type='mmautoloss.SegmentationMetric')
