"""A small PSPNet on CamVid: does a loss that was found with DeepLabV3+ hold for another head?

``python -m mmautoloss transfer WORK_DIR configs/transfer/camvid_pspnet.py`` trains it with the losses of a search.
"""

_base_ = '../camvid/deeplabv3plus_held_out.py'

_head = _base_.model.decode_head
model = dict(
    decode_head=dict(
        _delete_=True,
        type='PSPHead',
        in_channels=64,
        in_index=2,
        channels=32,
        pool_scales=(1, 2, 3, 6),
        dropout_ratio=0,
        num_classes=_head.num_classes,
        out_channels=_head.num_classes,
        init_cfg=_head.init_cfg,
        norm_cfg=_head.norm_cfg,
        align_corners=False,
        loss_decode=_head.loss_decode,
    )
)
