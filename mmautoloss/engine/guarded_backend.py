"""A visualiser backend whose failure does not end a search."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from mmengine.registry import VISBACKENDS as ROOT_VISBACKENDS
from mmengine.visualization import Visualizer
from mmengine.visualization.vis_backend import BaseVisBackend

from mmautoloss.errors import SetupError
from mmautoloss.registry import VISBACKENDS, register


@register(VISBACKENDS)
class GuardedVisBackend(BaseVisBackend):
    """Passes calls on to another backend until one raises, as without a network; later calls do nothing.

    Args:
        backend: The other backend, or its config.
        save_dir: Folder for its files.

    Attributes:
        backend: The other backend; None if it cannot be built.
        failure: The error that it raised; '' while it works.
    """

    def __init__(self, backend: BaseVisBackend | Mapping[str, Any], save_dir: str | None = None) -> None:
        super().__init__(save_dir)
        self.failure = ''
        self.backend: Any = None
        if isinstance(backend, BaseVisBackend):
            self.backend = backend
        else:
            settings = {**backend} if save_dir is None else {'save_dir': save_dir, **backend}
            self._try(lambda: setattr(self, 'backend', ROOT_VISBACKENDS.build(settings)))

    @property
    def experiment(self) -> Any:
        """The ``experiment`` of the other backend; None if that does not work."""
        return self._try(lambda: self.backend.experiment)

    def _init_env(self) -> None:
        """Does nothing, since the other backend initialises itself."""

    def add_config(self, *args: Any, **kwargs: Any) -> None:
        """Passes the call on."""
        self._try(lambda: self.backend.add_config(*args, **kwargs))

    def add_graph(self, *args: Any, **kwargs: Any) -> None:
        """Passes the call on."""
        self._try(lambda: self.backend.add_graph(*args, **kwargs))

    def add_image(self, *args: Any, **kwargs: Any) -> None:
        """Passes the call on."""
        self._try(lambda: self.backend.add_image(*args, **kwargs))

    def add_scalar(self, *args: Any, **kwargs: Any) -> None:
        """Passes the call on."""
        self._try(lambda: self.backend.add_scalar(*args, **kwargs))

    def add_scalars(self, *args: Any, **kwargs: Any) -> None:
        """Passes the call on."""
        self._try(lambda: self.backend.add_scalars(*args, **kwargs))

    def add_text(self, tag: str, text: str, step: int) -> None:
        """Passes a text on to TensorBoard, the only backend of MMEngine that takes texts."""
        add = getattr(self.experiment, 'add_text', None)
        if add is not None:
            self._try(lambda: add(tag, text, step))

    def flush(self) -> None:
        """Writes TensorBoard's buffer to disk, so that nothing is missing if the search is killed."""
        flush = getattr(self.experiment, 'flush', None)
        if flush is not None:
            self._try(flush)

    def close(self) -> None:
        """Passes the call on."""
        self._try(lambda: self.backend.close())

    def _try(self, call: Callable[[], Any]) -> Any:
        if self.failure:
            return None
        try:
            return call()
        except Exception as error:  # an error of the backend, its service or the network, without which a search works
            self.failure = f'{type(error).__name__}: {error}'.splitlines()[0]
            return None


def guard_config(visualizer: dict[str, Any]) -> None:
    """Guards the backends that a config of a visualiser names; in place.

    Raises:
        SetupError: A backend has no type.
    """
    backends = visualizer.get('vis_backends') or []
    backends = [backends] if isinstance(backends, dict) else backends
    visualizer['vis_backends'] = [_guarded(backend) for backend in backends]


def guard(visualizer: Visualizer) -> dict[str, GuardedVisBackend]:
    """Guards the backends of a visualiser in place, and returns them by name."""
    backends = visualizer._vis_backends  # the public method returns single backends by name
    for name, backend in backends.items():
        if not isinstance(backend, GuardedVisBackend):
            backends[name] = GuardedVisBackend(backend)
    return backends


def _guarded(backend: Any) -> Any:
    if not isinstance(backend, dict):
        return GuardedVisBackend(backend) if isinstance(backend, BaseVisBackend) else backend
    kind = backend.get('type')
    name = kind if isinstance(kind, str) else getattr(kind, '__name__', '')
    if not name:
        raise SetupError(
            f"A visualiser backend needs a type, as dict(type='TensorboardVisBackend'), but got {backend}."
        )
    if name.endswith(GuardedVisBackend.__name__):
        return backend
    inner = {key: value for key, value in backend.items() if key != 'name'}
    shown = backend.get('name') or name.rpartition('.')[2]
    return {'type': f'mmautoloss.{GuardedVisBackend.__name__}', 'name': shown, 'backend': inner}
