"""The small Faster R-CNN on blood cells with a ResNet of 50 layers: does a loss that was found with 18 hold for it?

    python -m mmautoloss transfer WORK_DIR configs/transfer/bccd_faster_rcnn_r50.py

where WORK_DIR is that of a search with ``configs/bccd/faster_rcnn_held_out_search.py``.
"""

_base_ = '../bccd/faster_rcnn_held_out.py'

model = dict(backbone=dict(depth=50), neck=dict(in_channels=[64, 128, 256]))
