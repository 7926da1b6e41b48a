"""The output of ``status``: with colours on a terminal, otherwise plain lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from mmautoloss.report.lengths import Length
from mmautoloss.report.status import Failure, FreshScores, Score, Status
from mmautoloss.report.words import clock, span
from mmautoloss.trial import RETIRED

_STYLES = {
    'running': 'bold green',
    'finished': 'bold green',
    'interrupted': 'bold yellow',
    'error': 'bold red',
    'died': 'bold red',
}
_ADVICE = {
    'interrupted': 'the same command with --resume goes on',
    'error': 'once that is corrected, the same command with --resume goes on',
    'died': 'the same command with --resume goes on',
}
_MAX_ROWS = 6
"""Maximum number of sessions and of reasons that are shown."""


def print_status(status: Status, work_dir: Path, console: Console) -> None:
    """Prints the status of a search."""
    _print_state(status, work_dir, console)
    _print_scores(status, console)
    _print_trials(status, work_dir, console)
    _print_pace(status, console)
    _print_workers(status, console)
    _print_sessions(status, console)


def _print_state(status: Status, work_dir: Path, console: Console) -> None:
    words = {'error': 'stopped by an error', 'unknown': 'state unknown'}.get(status.state, status.state)
    console.print(words, style=_STYLES.get(status.state, 'bold'), end='')
    last_event = '' if status.silent is None else f', last heard of {span(status.silent)} ago'
    console.print(f', {span(status.elapsed)} of search{last_event}', soft_wrap=True)
    for line in (status.why, _ADVICE.get(status.state, '')):
        if line:
            console.print(
                line, style='red' if line == status.why and status.state == 'error' else None, soft_wrap=True
            )
    console.print(f'{work_dir}', style='dim', soft_wrap=True)


def _print_scores(status: Status, console: Console) -> None:
    direction = 'higher' if status.greater else 'lower'
    rows = [('hand-made', *_numbers(status.baseline))]
    rows.append((f'best, trial {status.best.trial}' if status.best else 'best found', *_numbers(status.best)))
    _print_table(console, (f'{status.metric} ({direction} is better)', 'mean', 'spread', 'seeds'), rows)
    if status.learning:
        console.print(status.learning, style='yellow', soft_wrap=True)
    _print_tasks(status, console)
    _print_lengths(status.lengths, console)
    _print_fresh(status.fresh, console)
    if status.state == 'finished':
        console.print(status.verdict, soft_wrap=True)
    for branch, text in status.best.expressions.items() if status.best else ():
        console.print(f'  {branch}: {text}', style='cyan', soft_wrap=not console.is_terminal)


def _print_tasks(status: Status, console: Console) -> None:
    """Prints the mean values by task."""
    scores = {'hand-made': status.baseline, 'best found': status.best}
    rows = [(name, *(f'{value:.4f}' for value in score.tasks.values())) for name, score in scores.items() if score]
    tasks = status.baseline.tasks if status.baseline else {}
    if tasks:
        _print_table(console, ('mean by task', *tasks), rows)


def _print_fresh(fresh: FreshScores, console: Console) -> None:
    scores = {'hand-made': fresh.hand_made, 'known, trial': fresh.rival, 'best, trial': fresh.winner}
    rows = [
        (f'{name} {score.trial}' if score.expressions else name, *_numbers(score))
        for name, score in scores.items()
        if score
    ]
    if rows:
        _print_table(console, ('with fresh seeds', 'mean', 'spread', 'seeds'), rows)


def _print_lengths(lengths: Sequence[Length], console: Console) -> None:
    if lengths:
        _print_table(console, ('longer trainings',), [(length.text(),) for length in lengths])


def _print_trials(status: Status, work_dir: Path, console: Console) -> None:
    states = ['running', 'settled', 'complete', 'equivalent', 'stopped', 'failed']
    if not any(counts['stopped'] for counts in status.trials.values()):
        states.remove('stopped')  # there is no rung
    running = 'unfinished' if status.state in _ADVICE else 'running'
    rows = [
        (role, *(str(counts[state] or '-') for state in states))
        for role, counts in status.trials.items()
        if any(counts.values())
    ]
    _print_table(console, ('trials', running, *states[1:]), rows)
    if status.funnel:
        _print_table(console, ('expressions', ''), [(verdict, f'{n}') for verdict, n in status.funnel.items()])
    if status.failures:
        _print_failures(status.failures, work_dir, console)


def _print_failures(failures: Sequence[Failure], work_dir: Path, console: Console) -> None:
    """Prints the reasons of failures with the latest log, where it exists."""
    titles = ('failed', 'because of', 'log of the latest')
    rows = [(str(f.count), f.reason, f.log if (work_dir / f.log).exists() else '') for f in failures[:_MAX_ROWS]]
    width = 3 if any(log for _, _, log in rows) else 2
    if len(failures) > _MAX_ROWS:
        rows.append(('', f'and {len(failures) - _MAX_ROWS} more', ''))
    _print_table(console, titles[:width], [row[:width] for row in rows], right=(0,))


def _print_pace(status: Status, console: Console) -> None:
    pace = status.pace
    seconds = 'unknown' if pace.seconds is None else f'{_short(pace.seconds)} s'
    stages = ', '.join(f'{stage} {_short(value)}' for stage, value in pace.stages.items())
    rows = [
        ('trainings an hour', f'{_rate(pace.per_hour)}, lately {_rate(pace.per_hour_last_20)}'),
        ('median training', seconds + f' ({stages})' * bool(stages)),
    ]
    if status.state != 'finished':
        rows += [('left to train', _left(status)), ('expected end', _end(status))]
        rows += [('confirming', f'{done} of {all_}') for done, all_ in _confirming(status)]
    _print_table(console, ('speed', ''), rows, right=())


def _print_workers(status: Status, console: Console) -> None:
    if status.state not in ('running', 'died', 'unknown'):
        retired = [(pulse.worker, pulse.where) for pulse in status.workers or () if pulse.phase == RETIRED]
        if retired:
            _print_table(console, ('workers', RETIRED), retired)
        return
    if not status.workers:
        text = 'unknown' if status.workers is None else 'not heard yet'
        _print_table(console, ('workers', ''), [(text, '')])
        return
    silence = 'silent' if status.state == 'running' else 'silent at last'
    rows = []
    for pulse in status.workers:
        trial, step = '-' if pulse.trial is None else str(pulse.trial), str(pulse.step or '-')
        rows.append((pulse.worker, trial, pulse.phase, step, span(pulse.silent), pulse.where))
    _print_table(console, ('workers', 'trial', 'phase', 'step', silence, 'where'), rows, right=(1, 3, 4))
    if status.beat is not None:
        console.print(f'as they were {span(status.beat)} ago', style='dim')


def _print_sessions(status: Status, console: Console) -> None:
    if status.sessions is None:
        rows: list[Sequence[str]] = [('unknown',)]
        _print_table(console, ('sessions',), rows)
        return
    rows = [
        (
            clock(session.began),
            span(session.seconds),
            f'{session.host}:{session.pid}',
            str(session.slots),
            _first_line(session.ended),
        )
        for session in status.sessions[-_MAX_ROWS:]
    ]
    title = f'sessions ({len(rows)} of {len(status.sessions)})' if len(status.sessions) > _MAX_ROWS else 'sessions'
    _print_table(console, (title, 'lasted', 'where', 'slots', 'end'), rows, right=(1, 3))


def _print_table(
    console: Console, titles: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[int] | None = None
) -> None:
    """Prints an empty line and a table; ``right`` columns, by default all but the first, are right-aligned."""
    right = range(1, len(titles)) if right is None else right
    table = Table(box=None, padding=(0, 2, 0, 0), header_style='bold')
    for index, title in enumerate(titles):
        table.add_column(title, justify='right' if index in right else 'left', overflow='fold')
    for row in rows:
        table.add_row(*row)
    console.print()
    console.print(table)


def _numbers(score: Score | None) -> tuple[str, str, str]:
    if score is None:
        return 'none yet', '-', '-'
    return f'{score.mean:.4f}', '-' if score.spread is None else f'{score.spread:.4f}', str(len(score.scores))


def _rate(per_hour: float | None) -> str:
    return 'unknown' if per_hour is None else f'{per_hour:.1f}'


def _short(seconds: float) -> str:
    return f'{seconds:.1f}' if seconds >= 1 else f'{seconds:.2g}'


def _left(status: Status) -> str:
    if status.pace.left is None:
        return 'unknown'
    words = {'longer': 'longer training', 'plain': 'plain training'}
    left = ((words.get(kind, kind), count) for kind, count in status.pace.left.items() if count)
    return ', '.join(f'{count} {word}' + 's' * (count > 1) for word, count in left) or 'nothing'


def _confirming(status: Status) -> Iterator[tuple[int, int]]:
    """The numbers of settled trainings with fresh seeds and of all, once they have begun."""
    counts = status.trials['confirm']
    if status.pace.left and (counts['settled'] or counts['running']):
        yield counts['settled'], counts['settled'] + status.pace.left['confirmation']


def _end(status: Status) -> str:
    if status.pace.seconds_left is None:
        return 'unknown'
    left = f'after {span(status.pace.seconds_left)} of search'
    return left if status.end is None else f'in {span(status.pace.seconds_left)}, {clock(status.end)}'


def _first_line(reason: str | None) -> str:
    return 'running' if reason is None else (reason.splitlines() or [''])[0]
