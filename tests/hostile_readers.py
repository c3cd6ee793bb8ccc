"""What a hostile file would have its reader do; called in a process under limits."""

import os
import signal


def spin(path):
    while path:
        pass


def grow(path):
    return len([bytearray(1 << 20) for _ in range(100_000)])


def fall(path):
    os.kill(os.getpid(), signal.SIGSEGV)
