"""Writes the cards of found losses (``mmautoloss zoo``) from the journals and results of docs/results.

    python benchmarks/quality/cards.py

What a card says of its losses is computed here; what it is for and where it fails is written below.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from math import isclose
from pathlib import Path
from typing import Any, NamedTuple

from arm_journals import read_record
from comparisons import Comparison, Loss, comparisons_of

from mmautoloss.found.read import found_in
from mmautoloss.losses import Measured
from mmautoloss.report.results import read_results
from mmautoloss.trial import Trial

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / 'mmautoloss/losses/shipped'


class Entry(NamedTuple):
    """What a person says of found losses.

    Attributes:
        name: Of the card.
        summary: What they are for.
        set: Name of the data set in the rows.
        journal: Name of the journal in docs/results/journals, without its endings.
        trial: Number there.
        config: The search config.
        notes: Where they fail, and how they were chosen.
    """

    name: str
    summary: str
    set: str
    journal: str
    trial: int
    config: str
    notes: tuple[str, ...]


_ONE_NETWORK = (
    'Found and measured with one network on one small set. Other networks, sizes and sets have not been tried.'
)
_CHOSEN_SETTINGS = (
    'The search has not seen the images of these numbers, but an earlier one had, with which settings of search and '
    'screen were chosen.'
)

ENTRIES = (
    Entry(
        'camvid_bf1_late',
        'a segmentation network, in the last tenth of its training, where boundaries count (BF1)',
        'camvid',
        'camvid_lite0_late_bf1',
        283,
        'configs/camvid/lite0_late_search_bf1.py',
        (
            'Cross-entropy + Dice is as good or better, and simpler. It descends from focal loss + Dice.',
            'All candidates of its search began at one trunk, and it has learnt that: after trunks of other seeds its gain '
            'over cross-entropy is smaller. The searches of today score on other frames, and with several seeds.',
            _ONE_NETWORK,
            _CHOSEN_SETTINGS,
        ),
    ),
    Entry(
        'camvid_macc_late',
        'a segmentation network, in the last tenth of its training, where the mean accuracy of the classes counts (mAcc)',
        'camvid_second',
        'camvid_lite0_late_macc_second',
        323,
        'configs/camvid/lite0_late_search_macc.py',
        (
            'The soft recall, 1 - mean_nhw(p * y) / (mean_nhw(y) + 0.001), is nearly as good, and cross-entropy weighted by '
            'the frequency of classes comes close.',
            'mAcc does not count what is added to rare classes wrongly: with losses that follow it, fewer pixels are '
            'right, and boundaries (BF1) are worse. Do not use it where these count.',
            _ONE_NETWORK,
            _CHOSEN_SETTINGS,
        ),
    ),
    Entry(
        'nuclei_map_late',
        'five losses of Mask R-CNN, in the last tenth of its training, where the mean of box and mask mAP counts',
        'nuclei',
        'nuclei_late',
        149,
        'configs/nuclei/mask_rcnn_late_search.py',
        (
            'Better than the hand-made losses with the same treatment, but not than these all along: of a detector that is '
            'trained from scratch in 600 iterations, the last tenth is too short for a late loss.',
            _ONE_NETWORK,
            _CHOSEN_SETTINGS,
        ),
    ),
    Entry(
        'fashion_asym40',
        'a classifier whose training labels are confused with those of similar classes',
        'fashion_asym40',
        'fashion_asym40_held_out',
        206,
        'configs/fashion/resnet_asym40_held_out_search.py',
        (
            'For trainings from the beginning. Clear of eleven rivals by 40 seeds; labels smoothed by 0.9 come closest.',
            'With labels that are wrong at random, or right, it has not been tried.',
            'One small network, 400 iterations on 5000 images of Fashion-MNIST of which 40 % have the label of a similar '
            'class.',
        ),
    ),
    Entry(
        'fashion_sym40',
        'a classifier whose training labels are wrong at random',
        'fashion_sym40',
        'fashion_sym40_held_out',
        93,
        'configs/fashion/resnet_sym40_held_out_search.py',
        (
            'For trainings from the beginning. Taylor cross-entropy and the generalised cross-entropy are as good.',
            'Where labels are confused with those of similar classes, losses of this kind are worse than cross-entropy.',
            'One small network, 400 iterations on 5000 images of Fashion-MNIST of which 40 % have another label at '
            'random.',
        ),
    ),
    Entry(
        'lsp_pck_late',
        'a network for poses by heat maps, in the last tenth of its training, where hits count (PCK at 0.2)',
        'lsp',
        'lsp_lite0_late',
        280,
        'configs/lsp/lite0_late_search.py',
        (
            'It widens the target by a pixel (max-pooling) and lets the prediction saturate (tanh). The squared error with '
            'both, (tanh(tanh(p)) - maxpool(y)) ** 2, has a third of the gain.',
            'Heat maps that it has trained are wider and lower: their values are no probabilities, and a threshold on them '
            'must be set anew.',
            _ONE_NETWORK,
        ),
    ),
    Entry(
        'beans_pairs40',
        'a linear classifier on frozen features whose training labels are confused with those of another class',
        'beans_pairs40',
        'beans_pairs40_held_out',
        70,
        'configs/beans/lite0_pairs40_held_out_search.py',
        (
            'For trainings from the beginning. It is the generalised cross-entropy with an exponent that grows with the '
            'probability, 0.7 + p ** 2; the pooling changes nothing here.',
            'The mean absolute error is better with 27 of 50 seeds and fails with 8 of them, so that its mean is lower.',
            'One linear classifier on one frozen network, three classes, 40 % of the labels those of the next class.',
        ),
    ),
)


def card_of(entry: Entry, comparisons: Sequence[Comparison]) -> dict[str, Any]:
    """A card in types of JSON."""
    journal = ROOT / f'docs/results/journals/{entry.journal}.jsonl.gz'
    record = read_record(journal)
    trial = record.history[entry.trial]
    found = found_in(record.header, record.history, trial)
    return {
        'name': entry.name,
        'summary': entry.summary,
        'losses': [loss.entry for loss in found.losses],
        'origin': found.origin.entry,
        'journal': str(journal.relative_to(ROOT)),
        'command': command_of(entry, record.header),
        'measured': [asdict(each) for each in measured(trial, [c for c in comparisons if c.set == entry.set])],
        'notes': list(entry.notes),
    }


def command_of(entry: Entry, header: Mapping[str, Any]) -> str:
    """The command that began the search, also where the config has other settings by now."""
    steps = header['screen']['steps']
    return f'python tools/search.py {entry.config} --cfg-options data_root=DATA train_cfg.screen.steps={steps}'


def measured(trial: Trial, comparisons: Sequence[Comparison]) -> Iterator[Measured]:
    """All comparisons in which the losses of a trial took part, against the hand-made losses and the best by hand.

    What was not trained, or with too few common seeds, is left out.
    """
    for comparison in comparisons:
        by_hand = (comparison.hand_made, comparison.best_by_hand)
        others = {other.label: other for other in by_hand if other is not None}
        for loss in comparison.losses:
            if _is_of(loss, trial):
                yield from filter(None, (_measure(loss, other, comparison) for other in others.values()))


def _is_of(loss: Loss, trial: Trial) -> bool:
    """Whether a loss is that of a trial, also in its weights if they are known; another network may take some of its
    branches, under other names."""
    texts, weights = (json.loads(each or '{}') for each in (loss.expression, loss.weights))
    own = [(text, trial.weights[name]) for name, text in trial.genome.to_text().items()]

    def has(name: str, text: str) -> bool:
        return any(text == each and isclose(weights.get(name, weight), weight, rel_tol=1e-5) for each, weight in own)

    return loss.row == f'found-{trial.number}' and all(has(*each) for each in texts.items())


def _measure(loss: Loss, other: Loss, comparison: Comparison) -> Measured | None:
    difference = loss.against(other)
    if difference is None:
        return None
    seeds = loss.values.keys() & other.values.keys()
    return Measured(
        set=comparison.set,
        network=comparison.network,
        metric=comparison.metric,
        begin=comparison.setting.begin,
        iterations=comparison.setting.iterations,
        seeds=len(seeds),
        against=other.label,
        mean=round(sum(loss.values[seed] for seed in seeds) / len(seeds), 4),
        other=round(sum(other.values[seed] for seed in seeds) / len(seeds), 4),
        low=round(difference.low, 4),
        high=round(difference.high, 4),
        word=difference.word(comparison.greater),
    )


def texts() -> dict[str, str]:
    """The cards as they are written, by name of the file."""
    comparisons = comparisons_of(read_results(ROOT / 'docs/results/results.csv'))
    cards = [card_of(entry, comparisons) for entry in ENTRIES]
    return {f'{card["name"]}.json': json.dumps(card, indent=2) + '\n' for card in cards}


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    for name, text in texts().items():
        (FOLDER / name).write_text(text, encoding='utf-8')
        print(FOLDER / name)


if __name__ == '__main__':
    main()
