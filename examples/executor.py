"""A custom executor whose workers are started by any command, such as ``nice``, ``taskset`` or ``apptainer exec``.

    custom_imports = dict(imports=['examples.executor'], allow_failed_imports=False)
    train_cfg = dict(execute=dict(executor='command', options=dict(command=['nice', '-n', '10']), workers=2), ...)

A worker has three methods; ``SupervisedExecutor`` replaces workers that die or hang.
"""

import contextlib
import json
import os
import socket
import subprocess
import sys
from multiprocessing.connection import Connection, wait

from mmautoloss.execute import (
    ExecuteSettings,
    SupervisedExecutor,
    Worker,
    WorkerDied,
    WorkerIdentity,
    news_of,
    register_executor,
    work,
)
from mmautoloss.proxy import ProxySettings
from mmautoloss.trial import Trial


class CommandWorker(Worker):
    def __init__(self, command: list[str], proxy: ProxySettings, identity: WorkerIdentity):
        ours, theirs = socket.socketpair()
        command = [*command, sys.executable, __file__]
        self.process = subprocess.Popen(command, stdin=theirs, env=os.environ | identity.environment)
        self.link = Connection(ours.detach())
        self.link.send((proxy, identity))

    def begin(self, trial: Trial, limit: float | None):
        with contextlib.suppress(OSError):  # news() reports a worker that died
            self.link.send_bytes(json.dumps({'trial': trial.to_json(), 'limit': limit}).encode())

    def news(self):
        try:
            while self.link.poll():
                yield news_of(json.loads(self.link.recv_bytes()))
        except (EOFError, OSError):
            raise WorkerDied(f'exit code {self.process.wait()}') from None

    def kill(self):
        self.process.kill()
        self.process.wait()


class CommandExecutor(SupervisedExecutor):
    def __init__(self, proxy: ProxySettings, settings: ExecuteSettings):
        super().__init__(settings.workers, limits=settings, prefix='command')
        self.proxy, self.settings = proxy, settings

    def _start(self, index: int, name: str) -> CommandWorker:
        identity = WorkerIdentity(name, rank=0, ranks=1, gpus=(), threads=self.settings.threads or 1, port=0, beat=1.0)
        return CommandWorker((self.settings.options or {}).get('command', []), self.proxy, identity)

    def _sleep(self, workers: list[CommandWorker], seconds: float):
        wait([worker.link for worker in workers], timeout=0.1)  # new trials are noticed after the timeout

    def _wake(self): ...


register_executor('command', CommandExecutor)
if __name__ == '__main__':  # in the process of a worker
    driver = Connection(os.dup(0))
    work(driver, *driver.recv())
