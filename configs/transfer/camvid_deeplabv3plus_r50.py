"""The small DeepLabV3+ on CamVid with a ResNet of 50 layers: does a loss that was found with 18 hold for it?

    python -m mmautoloss transfer WORK_DIR configs/transfer/camvid_deeplabv3plus_r50.py

where WORK_DIR is that of a search with ``configs/camvid/deeplabv3plus_held_out_search_*.py``.
"""

_base_ = '../camvid/deeplabv3plus_held_out.py'

model = dict(
    backbone=dict(depth=50),
    decode_head=dict(in_channels=256, c1_in_channels=64),
    auxiliary_head=dict(in_channels=128),
)
