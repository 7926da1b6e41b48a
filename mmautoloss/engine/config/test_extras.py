"""What a test may do besides scoring: pictures of the predictions, and test-time augmentation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict

from mmautoloss.errors import SetupError
from mmautoloss.proxy import type_name

_SWITCHES = {
    'DetVisualizationHook': ('draw', 'test_out_dir'),
    'SegVisualizationHook': ('draw', None),
    'PoseVisualizationHook': ('enable', 'out_dir'),
    'VisualizationHook': ('enable', 'out_dir'),
}
"""By hook: the setting that turns it on, and that of its folder; mmseg has the folder in the visualizer."""


def draw_predictions(cfg: Config, folder: str) -> None:
    """Lets the visualization hook of a config write pictures.

    Raises:
        SetupError: The config has no such hook, or no visualizer that has a folder.
    """
    hook = (cfg.get('default_hooks') or {}).get('visualization') or {}
    name = type_name(hook.get('type', '')).rpartition('.')[2]
    if name not in _SWITCHES:
        raise SetupError(
            f'--show-dir needs one of {", ".join(_SWITCHES)} as default_hooks.visualization, but the config has '
            f'{name or "none"}; add it, such as --cfg-options default_hooks.visualization.type=mmdet.DetVisualizationHook '
            'visualizer.type=mmdet.DetLocalVisualizer visualizer.name=visualizer.'
        )
    switch, place = _SWITCHES[name]
    hook[switch] = True
    where: Any = cfg.get('visualizer') if place is None else hook
    if where is None:
        raise SetupError(f'--show-dir with {name} needs a visualizer in the config, such as mmseg.SegLocalVisualizer.')
    where[place or 'save_dir'] = str(Path(folder).absolute())


def augment_tests(cfg: Config) -> None:
    """Wraps the model into the config's model of test-time augmentation, with its pipeline.

    Raises:
        SetupError: The config does not say how.
    """
    missing = [key for key in ('tta_model', 'tta_pipeline') if cfg.get(key) is None]
    if missing:
        raise SetupError(f'--tta needs {" and ".join(missing)} in the config, as those of the libraries have.')
    dataset = cfg.test_dataloader.dataset
    while 'dataset' in dataset:
        dataset = dataset.dataset
    dataset.pipeline = cfg.tta_pipeline
    cfg.model = ConfigDict(**cfg.tta_model, module=cfg.model)
