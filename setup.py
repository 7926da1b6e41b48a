"""Packaging of mmautoloss; the set tested together stands in ``requirements``."""

import re
from pathlib import Path
from shutil import copytree

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

# The core needs torch alone (filelock guards the journal, rich prints, numba compiles the screen, cmaes tunes numbers;
# matplotlib, Jinja2 and latex2mathml make the page of a search, sympy one form of a formula). The parts that meet
# a model also import mmengine, mmcv, mmdet, mmseg, mmpose or mmpretrain, but by their import names, and these come from
# more than one distribution (mmengine or onedl-mmengine, ...). Required here, the original would be installed on top of a
# user's fork and overwrite its files. So they are extras for who starts from nothing; with a fork, name none.
MMENGINE = ['mmengine>=0.10.7']
# No pins on OpenMMLab packages beyond the one that they assert themselves at import:
# mmdet 3.3.0 and mmseg 1.2.2 refuse mmcv 2.2.0.
MMCV = [*MMENGINE, 'mmcv>=2.0.0,<2.2.0']

PAGE = ['matplotlib>=3.8', 'jinja2>=3.1', 'latex2mathml>=3.77', 'sympy>=1.12']

ROOT = Path(__file__).parent
_VERSION_FILE = ROOT / 'mmautoloss/version.py'
VERSION = re.search(r"VERSION = '(.+)'", _VERSION_FILE.read_text(encoding='utf-8'))[1]


class BuildWithConfigs(build_py):
    """Puts the configs into the package as ``mim`` lays them out, since a wheel has nothing beside the package."""

    def run(self):
        super().run()
        if not self.editable_mode:
            copytree(ROOT / 'configs', Path(self.build_lib) / 'mmautoloss/.mim/configs', dirs_exist_ok=True)


setup(
    cmdclass={'build_py': BuildWithConfigs},
    name='mmautoloss',
    version=VERSION,
    description='Searches loss functions for OpenMMLab models by evolution of expression graphs',
    long_description=(ROOT / 'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    classifiers=[
        'Development Status :: 4 - Beta',
        'Intended Audience :: Science/Research',
        'Operating System :: POSIX :: Linux',
        'Programming Language :: Python :: 3.10',
        'Programming Language :: Python :: 3.11',
        'Programming Language :: Python :: 3.12',
        'Topic :: Scientific/Engineering :: Artificial Intelligence',
    ],
    packages=find_packages(include=['mmautoloss', 'mmautoloss.*']),
    package_data={'mmautoloss.report.page': ['templates/*'], 'mmautoloss.losses': ['shipped/*.json']},
    python_requires='>=3.10',
    install_requires=['torch>=2.1', 'numpy', 'filelock>=3', 'rich>=13', 'numba>=0.60', 'cmaes>=0.11', *PAGE],
    extras_require={
        'mmengine': MMENGINE,
        'det': [*MMCV, 'mmdet>=3.3.0', 'scikit-learn>=1.3'],
        'seg': [*MMCV, 'mmsegmentation>=1.2.2', 'scikit-learn>=1.3', 'ftfy', 'regex'],
        'pose': [*MMENGINE, 'mmcv>=2.0.0', 'mmpose>=1.3.2'],
        # later importlib-metadata needs a package that is not published
        'cls': [*MMENGINE, 'mmcv>=2.0.0', 'mmpretrain>=1.2.0', 'importlib-metadata<9'],
        'ray': ['ray>=2.52'],
        'tensorboard': ['tensorboard>=2.16'],
        'dev': [
            *('pytest>=8', 'pytest-xdist>=3.6', 'hypothesis>=6', 'playwright>=1.45', 'tensorboard>=2.16'),
            *('ruff>=0.6', 'mypy>=1.11', 'import-linter>=2.9'),
            *('nbclient>=0.10', 'nbformat>=5.10', 'ipykernel>=6.29', 'optuna>=4', 'ray[tune]>=2.52'),
        ],
    },
    entry_points={'console_scripts': ['mmautoloss = mmautoloss.__main__:main']},
)
