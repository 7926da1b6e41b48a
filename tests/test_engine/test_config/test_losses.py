"""Found losses as a config."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from mmengine.config import Config

from mmautoloss.branches import Branch
from mmautoloss.engine import with_losses, write_config
from mmautoloss.errors import SetupError
from mmautoloss.expr import Genome
from mmautoloss.files import write_output, write_text

BRANCHES = (
    Branch('rpn', 'rpn_head.loss_cls', 'sigmoid'),
    Branch('roi', 'roi_head.bbox_head.1.loss_bbox', 'delta'),
)
GENOME = Genome.from_text({'rpn': '-y * log(p)', 'roi': 'abs(p - y)'})
WEIGHTS = {'rpn': 0.1 + 0.2, 'roi': 2.0}


def config() -> Config:
    """A cascade: the second branch lies in a list."""
    heads = [{'loss_bbox': {'type': 'L1Loss', 'beta': k}, 'stage': k} for k in range(2)]
    return Config(
        {
            'model': {
                'rpn_head': {'loss_cls': {'type': 'CrossEntropyLoss', 'use_sigmoid': True}, 'n': 3},
                'roi_head': {'bbox_head': heads},
            },
            'lr': 0.1,
        }
    )


def differences(one: Any, other: Any, path: str = '') -> list[str]:
    """Paths of the values that differ; what stands below them is not looked at."""
    if isinstance(one, dict) and isinstance(other, dict) and 'loss' not in path.split('.')[-1]:
        keys = sorted(set(one) | set(other))
        return [d for key in keys for d in differences(one.get(key), other.get(key), f'{path}.{key}')]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        return [d for k, pair in pairs for d in differences(*pair, f'{path}.{k}')]
    return [] if one == other else [path.lstrip('.')]


def test_only_the_losses_change() -> None:
    found = with_losses(config(), BRANCHES, GENOME, WEIGHTS).to_dict()
    assert differences(config().to_dict(), found) == [
        'model.roi_head.bbox_head.1.loss_bbox',
        'model.rpn_head.loss_cls',
    ]


def test_new_losses_have_no_key_of_the_old_ones() -> None:
    model = with_losses(config(), BRANCHES, GENOME, WEIGHTS).model
    assert model.rpn_head.loss_cls.to_dict() == {
        'type': 'mmautoloss.SearchedLoss',
        'expression': '-y * log(p)',
        'inputs': 'sigmoid',
        'loss_weight': 0.1 + 0.2,
        'use_sigmoid': True,
    }
    assert 'beta' not in model.roi_head.bbox_head[1].loss_bbox


def test_written_config_is_read_back_exactly(tmp_path: Path) -> None:
    cfg = with_losses(config(), BRANCHES, GENOME, WEIGHTS)
    write_config(cfg, tmp_path / 'best_config.py')
    assert Config.fromfile(tmp_path / 'best_config.py').to_dict() == cfg.to_dict()
    assert [path.name for path in tmp_path.iterdir()] == ['best_config.py']


@pytest.mark.parametrize('path', ['neck.loss_cls', 'rpn_head.loss', 'roi_head.bbox_head.7.loss_bbox', 'roi_head.x.y'])
def test_path_that_leads_nowhere(path: str) -> None:
    with pytest.raises(SetupError, match=f"no '{path}' \\(branch 'rpn'\\)"):
        with_losses(config(), (Branch('rpn', path, 'delta'),), GENOME, WEIGHTS)


def test_a_loss_that_a_head_has_by_default_is_replaced() -> None:
    """The type of the head is a name of mmdet, which MMEngine's own registry does not know."""
    pytest.importorskip('mmdet')
    cfg = Config({'default_scope': 'mmdet', 'model': {'roi_head': {'bbox_head': {'type': 'Shared2FCBBoxHead'}}}})
    branch = Branch('roi_cls', 'roi_head.bbox_head.loss_cls', 'softmax')
    changed = with_losses(cfg, (branch,), Genome.from_text({'roi_cls': '-y * log(p)'}), {'roi_cls': 2.0})
    assert changed.model.roi_head.bbox_head.loss_cls.expression == '-y * log(p)'


def test_nothing_is_left_of_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / 'folder').mkdir()
    with pytest.raises(OSError):
        write_text(tmp_path / 'folder', 'text')
    with pytest.raises(SetupError, match='folder is not: it is a folder'):
        write_output(tmp_path / 'folder', 'text')
    assert [path.name for path in tmp_path.iterdir()] == ['folder']
    write_output(tmp_path / 'new' / 'file', 'text')
    assert (tmp_path / 'new' / 'file').read_text() == 'text'
