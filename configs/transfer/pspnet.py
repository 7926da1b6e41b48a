"""PSPNet R50-D8 on VOC 2012: does a loss that was found with DeepLabV3+ hold for another network?

Hand-made losses as it stands; the found ones are put in by

    python -m mmautoloss apply configs/transfer/pspnet.py RESULT -o OUT
"""

_base_ = 'mmseg::pspnet/pspnet_r50-d8_4xb4-20k_voc12aug-512x512.py'

val_evaluator = dict(_delete_=True, type='mmautoloss.SegmentationMetric')
test_evaluator = dict(_delete_=True, type='mmautoloss.SegmentationMetric')
