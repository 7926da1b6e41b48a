"""The transfer on the page of results, up to its trainings: what the rows have is not trained again."""

from __future__ import annotations

import shlex

import pytest

pytest.importorskip('mmseg')

from mmautoloss.__main__ import build_parser
from mmautoloss.cli.arguments import options_of
from mmautoloss.engine import load_search_config, spec_of
from mmautoloss.engine.training.comparison import _filed
from mmautoloss.engine.training.transfer import Transfer
from mmautoloss.key_values import pairs_of
from mmautoloss.trial import Role, Trial
from tests.isolation import ROOT
from tests.test_docs.pages import commands

SEARCH = ROOT / 'configs/camvid/deeplabv3plus_held_out_search_bf1.py'


def test_hand_made_and_found_losses_are_known(load, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ('spec', 'train_test'):  # the images are on few machines
        monkeypatch.setattr(f'mmautoloss.engine.config.{module}.check_files', lambda cfg: None)
    monkeypatch.setattr('mmautoloss.engine.training.filed_trainings.images_of', lambda config: '367:01234567')
    texts = commands((ROOT / 'docs/short_trainings.md').read_text())
    (command,) = (text for text in texts if 'mmautoloss transfer' in text and 'camvid' in text)
    args = build_parser().parse_args(shlex.split(command)[3:])
    options = options_of(args.cfg_options)
    spec = spec_of(load_search_config(str(SEARCH), 'work_dirs/none', options, results=str(ROOT / args.results)))
    history = load('arm_journals').read_record(ROOT / 'docs/results/journals/camvid_held_out_bf1.jsonl.gz').history
    transfer = Transfer(
        spec, ROOT / args.config, options, pairs_of('--map', args.map), pairs_of('--describe', args.describe)
    )
    spec, moved, _ = transfer.move([history[number] for number in args.trials])
    filed = _filed(spec, args.split, args.metrics)
    seeds = range(args.first_seed, args.first_seed + args.seeds)
    for loss in (Trial(0, Role.BASELINE, 0), *moved):
        trials = [Trial(loss.number, loss.role, seed, loss.genome, loss.weights) for seed in seeds]
        assert [filed.has(trial) for trial in trials] == [True] * 5
    assert not filed.has(Trial(0, Role.BASELINE, 99))
