"""Losses as JSON: best_losses.json with all that is known besides; ``apply`` and ``export`` read it back."""

from __future__ import annotations

import json
import re

from mmautoloss.found.formats.shared import Options
from mmautoloss.found.found import Found
from mmautoloss.found.read import to_entries


def write(found: Found, options: Options) -> str:
    """A list with an object a branch; ``same_gradient`` is a shorter form, where one was asked for and found."""
    entries = to_entries(found)
    for entry in entries:
        shorter = options.shorter.get(entry['name'])
        if shorter and shorter.tree:
            entry['same_gradient'] = str(shorter.tree)
    text = json.dumps(entries, indent=2)
    # lists of nodes and scores on one line
    return re.sub(r'\[\s+([^][{}]*?)\s+\]', lambda found: f'[{" ".join(found[1].split())}]', text) + '\n'
