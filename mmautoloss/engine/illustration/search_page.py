"""The page of a search as one HTML file, and its tables, from the work dir."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from mmautoloss.engine.config.resolved import read_resolved
from mmautoloss.engine.config.trusted import CONFIG, trusted_config
from mmautoloss.engine.illustration.pictures import draw_pictures
from mmautoloss.engine.illustration.portraits import portraits_of
from mmautoloss.errors import SetupError
from mmautoloss.files import write_text
from mmautoloss.proxy import one_at_a_time
from mmautoloss.report.facts import Facts, facts_of
from mmautoloss.report.figures import Figure, Picture
from mmautoloss.report.page import Report, build_report, render
from mmautoloss.report.page.build import with_portraits
from mmautoloss.search import relay_of
from mmautoloss.trial import Record, Role, Trial, driver_lives, journal_of, read_journal

DrawPortraits = Callable[[Record, Trial, Path | None], Sequence[Figure]]
"""Draws a finalist of a record; the path is the search config, None if there is none that may be run."""

DrawPictures = Callable[..., Sequence[Picture]]
"""Draws predictions of the networks of some trials beside the ground truth; see ``pictures.draw_pictures``."""


@one_at_a_time
def write_report(
    work_dir: str | Path,
    output: Path | None = None,
    draw_portraits: DrawPortraits | None = portraits_of,
    draw_pictures: DrawPictures | None = draw_pictures,
    config: Path | None = None,
) -> Path:
    """Writes the page of a search, and its tables as CSV and JSON into a folder of the same name.

    Portraits and pictures that cannot be drawn are missing, and the page says why. A work dir is data: its search config
    is parsed, and run only if a search of this user has written it.

    Args:
        work_dir: The work dir of a search, which may still run, or its journal.
        output: The HTML file; ``report.html`` in the work dir by default.
        draw_portraits: Called for each finalist; None draws none.
        draw_pictures: Called for the first training of the hand-made losses and the best; None draws none.
        config: The search config, which is run for hand-made losses and ground truth; None takes that of the work dir, if
            a search of this user has written it.

    Returns:
        The HTML file.

    Raises:
        JournalError: There is no search.
        SetupError: The page cannot be written.
    """
    journal = journal_of(Path(work_dir))
    folder = journal.parent
    output = output or folder / 'report.html'
    record = read_journal(journal)
    settings, notes = _settings_of(folder)
    facts = _facts(record, settings)
    made = datetime.now().astimezone().strftime('%Y-%m-%d %H:%M %Z')
    report = build_report(facts, record.history, str(folder), made, output.stem)
    report = _illustrated(report, record, folder, config or trusted_config(folder), draw_portraits, draw_pictures)
    commands = _commands(facts, folder, record, settings.get('options') or {})
    report = replace(report, commands=commands, notes=(*notes, *report.notes))
    try:
        _write(report, output)
    except OSError as error:
        raise SetupError(f'{output} cannot be written: {error.strerror}. Choose another file with -o FILE.') from error
    return output


def read_facts(record: Record, folder: Path) -> Facts:
    """The facts of a search as they are now.

    Args:
        record: The contents of its journal.
        folder: Its work dir; without a config there, its settings are left out.
    """
    return _facts(record, _settings_of(folder)[0])


def _facts(record: Record, settings: Mapping[str, Any]) -> Facts:
    return facts_of(record, time.time(), driver_lives(record), settings.get('describe'))


def _settings_of(folder: Path) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    """The settings of the search, and why there are none if its config cannot be read."""
    try:
        return read_resolved(folder), ()
    except SetupError as error:
        return {}, (str(error),)


def _illustrated(
    report: Report,
    record: Record,
    folder: Path,
    config: Path | None,
    draw_portraits: DrawPortraits | None,
    draw_pictures: DrawPictures | None,
) -> Report:
    portraits, pictures, notes = {}, {}, []
    if draw_portraits:
        for trial in report.facts.ranking:
            try:
                portraits[trial.number] = draw_portraits(record, trial, config)
            except Exception as error:  # an error of the user's model or library must not prevent the page
                notes.append(f'Trial {trial.number} could not be drawn: {_describe(error)}')
    best = [trial.number for trial in report.facts.ranking[:1]]
    hand_made = [trial.number for trial in record.history.of_role(Role.BASELINE)[:1]]
    if draw_pictures and best and config is None:
        notes.append(
            f'Hand-made losses and predictions are not drawn, since the {CONFIG} in the work dir is of no search of yours: '
            'name the search config with --config CONFIG.'
        )
    elif draw_pictures and best:
        try:
            pictures[best[0]] = draw_pictures(folder, [*hand_made, *best], config)
            if not pictures[best[0]]:
                notes.append('No predictions were kept (execute.pictures), so there are no pictures of them.')
        except Exception as error:  # as above
            notes.append(f'Predictions could not be drawn: {_describe(error)}')
    return with_portraits(report, portraits, pictures, notes)


def _describe(error: Exception) -> str:
    return f'{type(error).__name__}: {error}'


def _commands(facts: Facts, folder: Path, record: Record, options: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    work_dir, program = shlex.quote(str(folder)), 'python -m mmautoloss'
    commands = []
    if facts.status.state in ('running', 'not begun'):
        commands.append(('See how it stands', f'{program} status {work_dir} --watch'))
    if (folder / CONFIG).is_file():
        commands.append(('Go on, or go on longer with a larger total', _resume(folder, record, options)))
        commands.append(('Compute every proposal again and compare', f'{program} replay {work_dir}'))
    for source in _sources(facts, folder, record):
        commands.append(('Put the best losses into another config', f'{program} apply CONFIG {source} -o NEW_CONFIG'))
    if facts.ranking and record.header.get('branches') and not record.header.get('tasks'):
        commands.append(
            ('Train them at full length, with new seeds, beside the hand-made ones',
             f'{program} compare {shlex.quote(str(folder / CONFIG))} --work-dir {work_dir} --results results.csv')
        )  # fmt: skip
    commands.append(('Write this page again', f'{program} report {work_dir}'))
    return tuple(commands)


def _sources(facts: Facts, folder: Path, record: Record) -> list[str]:
    """Where the best losses can be read: in the work dir, or in a file for each of several tasks."""
    if not facts.ranking or not record.header.get('branches'):
        return []
    files = [folder / f'best_losses_{task}.json' for task in record.header.get('tasks') or ()]
    return [shlex.quote(str(path)) for path in files or [folder]]


def _resume(folder: Path, record: Record, options: Mapping[str, Any]) -> str:
    pairs = ''.join(f' {key}={shlex.quote(str(value))}' for key, value in options.items())
    total = record.sessions[-1].budget.get('max_trials') if record.sessions else None
    total = None if relay_of(record.header) else total  # that of a relay is not chosen
    return (
        f'python -m mmautoloss search {shlex.quote(str(folder / CONFIG))} --work-dir {shlex.quote(str(folder))} --resume'
        + f' --max-trials {total}' * (total is not None)
        + f' --cfg-options{pairs}' * bool(pairs)
    )


def _write(report: Report, output: Path) -> None:
    tables = output.with_suffix('')
    tables.mkdir(parents=True, exist_ok=True)
    for name, table in report.tables().items():
        write_text(tables / f'{name}.csv', table.to_csv())
        write_text(tables / f'{name}.json', table.to_json_text())
    write_text(output, render(report))
