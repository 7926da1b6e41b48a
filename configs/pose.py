"""Heat-map R50 (256x192) on COCO keypoints, as mmpose ships it: where the loss found by ``pose_search.py`` goes."""

_base_ = 'mmpose::body_2d_keypoint/topdown_heatmap/coco/td-hm_res50_8xb64-210e_coco-256x192.py'
