"""Cascade R-CNN R50-FPN on COCO, as mmdet ships it: does a loss that was found for Faster R-CNN help here?

Its losses are hand-made. Those of a search are put in by

    python -m mmautoloss apply configs/transfer/cascade_rcnn.py RESULT -o OUT.py

where RESULT is the work dir of a search, or its ``best_losses.json``; then ``tools/train.py OUT.py``. All three stages of
the cascade take the searched RoI losses; each keeps its own box coder, so the deltas are scaled by stage.
"""

_base_ = 'mmdet::cascade_rcnn/cascade-rcnn_r50_fpn_1x_coco.py'
