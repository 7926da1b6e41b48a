"""Cheap tests before a training: probes, the rejection test, gradient fingerprints, calibration."""

from mmautoloss.screen.calibration import Calibration, calibrate, require_calibrated
from mmautoloss.screen.fast import FastScreen
from mmautoloss.screen.fingerprints import balance_weight, fingerprint, gradient_norms, gradient_signature
from mmautoloss.screen.metrics import PROBE_METRICS, register_metric
from mmautoloss.screen.probe import Objective, Probe, Sample, load_probes, probes_file, save_probes
from mmautoloss.screen.rejection import RejectionTest
from mmautoloss.screen.screen import ACCEPTED, REASONS, OpenScreen, ProbeScreen, Screen, UntestedScreen, Verdict
from mmautoloss.screen.settings import ScreenSettings
from mmautoloss.screen.tasks import TasksScreen, join_tasks

__all__ = [
    'ACCEPTED',
    'PROBE_METRICS',
    'REASONS',
    'Calibration',
    'FastScreen',
    'Objective',
    'OpenScreen',
    'Probe',
    'ProbeScreen',
    'RejectionTest',
    'Sample',
    'Screen',
    'ScreenSettings',
    'TasksScreen',
    'UntestedScreen',
    'Verdict',
    'balance_weight',
    'calibrate',
    'fingerprint',
    'gradient_norms',
    'gradient_signature',
    'join_tasks',
    'load_probes',
    'probes_file',
    'register_metric',
    'require_calibrated',
    'save_probes',
]
