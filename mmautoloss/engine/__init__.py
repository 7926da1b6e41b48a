"""The MMEngine rim: the loop that a config names, and the found losses as a config."""

from mmautoloss.engine.branches import build_model
from mmautoloss.engine.compare import compare, with_usual_weight
from mmautoloss.engine.config import load_search_config, require_writable, spec_of
from mmautoloss.engine.data import apply_options, check_files
from mmautoloss.engine.evaluate import evaluate
from mmautoloss.engine.export import load_base, with_losses, write_config
from mmautoloss.engine.found import Found, NamedLoss, Origin, found_losses, write_losses
from mmautoloss.engine.judging import judging_split
from mmautoloss.engine.launch import launch
from mmautoloss.engine.placing import by_hand, match
from mmautoloss.engine.report import write_report
from mmautoloss.engine.result import read_by_hand, read_found, read_result
from mmautoloss.engine.search_loop import SearchLoop
from mmautoloss.engine.spec import SearchSpec, read_spec
from mmautoloss.engine.start import build_search
from mmautoloss.engine.training import Result

__all__ = [
    'Found',
    'NamedLoss',
    'Origin',
    'Result',
    'SearchLoop',
    'SearchSpec',
    'apply_options',
    'build_model',
    'build_search',
    'by_hand',
    'check_files',
    'compare',
    'evaluate',
    'found_losses',
    'judging_split',
    'launch',
    'load_base',
    'load_search_config',
    'match',
    'read_by_hand',
    'read_found',
    'read_result',
    'read_spec',
    'require_writable',
    'spec_of',
    'with_losses',
    'with_usual_weight',
    'write_config',
    'write_losses',
    'write_report',
]
