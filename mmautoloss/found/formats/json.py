"""Losses as JSON: best_losses.json with all other known data; ``apply`` and ``export`` read it back."""

from __future__ import annotations

import json
import re

from mmautoloss.found.formats.shared import Options
from mmautoloss.found.found import Found
from mmautoloss.found.read import to_entries


def write(found: Found, options: Options) -> str:
    """A list with one object per branch; ``same_gradient`` is a shorter form, if one was requested and exists."""
    entries = to_entries(found)
    for entry in entries:
        shorter = options.shorter.get(entry['name'])
        if shorter and shorter.tree:
            entry['same_gradient'] = str(shorter.tree)
    text = json.dumps(entries, indent=2)
    # lists of nodes and scores on one line
    return re.sub(r'\[\s+([^][{}]*?)\s+\]', lambda match: f'[{" ".join(match[1].split())}]', text) + '\n'
