"""The MMEngine rim: the loop that a config names, and the found losses as a config."""

from mmautoloss.engine.branches import build_model
from mmautoloss.engine.compare import compare
from mmautoloss.engine.config import load_search_config, require_writable, spec_of
from mmautoloss.engine.data import apply_options, check_files
from mmautoloss.engine.evaluate import evaluate
from mmautoloss.engine.export import load_base, with_losses, write_config
from mmautoloss.engine.found import NamedLoss, by_hand, found_losses, match, read_result, write_losses
from mmautoloss.engine.launch import launch
from mmautoloss.engine.result import Result
from mmautoloss.engine.search_loop import SearchLoop
from mmautoloss.engine.spec import SearchSpec, read_spec

__all__ = [
    'NamedLoss',
    'Result',
    'SearchLoop',
    'SearchSpec',
    'apply_options',
    'build_model',
    'by_hand',
    'check_files',
    'compare',
    'evaluate',
    'found_losses',
    'launch',
    'load_base',
    'load_search_config',
    'match',
    'read_result',
    'read_spec',
    'require_writable',
    'spec_of',
    'with_losses',
    'write_config',
    'write_losses',
]
