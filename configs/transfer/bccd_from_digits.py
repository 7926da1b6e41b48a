"""The small Faster R-CNN on blood cells, for losses that were found on digit scenes.

``python -m mmautoloss transfer WORK_DIR configs/transfer/bccd_from_digits.py --describe set=bccd`` with the work dir of
``make search``, or of another search with ``configs/digits/faster_rcnn_search.py``.
"""

_base_ = '../bccd/faster_rcnn_held_out.py'
