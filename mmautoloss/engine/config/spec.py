"""A search as its config describes it, checked before any work starts."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmautoloss.branches import Branch
from mmautoloss.checks import nearest, require_whole
from mmautoloss.engine.config.begin import TrunkBegin
from mmautoloss.engine.config.branches import names_left_out, read_branches, with_aux
from mmautoloss.engine.config.candidate_training import CandidateTraining, read_candidate_training
from mmautoloss.engine.config.defaults import DEFAULTS, REQUIRED, check_types
from mmautoloss.engine.config.known_types import require_imports, require_known
from mmautoloss.engine.config.late_losses import with_late_losses
from mmautoloss.engine.config.losses import require_buildable, require_unswitched, with_losses
from mmautoloss.engine.config.relay import budget_of, read_relay, require_relay_alone
from mmautoloss.engine.config.screen import read_screen, screen_header
from mmautoloss.engine.config.sections import as_json, build, only
from mmautoloss.engine.config.shipped import local_or_shipped
from mmautoloss.engine.config.train_test import load_base
from mmautoloss.engine.data.datasets import check_files, require_right_labels
from mmautoloss.engine.data.ground_truth import require_matching_truth
from mmautoloss.engine.data.leak import require_apart
from mmautoloss.errors import ExpressionError, SetupError
from mmautoloss.execute import ExecuteSettings
from mmautoloss.expr import Genome, custom_primitives, parse
from mmautoloss.expr.elapsed import ELAPSED
from mmautoloss.losses import ZOO, cards, expression_of
from mmautoloss.proxy import ProxySettings, plain_config, rung_iteration, share_batch, spelled
from mmautoloss.report import Description
from mmautoloss.screen import ScreenSettings
from mmautoloss.search import Budget, Relay, Rung, SearchSettings
from mmautoloss.strategy import Strategy, build_strategy


@dataclass(frozen=True)
class SearchSpec:
    """Everything that a search needs, checked before it begins.

    Attributes:
        base: The plain config of the model.
        proxy: How a candidate is measured.
        training: Its training, of which ``proxy`` has the details.
        strategy: Proposes candidates.
        screen: Settings of the screen, which rejects candidates before training.
        search: Seed, budget and other numbers of the search.
        header: Settings that must not change when the search is continued.
        execute: Where candidates are trained.
        resume: Whether to continue.
        describe: The description in rows of results.
        results: CSV file for results, or None.
        report: Whether the page of the search is written at its end.
        verbose: Whether the console shows every trial in full, and all scores at the end.
        work_dir: Where everything is written.
        tasks: What each of several tasks says, by name; empty in a search of one. ``base``, ``training`` and, but for its
            score, ``proxy`` are those of the first.
    """

    base: Config
    proxy: ProxySettings
    training: CandidateTraining
    strategy: Strategy
    screen: ScreenSettings
    search: SearchSettings
    header: Mapping[str, Any]
    execute: ExecuteSettings
    resume: bool
    describe: Description
    results: Path | None
    report: bool
    verbose: bool
    work_dir: Path
    tasks: Mapping[str, SearchSpec] = field(default_factory=dict)

    @property
    def branches(self) -> tuple[Branch, ...]:
        """The searched losses."""
        return self.proxy.branches


def read_spec(cfg: Config, work_dir: Path, settings: Mapping[str, Any]) -> SearchSpec:
    """Reads the settings of a ``SearchLoop`` of one task; ``cfg`` is the whole search config.

    Raises:
        SetupError: A setting is missing, unknown or cannot work.
    """
    missing = [key for key in REQUIRED if key not in settings]
    if missing:
        raise SetupError(f'train_cfg of a search needs {", ".join(missing)}.')
    settings = only('train_cfg', plain_config(settings), **dict.fromkeys(REQUIRED), **DEFAULTS)
    check_types(settings)
    if cfg.get('val_evaluator') is None or cfg.get('val_dataloader') is None:
        raise SetupError('A search needs val_dataloader, val_cfg and val_evaluator: they score the candidates.')
    check_files(cfg)
    require_imports(cfg)
    require_known(cfg)
    require_matching_truth(cfg)
    base_config = find_beside(settings['base_config'], cfg)
    base = load_base(base_config, settings['options'])
    for config in (cfg, base):
        require_right_labels(config)
    if not settings['allow_leak']:
        require_apart(cfg, base)
    cfg, base = with_aux(cfg, settings['aux']), with_aux(base, settings['aux'])
    branches = read_branches(settings['branches'], settings['aux'], base)
    screen = read_screen(settings['screen'])
    execute = build('execute', ExecuteSettings, settings['execute'])
    share_batch(cfg.get('train_dataloader') or {}, int(max(1, execute.gpus_per_candidate)))
    left_out = names_left_out(settings['branches'], branches)
    seeds = tuple(read_genome(entry, branches, left_out) for entry in settings['seeds'])
    require_unswitched(cfg, branches)
    proxy = only('proxy', settings['proxy'], schedule=None, begin='scratch', invalid_stop=None, rung=None)
    if proxy['invalid_stop'] is not None:
        require_whole('proxy.invalid_stop', proxy['invalid_stop'])
    training = read_candidate_training(proxy, cfg, base, work_dir)
    if settings['progress'] and training.trunk:
        raise SetupError(
            'progress=True is for whole trainings: after a trunk a loss sees only the last of t. Leave it out, or take '
            "proxy.begin='scratch' or a checkpoint."
        )
    _check_losses(base, branches, training)
    rung = _read_rung(proxy['rung'], training.iterations)
    strategy = build_strategy(
        spelled(settings['strategy']),
        _drawn_inputs(branches, settings['progress']),
        {branch.name: branch.kind for branch in branches},
    )
    budget = _read_budget(settings['budget'], training.schedule)
    relay = read_relay(training.relay, strategy)
    if relay:
        require_relay_alone(settings, rung, execute)
        budget = budget_of(relay, len(seeds), budget)
    config = plain_config(cfg)
    config['train_cfg'] = {**config['train_cfg'], 'base_config': base_config}
    return SearchSpec(
        base=base,
        proxy=ProxySettings(
            config=config,
            branches=branches,
            schedule=training.schedule,
            metric=read_metric(settings['metric']),
            greater=settings['rule'] == 'greater',
            invalid_stop=proxy['invalid_stop'],
            work_dir=str(work_dir / 'proxy'),
            cache=execute.cache_share,
            rung=rung.at if rung else None,
            prove=True,
            schedulers=training.schedulers,
            trunk=training.trunk,
            leg=training.leg,
            checkpoint=training.checkpoint,
        ),
        training=training,
        strategy=strategy,
        screen=screen,
        search=SearchSettings(
            settings['seed'],
            budget,
            seeds,
            screen.digits,
            rung,
            trunk=training.trunk is not None,
            plain=training.trunk is not None and training.schedulers is not None,
            relay=relay,
        ),
        header=_header(cfg, settings, branches, training, relay),
        execute=execute,
        resume=settings['resume'],
        describe=build('describe', Description, settings['describe']),
        results=Path(settings['results']) if settings['results'] else None,
        report=bool(settings['report']),
        verbose=settings['verbose'],
        work_dir=work_dir,
    )


def _drawn_inputs(branches: Sequence[Branch], progress: bool) -> dict[str, tuple[str, ...]]:
    """What random expressions and mutations may read, by branch."""
    return {branch.name: branch.kind.names + ((ELAPSED,) if progress else ()) for branch in branches}


def find_beside(path: str, cfg: Config) -> str:
    """The file itself, or the file of that name beside the search config, or a shipped one."""
    beside = Path(cfg.filename or '').parent / path
    return str(beside if not Path(path).is_file() and beside.is_file() else local_or_shipped(path))


def _read_rung(settings: Mapping[str, Any] | None, iterations: int | None) -> Rung | None:
    if settings is None:
        return None
    rung = build('proxy.rung', Rung, settings)
    if iterations is None and rung.at >= 1:
        raise SetupError(
            f'proxy.rung.at can be a number of iterations only where proxy.schedule has max_iters, but got {rung.at}. '
            'Give a share of the training below 1, such as 0.3.'
        )
    if iterations is not None and rung_iteration(rung.at, iterations) is None:
        raise SetupError(f'proxy.rung.at must be before the end, but got {rung.at} of {iterations} iterations.')
    return rung


def _read_budget(settings: Mapping[str, Any], schedule: Mapping[str, Any]) -> Budget:
    budget: Budget = build('budget', Budget, settings)
    if budget.funnel:
        require_lengthened(schedule)
    return budget


def require_lengthened(schedule: Mapping[str, Any]) -> None:
    """Requires a schedule that a funnel can make longer.

    Raises:
        SetupError: It has no length.
    """
    if not any(schedule.get(key) for key in ('max_iters', 'max_epochs')):
        raise SetupError(
            f'budget.funnel needs a proxy.schedule with max_iters or max_epochs, to lengthen it, but got {schedule}.'
        )


def read_metric(metric: str | Sequence[str]) -> str:
    """The key of the monitored value; several, whose mean is monitored, are joined by +."""
    keys: list[Any] = list(metric) if isinstance(metric, (list, tuple)) else [metric]
    if not keys or not all(isinstance(key, str) and key for key in keys):
        raise SetupError(
            f"metric must be a key such as 'coco/bbox_mAP', or a list of keys for their mean, got {metric!r}."
        )
    return '+'.join(keys)


def read_genome(entry: str | Mapping[str, str], branches: Sequence[Branch], left_out: Collection[str] = ()) -> Genome:
    """A genome from known losses or expressions.

    Args:
        entry: One per branch, one for all branches, or the name of a card, which has one for each.
        branches: The searched losses.
        left_out: Names that the entry may have although they are not searched.

    Raises:
        SetupError: A branch is missing or unknown, or its text is no loss for it.
    """
    names = [branch.name for branch in branches]
    if isinstance(entry, str) and entry in cards():
        available = set(cards()[entry].expressions())
        if not available >= set(names):
            raise SetupError(
                f'The card {entry} has losses for {", ".join(sorted(available))}, but needed are {", ".join(names)}.'
            )
        entry = {name: f'{entry}.{name}' for name in names}
    elif isinstance(entry, str):
        entry = dict.fromkeys(names, entry)
    entry = {name: text for name, text in entry.items() if name not in left_out}
    if set(entry) != set(names):
        raise SetupError(f'A seed must name each branch ({", ".join(names)}), but got {", ".join(entry)}.')
    trees = {}
    for branch in branches:
        text = entry[branch.name]
        try:
            trees[branch.name] = branch.kind.parse(expression_of(text, branch.inputs))
        except (ExpressionError, SetupError) as error:
            message = str(error).removesuffix('.')
            raise SetupError(f'seeds, branch {branch.name!r}: {message}{nearest(text, ZOO)}.') from None
    return Genome(trees)


def _header(
    cfg: Config,
    settings: Mapping[str, Any],
    branches: Sequence[Branch],
    training: CandidateTraining,
    relay: Relay | None,
) -> dict[str, Any]:
    """The settings that determine a search, and digests of the model, data and optimiser."""
    determining = ('metric', 'rule', 'aux', 'proxy', 'strategy', 'screen', 'seeds', 'seed')
    digested = ('model', 'train_dataloader', 'val_dataloader', 'val_evaluator', 'optim_wrapper', 'param_scheduler')
    plain = spelled(plain_config(cfg))
    digests = {key: hashlib.sha256(repr(plain.get(key)).encode()).hexdigest()[:12] for key in digested}
    places = {branch.name: branch.entry for branch in branches}
    settings = spelled(settings)
    header = {key: as_json(settings[key]) for key in determining}
    begin = header['proxy'].get('begin')
    if isinstance(begin, dict) and 'checkpoint' in begin:  # its checksum tells which, wherever it lies
        begin['checkpoint'] = Path(begin['checkpoint']).name
    header['screen'] = screen_header(settings['screen'])
    operators = custom_primitives()
    if operators:
        header['primitives'] = operators
    if training.header:
        header['begin'] = {**training.header, **({'candidates': relay.candidates} if relay else {})}
    if settings['progress']:
        header['progress'] = True
    return {**header, 'branches': places, 'config': digests}


def _check_losses(base: Config, branches: tuple[Branch, ...], training: CandidateTraining) -> None:
    """Replaces the losses in a copy of the base config, from the beginning or late, so that what cannot work shows early."""
    genome = Genome({branch.name: parse(branch.kind.names[0]) for branch in branches})
    weights = dict.fromkeys(genome, 1.0)
    require_buildable(with_losses(Config(plain_config(base)), branches, genome, weights), branches)
    begin = training.begin
    if isinstance(begin, TrunkBegin):
        with_late_losses(Config(plain_config(base)), branches, genome, weights, begin.at, begin.rate == 'held')
