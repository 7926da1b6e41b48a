"""Reads found losses from a work dir, a journal, a JSON file or a card."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from mmautoloss.branches import Branch
from mmautoloss.checks import nearest
from mmautoloss.errors import SetupError
from mmautoloss.found.found import Found, NamedLoss, Origin, found_losses
from mmautoloss.losses import INPUT_KINDS, Card, cards, expression_of, is_by_name, is_known, kinds_by_name
from mmautoloss.trial import History, Role, Trial, read_history, scale_of

RESULTS = 'a work dir, a journal.jsonl, a best_losses.json or the name of a card (mmautoloss zoo)'
_NOT_OF_LOSS = ('tree', 'nodes', 'same_gradient', 'origin')


def read_result(source: Path, number: int | None = None) -> tuple[NamedLoss, ...]:
    """The losses that ``read_found`` reads."""
    return read_found(source, number).losses


def read_found(source: Path, number: int | None = None, task: str = '') -> Found:
    """Reads found losses.

    Args:
        source: The work dir of a search, its journal, a file of ``write_losses`` or ``mmautoloss export``, or the name of
            a card.
        number: Trial of the journal; None takes the best.
        task: The task whose places and weights the losses have, in a journal of several.

    Raises:
        SetupError: The source does not exist, has no losses or cannot be read, or has several tasks and none is named.
    """
    # of os.path, since a long expression is no name that pathlib would look for
    if not os.path.exists(source) and str(source) in cards():
        if number is not None:
            raise SetupError(f'Only a journal has trials to choose from, but got trial {number} of the card {source}.')
        return _of_card(cards()[str(source)])
    if os.path.isdir(source):
        source = source / 'journal.jsonl'
    if not os.path.isfile(source):
        raise SetupError(f'RESULT must be {RESULTS}, but there is no {source}{nearest(source, cards())}.')
    if source.suffix == '.jsonl':
        return _of_journal(source, number, task)
    if number is not None:
        raise SetupError(f'Only a journal has trials to choose from, but got trial {number} of {source}.')
    try:
        entries = json.loads(source.read_text(encoding='utf-8'))
        losses = tuple(_read_loss(entry) for entry in entries)
        origins = [Origin(**_lists_to_tuples(entry['origin'])) for entry in entries if entry.get('origin')]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise SetupError(f'{source} must be a best_losses.json as a search writes it: {error}.') from None
    if not losses:
        raise SetupError(f'{source} holds no losses.')
    return Found(losses, origins[0] if origins else None)


def read_by_hand(text: str, inputs: str | None) -> Found:
    """A loss written by hand: a known loss or an expression.

    Args:
        text: Infix text, in which known losses may stand by name.
        inputs: Kind of input; None takes the only one that known losses in the text have.

    Raises:
        SetupError: The text is no loss for this kind of input, or several kinds are possible.
    """
    kinds = kinds_by_name(text) if is_by_name(text) else tuple(INPUT_KINDS)
    if not kinds:
        raise SetupError(f'No kind of input has all losses of {text!r}; `mmautoloss zoo` lists the kinds of each.')
    if inputs is None and len(kinds) > 1:
        raise SetupError(f'{text!r} needs --inputs, one of {", ".join(kinds)}.')
    inputs = inputs or kinds[0]
    name = text if is_known(text) else 'loss'
    return Found((NamedLoss(name, '', inputs, expression_of(text, inputs), 1.0),))


def _of_card(card: Card) -> Found:
    origin = Origin(**_lists_to_tuples(card.origin))
    return Found(tuple(NamedLoss(**loss) for loss in card.losses), origin)


def _read_loss(entry: Mapping[str, Any]) -> NamedLoss:
    loss = NamedLoss(**{key: value for key, value in entry.items() if key not in _NOT_OF_LOSS})
    if 'tree' in entry and tuple(entry['tree']) != loss.tree.nodes:
        raise ValueError(
            f'the "tree" of {loss.name!r} is not its "expression"; take out "tree", or correct one of them'
        )
    return loss


def _lists_to_tuples(origin: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in origin.items()}


def _of_journal(source: Path, number: int | None, task: str) -> Found:
    header, history = read_history(source)
    tasks = header.get('tasks') or {}
    if tasks and task not in tasks:
        raise SetupError(
            f'{source} has several tasks, each with weights of its own: name the best_losses_TASK.json of one instead, '
            f'TASK being {" or ".join(tasks)}.'
        )
    if number is None:
        trial = history.winner()
        if trial is None:
            raise SetupError(f'{source} has no trained losses yet.')
    elif not 0 <= number < len(history) or history[number].genome is None:
        raise SetupError(f'{source} has no searched trial {number}; it has {len(history)} trials.')
    else:
        trial = history[number]
    return found_in(header, history, trial, task)


def found_in(header: Mapping[str, Any], history: History, trial: Trial, task: str = '') -> Found:
    """The losses of a trial and their origin.

    Args:
        header: First event of the journal.
        history: Its trials.
        trial: A trial with a genome.
        task: The task whose places and weights they have; '' in a search of one.
    """
    places = header['tasks'][task]['branches'] if task else header['branches']
    branches = [Branch(name, **entry) for name, entry in places.items()]
    own = trial.of_task(task) if task else trial
    return Found(found_losses(branches, own), _origin(header, history, trial))


def _origin(header: Mapping[str, Any], history: History, trial: Trial) -> Origin:
    sign = scale_of(header).sign
    time = header.get('time')
    scores, hand_made = _scores(history, trial)
    return Origin(
        trial=trial.number,
        seed=trial.seed,
        metric=scale_of(header).metric if header.get('metric') else None,
        scores=tuple(sign * score for score in scores),
        hand_made=tuple(sign * score for score in hand_made),
        fresh=bool(history.confirmations(trial.number)),
        fingerprint=trial.fingerprint,
        searched=datetime.fromtimestamp(time, timezone.utc).date().isoformat() if time else None,
        version=(header.get('info') or {}).get('mmautoloss'),
    )


def _scores(history: History, trial: Trial) -> tuple[list[float], list[float]]:
    """Scores of a trial's losses and of the hand-made ones: those with fresh seeds, if it was trained with such."""
    fresh = history.confirmations(trial.number)
    if not fresh:
        return history.scores_of(trial.number), history.baseline_scores()
    times = next(iter(fresh.values())).times
    hand_made = [history.confirmations(first.number, times) for first in history.of_role(Role.BASELINE)]
    by_loss = [fresh, next(filter(None, hand_made), {})]
    scores, others = ([run.score for run in runs.values() if run.score is not None] for runs in by_loss)
    return scores, others


def to_entries(found: Found) -> list[dict[str, Any]]:
    """Found losses in JSON types, with all that is known about them; ``read_found`` reads them back."""
    origin = {'origin': found.origin.entry} if found.origin else {}
    return [{**loss.entry, 'tree': list(loss.tree.nodes), 'nodes': loss.tree.size, **origin} for loss in found.losses]
