"""Faster R-CNN R101-FPN on COCO, as mmdet ships it: does a loss that was found with R50 help a deeper network?

Its losses are hand-made. Those of a search are put in by

    python -m mmautoloss apply configs/transfer/faster_rcnn_r101.py RESULT -o OUT.py

where RESULT is the work dir of a search, or its ``best_losses.json``; then ``tools/train.py OUT.py``.
"""

_base_ = 'mmdet::faster_rcnn/faster-rcnn_r101_fpn_1x_coco.py'
