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


ENTRIES = (
    Entry(
        'camvid_bf1',
        'both heads of a segmentation network, where boundaries count (BF1)',
        'camvid',
        'camvid_held_out_bf1',
        95,
        'configs/camvid/deeplabv3plus_held_out_search_bf1.py',
        (
            'One of three finalists; the winner of the search is found 100. It was chosen for what it does in 700 '
            'iterations, where found 103, the best of the three after 70, falls below cross-entropy: by scores '
            'on these very images.',
            'In long trainings it is as good as Dice, no better.',
            'Small networks, trained from scratch for at most some minutes. Large images and networks, and pretrained '
            'ones, have not been tried; the 3x3 maximum is a neighbourhood of the training resolution.',
        ),
    ),
    Entry(
        'camvid_miou',
        'both heads of a segmentation network, where overlap counts (mIoU)',
        'camvid',
        'camvid_held_out_miou',
        70,
        'configs/camvid/deeplabv3plus_held_out_search_miou.py',
        ('Dice is better, and simpler: this is here for completeness. It descends from the Tversky loss.',),
    ),
    Entry(
        'bccd_map',
        'four losses of Faster R-CNN, where mAP counts',
        'bccd',
        'bccd_held_out_long',
        46,
        'configs/bccd/faster_rcnn_held_out_search_long.py',
        (
            'One of three finalists; the winner of the search is found 44. It was chosen by the scores of the seeds 100 to '
            '104 on these very images; those of 105 to 109, which came after, are better still.',
            'Found on one small set with one small network, trained from scratch for half a minute.',
        ),
    ),
    Entry(
        'bccd_map_short',
        'four losses of Faster R-CNN, where mAP counts after a very short training',
        'bccd',
        'bccd_held_out',
        54,
        'configs/bccd/faster_rcnn_held_out_search.py',
        (
            'Better than the hand-made losses in a Cascade R-CNN only; elsewhere nothing is told apart. The box loss of the '
            'RoI head is the squared error, which does as well by hand.',
            'In RetinaNet its box loss does not help.',
        ),
    ),
    Entry(
        'nuclei_map',
        'five losses of Mask R-CNN, where the mean of box and mask mAP counts after a short training',
        'nuclei',
        'nuclei_held_out',
        111,
        'configs/nuclei/mask_rcnn_held_out_search.py',
        ('Measured after 100 iterations from scratch; longer trainings have not been tried.',),
    ),
    Entry(
        'lsp_pck',
        'heat maps of a pose network (PCK within a tenth of the box)',
        'lsp',
        'lsp_held_out',
        115,
        'configs/lsp/pose_held_out_search.py',
        (
            'On the network of the search it is no better than the squared error; on a small HRNet it is better than that '
            'and than the adaptive wing, of which it is a piece.',
        ),
    ),
)


_SEEN = (
    'The search has not seen the images of these numbers, but an earlier one had, with which settings of search and '
    'screen were chosen.'
)
"""A note on every card."""


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
        'notes': [*entry.notes, _SEEN],
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
