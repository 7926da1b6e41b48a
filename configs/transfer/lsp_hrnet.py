"""A small HRNet on Leeds Sports Pose: does the loss that was found with a plain ResNet and deconvolutions hold for it?

    python -m mmautoloss transfer WORK_DIR configs/transfer/lsp_hrnet.py

where WORK_DIR is that of a search with ``configs/lsp/pose_held_out_search.py``.
"""

_base_ = '../lsp/pose_held_out.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='HRNet',
        in_channels=3,
        extra=dict(
            stage1=dict(num_modules=1, num_branches=1, block='BOTTLENECK', num_blocks=(1,), num_channels=(16,)),
            stage2=dict(num_modules=1, num_branches=2, block='BASIC', num_blocks=(1, 1), num_channels=(16, 32)),
            stage3=dict(num_modules=1, num_branches=3, block='BASIC', num_blocks=(1, 1, 1), num_channels=(16, 32, 64)),
            stage4=dict(
                num_modules=1, num_branches=4, block='BASIC', num_blocks=(1, 1, 1, 1), num_channels=(16, 32, 64, 128)
            ),
        ),
    ),
    head=dict(in_channels=16, deconv_out_channels=None, deconv_kernel_sizes=None),
)
