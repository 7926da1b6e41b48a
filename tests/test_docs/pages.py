"""The pages of the project: their blocks of code, headings and links."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from tests.isolation import ROOT

PAGES = sorted([ROOT / 'README.md', ROOT / 'CONTRIBUTING.md', ROOT / 'CHANGELOG.md', *(ROOT / 'docs').glob('*.md')])

_FENCE = re.compile(r'^(`{3,})(\w*)\s*$')
_NOT_RUN = re.compile(r'<!-- not run: (.+) -->')


class Block(NamedTuple):
    """A block of code.

    Attributes:
        page: Where it stands.
        line: The line of its fence, from 1.
        language: What is written behind the fence.
        text: What it holds.
        not_run: Why it is not run, if a comment before it says so; else ''.
    """

    page: Path
    line: int
    language: str
    text: str
    not_run: str

    def __str__(self) -> str:
        return f'{name_of(self.page)}:{self.line}'


def name_of(page: Path) -> str:
    """The path from the root of the project."""
    return str(page.relative_to(ROOT))


def read_blocks(page: Path) -> list[Block]:
    """The blocks of a page, in order."""
    blocks: list[Block] = []
    lines = _without_comments(page.read_text(encoding='utf-8')).splitlines()
    number = 0
    while number < len(lines):
        opened = _FENCE.match(lines[number])
        if opened:
            end = next(k for k in range(number + 1, len(lines)) if lines[k].rstrip() == opened[1])
            text = '\n'.join(lines[number + 1 : end]) + '\n'
            before = next((line for line in reversed(lines[:number]) if line.strip()), '')
            reason = _NOT_RUN.fullmatch(before.strip())
            blocks.append(Block(page, number + 1, opened[2], text, reason[1] if reason else ''))
            number = end
        number += 1
    return blocks


def _without_comments(text: str) -> str:
    """The text with as many lines, in which only the marks of blocks that are not run are left of comments."""

    def blank(comment: re.Match[str]) -> str:
        return comment[0] if _NOT_RUN.fullmatch(comment[0]) else '\n' * comment[0].count('\n')

    return re.sub(r'<!--.*?-->', blank, text, flags=re.DOTALL)


def prose(page: Path) -> str:
    """The page without its blocks and comments."""
    text = re.sub(r'<!--.*?-->', '', page.read_text(encoding='utf-8'), flags=re.DOTALL)
    return re.sub(r'^(`{3,})\w*\n.*?^\1\s*$', '', text, flags=re.DOTALL | re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """The anchors of the headings, as GitHub makes them."""
    found: set[str] = set()
    for heading in re.findall(r'^#+ (.+)$', prose(page), re.MULTILINE):
        text = re.sub(r'\[([^]]+)\]\([^)]*\)', r'\1', heading).strip().lower()
        slug = re.sub(r'[^\w\- ]', '', text).replace(' ', '-')
        number = 1
        while (name := slug if number == 1 else f'{slug}-{number - 1}') in found:
            number += 1
        found.add(name)
    return found


def links(page: Path) -> list[str]:
    """The targets of links and pictures."""
    return re.findall(r'\]\(([^)\s]+)\)', prose(page)) + re.findall(r'(?:src|href)="([^"]+)"', prose(page))


def commands(text: str) -> list[str]:
    """The commands of a shell block: lines that end in a backslash go on, comments are none."""
    joined = re.sub(r'\\\n\s*', ' ', text)
    return [line.strip() for line in joined.splitlines() if line.strip() and not line.strip().startswith('#')]
