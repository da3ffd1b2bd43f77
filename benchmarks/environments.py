"""The environments of other clients: each in one of its own, from its own package, at a stated version; made at the first use."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PINS = ROOT / "tests/end_to_end/peers.txt"
NEWER_PINS = Path(__file__).with_name("b24api.txt")  # it asks for Python 3.12
JSSDK = "@bitrix24/b24jssdk@2.2.0"


def interpreter(package: str) -> Path:
    """Give the interpreter of a client's own environment."""
    return _made(package, sys.executable, PINS)


def newer_interpreter(package: str, python: str | None) -> Path:
    """Give the interpreter of a client that asks for Python 3.12: the one named, or the first on PATH."""
    return _made(package, python or "", NEWER_PINS)


def node_folder() -> Path:
    """Give the folder that has b24jssdk among its modules."""
    home = ROOT / ".venv-b24jssdk"
    if not (home / "node_modules" / "@bitrix24").exists():
        home.mkdir(exist_ok=True)
        words = ("--no-package-lock", "--no-save", "--no-audit", "--no-fund", "--loglevel=error")
        subprocess.run([_found("npm"), "install", "--prefix", home, *words, JSSDK], check=True)
    return home


def node() -> str:
    """Find Node."""
    return _found("node")


def _made(package: str, python: str, pins: Path) -> Path:
    home = ROOT / f".venv-{package}"
    ready = home / "bin" / "python"
    if not ready.exists():
        subprocess.run([python or _newer_python(), "-m", "venv", home], check=True)
        subprocess.run([ready, "-m", "pip", "install", "-qq", "--disable-pip-version-check", "-c", pins, package], check=True)
    return ready


def _newer_python() -> str:
    """Find a Python of 3.12 or newer; a name on PATH may be a shim that does not run."""
    asked = "import sys, venv; sys.exit(sys.version_info < (3, 12))"
    for name in ("python3.13", "python3.12", "python3"):
        path = shutil.which(name)
        if path and not subprocess.run([path, "-c", asked], check=False, capture_output=True).returncode:
            return path
    sys.exit("no Python 3.12 or newer on PATH: name one with --python")


def _found(name: str) -> str:
    return shutil.which(name) or sys.exit(f"{name} is not on PATH")
