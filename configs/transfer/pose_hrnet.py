"""HRNet-W32 (256x192) on COCO keypoints, as mmpose ships it: another network for a loss that was found on R50.

``python -m mmautoloss apply configs/transfer/pose_hrnet.py RESULT -o OUT`` writes it with the loss of a search.
"""

_base_ = 'mmpose::body_2d_keypoint/topdown_heatmap/coco/td-hm_hrnet-w32_8xb64-210e_coco-256x192.py'
