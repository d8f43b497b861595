"""Runs the command on a pseudo-terminal, and returns the bytes that the terminal gets."""

import fcntl
import os
import pty
import select
import signal
import struct
import termios
from collections.abc import Mapping, Sequence
from pathlib import Path

import command

running: list[command.Process] = []  # the last one is that of `run`
