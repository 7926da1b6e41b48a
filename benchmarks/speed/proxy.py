"""What does a candidate cost?

The time of a candidate in a warm worker (reset, training, validation) against the same training and validation in a plain
Runner that is already built: as it is, with the decoded and resized samples kept in memory, and as the continuation of a
trunk; and a fresh process for each against it. Weights and scores of all of them must agree, bit for bit. In one process,
taking turns, single-threaded.

    python benchmarks/speed/proxy.py --quick
    python benchmarks/speed/proxy.py [CONFIG ...] [--data ../shared/data] [--iterations N]

Without --quick it measures the search configs that are named; by default those of the four small real sets whose data
lie under --data. With --quick: Faster R-CNN on pictures of 720p (JPEG), which it writes itself.

The last line is one JSON object: ``ratio_plain`` (ours over the plain Runner's), ``ratio_cached`` (the same with samples in
memory), ``ratio_late`` (a candidate that continues a trunk, over as many iterations of the plain Runner) and
``ratio_fresh_process`` (a fresh process over ours); of several configs the worst.
"""

from __future__ import annotations

import argparse
import gc
import json
import subprocess
import sys
import tempfile
import time
import warnings
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import NamedTuple

warnings.filterwarnings('ignore')

import torch  # noqa: E402
from mmengine.config import Config  # noqa: E402
from photos import write_photos  # noqa: E402
from plain_runner import Measured, train_plainly  # noqa: E402

from mmautoloss.engine import load_search_config, spec_of  # noqa: E402
from mmautoloss.proxy import ProxyEvaluator, ProxySettings, Trunk  # noqa: E402
from mmautoloss.trial import Role, Saved, Trial  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
REAL = {
    'bccd': 'configs/bccd/faster_rcnn_search.py',
    'camvid': 'configs/camvid/deeplabv3plus_search_miou.py',
    'lsp': 'configs/lsp/pose_search.py',
    'nuclei': 'configs/nuclei/mask_rcnn_search.py',
}
"""Search configs of the small real sets, by the name of their folder."""

CACHE = 2**30
SEED = 0


class Ratios(NamedTuple):
    """Of one config; medians over rounds."""

    ratio_plain: float
    ratio_cached: float
    ratio_late: float
    ratio_fresh_process: float


def main() -> None:
    args = parse_args()
    torch.set_num_threads(1)
    if args.fresh:
        print(json.dumps(measure_fresh(*args.fresh)))
        return
    with tempfile.TemporaryDirectory() as folder:
        if args.quick:
            base = ROOT / 'configs/digits/faster_rcnn_short_search.py'
            configs = {str(write_photos(Path(folder) / 'photos', base, train=40, val=16)): None}
        else:
            configs = dict.fromkeys(args.configs) or real_sets(Path(args.data))
        rounds, iterations = (4, 16) if args.quick else (5, args.iterations)
        found = [measure(path, root, Path(folder), iterations, rounds) for path, root in configs.items()]
    worst = Ratios(
        max(each.ratio_plain for each in found),
        max(each.ratio_cached for each in found),
        max(each.ratio_late for each in found),
        min(each.ratio_fresh_process for each in found),
    )
    print(json.dumps({name: round(value, 3) for name, value in worst._asdict().items()}))


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('configs', nargs='*', metavar='CONFIG', help='search configs')
    parser.add_argument('--quick', action='store_true', help='under 50 s on two cores, without any other data')
    parser.add_argument('--data', default='../shared/data', help='where the small real sets lie')
    parser.add_argument('--iterations', type=int, default=30, help='length of a training')
    parser.add_argument('--fresh', nargs=4, help=argparse.SUPPRESS)  # one candidate, in a process of its own
    return parser.parse_args()


def real_sets(data: Path) -> dict[str, str]:
    """Configs and roots of the sets that are there."""
    found = {str(ROOT / path): f'{data / name}/' for name, path in REAL.items() if (data / name).is_dir()}
    if not found:
        sys.exit(f'There is none of {", ".join(REAL)} in {data}: name their folder with --data, or a CONFIG.')
    return found


def load(path: str, root: str | None, work_dir: str, iterations: int) -> tuple[Config, ProxySettings]:
    """A search config and how it measures, with so many iterations."""
    cfg = load_search_config(path, work_dir, {'data_root': root} if root else {})
    cfg.custom_hooks = [{'type': 'FreshRandomHook'}]
    settings = spec_of(cfg).proxy
    return cfg, replace(settings, schedule={**settings.schedule, 'max_iters': iterations}, cache=0)


def measure(path: str, root: str | None, folder: Path, iterations: int, rounds: int) -> Ratios:
    """Measures one config.

    Raises:
        RuntimeError: The ways of training do not agree.
    """
    cfg, settings = load(path, root, str(folder / Path(path).stem), iterations)
    base = Config.fromfile(cfg.train_cfg.base_config)
    ours, cached = (ProxyEvaluator(replace(settings, cache=cache)) for cache in (0, CACHE))
    for evaluator in (ours, cached):
        train(evaluator)  # builds what a worker builds once, and reads the samples that are kept
    state = ours.runner.initial_state(SEED)
    late, trunk, whole = trunk_of(settings, iterations, folder / f'{Path(path).stem}_trunks')
    ways = {
        'plain': lambda: train_plainly(cfg, base, iterations, SEED, state),
        'ours': lambda: train(ours),
        'cached': lambda: train(cached),
        'late': lambda: train(late, trunk),
    }
    taken: dict[str, list[Measured]] = {name: [] for name in ways}
    for number in range(rounds):
        for name in list(ways)[:: 1 if number % 2 else -1]:
            taken[name].append(ways[name]())
            gc.collect()
        require_agreement({name: each[-1] for name, each in taken.items() if name != 'late'})
        require_agreement({'plain': whole, 'late': taken['late'][-1]})
    print(f'{path}: {cached.kept or "nothing is kept"}')
    fresh = time_fresh(path, root, folder, iterations)
    ratios = [over(taken[name], taken['plain']) for name in ('ours', 'cached', 'late')]
    processor = [over(taken[name], taken['plain'], 'cpu') for name in ('ours', 'cached', 'late')]
    seconds = {name: median(each.seconds for each in runs) for name, runs in taken.items()}
    result = Ratios(*ratios, fresh / seconds['ours'])
    told = ', '.join(f'{name} {value:.2f} s' for name, value in seconds.items())
    print('  by processor time: plain {:.3f}, cached {:.3f}, late {:.3f}'.format(*processor))
    print(f'  {told}, fresh process {fresh:.1f} s; ' + ', '.join(f'{k} {v:.3f}' for k, v in result._asdict().items()))
    for evaluator in (ours, cached, late):
        evaluator.close()
    return result


def trunk_of(settings: ProxySettings, iterations: int, folder: Path) -> tuple[ProxyEvaluator, Saved, Measured]:
    """An evaluator of trainings twice as long, the trunk of their first half, and one of them from begin to end."""
    schedule = {**settings.schedule, 'max_iters': 2 * iterations}
    late = ProxyEvaluator(replace(settings, schedule=schedule, trunk=Trunk(iterations, str(folder))))
    whole = train(late)
    outcome = late.evaluate(Trial(0, Role.TRUNK, SEED))
    if outcome.saved is None:
        raise RuntimeError(outcome.reason)
    train(late, outcome.saved)  # reads the trunk, once a worker
    return late, outcome.saved, whole


def train(evaluator: ProxyEvaluator, begin: Saved | None = None) -> Measured:
    """A candidate: the hand-made losses, which the plain Runner trains as well."""
    began = time.perf_counter(), time.process_time()
    outcome = evaluator.evaluate(Trial(0, Role.BASELINE, SEED, begin=begin))
    taken = time.perf_counter() - began[0], time.process_time() - began[1]
    if outcome.reason.startswith('Traceback'):
        raise RuntimeError(outcome.reason)
    trained = {name: tensor.clone() for name, tensor in evaluator.runner.bare_model.state_dict().items()}
    return Measured(*taken, dict(outcome.metrics), trained)


def require_agreement(taken: dict[str, Measured]) -> None:
    """All must have the same weights and scores, bit for bit."""
    plain = taken['plain']
    for name, each in taken.items():
        differing = [key for key, tensor in each.state.items() if not torch.equal(tensor, plain.state[key])]
        scores = [key for key, value in each.metrics.items() if value != plain.metrics[key]]
        if differing or scores:
            raise RuntimeError(f'{name} differs from the plain Runner in {differing[:3]} {scores[:3]}')


def over(ours: list[Measured], plain: list[Measured], clock: str = 'seconds') -> float:
    """Median of the rounds' ratios; what disturbs the machine for a while disturbs a whole round."""
    return median(getattr(a, clock) / getattr(b, clock) for a, b in zip(ours, plain, strict=True))


def time_fresh(path: str, root: str | None, folder: Path, iterations: int) -> float:
    """Seconds of a process that is started for one candidate: imports, model, data, training, validation."""
    given = [path, root or '', str(folder / 'fresh'), str(iterations)]
    began = time.perf_counter()
    subprocess.run([sys.executable, __file__, '--fresh', *given], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def measure_fresh(path: str, root: str, work_dir: str, iterations: str) -> dict[str, float]:
    """The inside of that process."""
    _, settings = load(path, root or None, work_dir, int(iterations))
    return train(ProxyEvaluator(settings)).metrics


if __name__ == '__main__':
    main()
