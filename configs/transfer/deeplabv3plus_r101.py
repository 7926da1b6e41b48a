"""DeepLabV3+ R101-D8 on VOC 2012: does a loss that was found with R50 hold for a deeper network?

Hand-made losses as it stands; the found ones are put in by

    python -m mmautoloss apply configs/transfer/deeplabv3plus_r101.py RESULT -o OUT
"""

_base_ = '../deeplabv3plus.py'

model = dict(pretrained='open-mmlab://resnet101_v1c', backbone=dict(depth=101))
