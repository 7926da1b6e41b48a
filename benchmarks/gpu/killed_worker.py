"""A worker that is killed: its trial is measured again in another process, and the search goes on."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmautoloss.testing.fault_injection import VARIABLE
from mmautoloss.testing.toy_searches import run_toy, toy_config
from mmautoloss.trial import State


def run(visit: Any) -> Iterator[dict[str, Any]]:
    """A search of the toy with two workers, of which the first kills itself in the middle of a training.

    Raises:
        RuntimeError: No worker was killed, or a training failed by that.
    """
    struck = Path(visit.folder / 'struck')
    os.environ[VARIABLE] = json.dumps({'die_at': 2, 'once': str(struck), 'in_worker': True})
    shared = {'execute.gpus_per_candidate': 0.5} if visit.device == 'cuda' else {}
    budget = {'max_trials': 2, 'baseline_repeats': 1, 'finalists': 0, 'confirm_seeds': 0}
    # nothing is compiled for so few candidates
    changes = {'execute.workers': 2, 'screen.engine': 'plain', 'budget': budget, **shared}
    history = run_toy(toy_config(visit.folder, changes))
    outcomes = [trial.required_outcome for trial in history.settled()]
    died = [outcome for outcome in outcomes if outcome.reason.startswith('worker died')]
    again = sum(outcome.attempts > 1 for outcome in outcomes)
    trained = sum(outcome.state is State.COMPLETE for outcome in outcomes)
    yield {'trials': len(outcomes), 'complete': trained, 'measured_again': again, 'lost': len(died)}
    if not Path(f'{struck}-die').exists() or not again or died:
        raise RuntimeError('the trial of the killed worker was not measured again')
