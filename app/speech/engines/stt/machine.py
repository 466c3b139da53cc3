"""What this machine offers to a recogniser: cores, memory and graphics cards, within a container's limits."""

import os
import sys
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Final

_ROOT: Final = Path("/")
_CARDS: Final = ("proc/driver/nvidia/gpus", "dev/nvidiactl", "dev/nvidia0", "dev/dxg")
"""What Linux has where a card of NVIDIA's can be reached; `dxg` under Windows' own Linux."""

_NO_LIMIT: Final = 1 << 60
"""Control groups of version 1 write a number near 2^63 for no limit."""

_UNKNOWN_MEMORY: Final = 0


@dataclass(frozen=True, slots=True)
class MachineProfile:
    """What may be used here.

    Attributes:
        cores: Of the processor; a container's share may be a part of one.
        memory_bytes: Of the machine or, where that is less, of the container; 0 where it cannot be known.
        gpus: Graphics cards that CTranslate2 can compute on.
    """

    cores: float
    memory_bytes: int
    gpus: int


@lru_cache(maxsize=1)
def this_machine() -> MachineProfile:
    """Return the one that runs this; looked at once. May load CTranslate2, where a card seems to be there."""
    return MachineProfile(usable_cores(), usable_memory(), usable_gpus())


def usable_cores(root: Path = _ROOT) -> float:
    """Cores that this process may run on, or the quota of its control group where that is less."""
    try:
        cores = float(len(os.sched_getaffinity(0)))
    except AttributeError:  # not on macOS and Windows
        cores = float(os.cpu_count() or 1)
    quotas = [_quota_v2(folder / "cpu.max") for folder in _groups(root, "")]
    quotas += [_quota_v1(folder) for folder in _groups(root, "cpu")]
    return min([cores, *(quota for quota in quotas if quota)])


def usable_memory(root: Path = _ROOT) -> int:
    """Bytes of memory, at most the limit of its control group."""
    limits = [_number(folder / "memory.max") for folder in _groups(root, "")]
    limits += [_number(folder / "memory.limit_in_bytes") for folder in _groups(root, "memory")]
    known = [limit for limit in [_physical(root), *limits] if 0 < limit < _NO_LIMIT]
    return min(known, default=_UNKNOWN_MEMORY)


def usable_gpus(root: Path = _ROOT) -> int:
    """Cards that CTranslate2 sees; 0 where it is not installed, and where no driver shows one."""
    if sys.platform == "darwin":
        return 0
    if sys.platform == "linux" and not any((root / card).exists() for card in _CARDS):
        return 0
    try:
        return int(import_module("ctranslate2").get_cuda_device_count())
    except (ImportError, OSError, RuntimeError, ValueError):
        return 0


def _groups(root: Path, controller: str) -> list[Path]:
    """Return the folders of this process's control group and those above it; version 2 for no controller.

    In a container the files of its own group often stand at the top, whatever the path says.
    """
    top = root / "sys/fs/cgroup" / controller
    path = ""
    for line in _text(root / "proc/self/cgroup").splitlines():
        number, _, rest = line.partition(":")
        names, _, where = rest.partition(":")
        if (not controller and number == "0" and not names) or (
            controller and controller in names.split(",")
        ):
            path = where.strip("/")
    folder = top / path if ".." not in path else top
    folders = [top]
    while folder != top and top in folder.parents:
        folders.append(folder)
        folder = folder.parent
    return folders


def _quota_v2(file: Path) -> float:
    quota, _, period = _text(file).strip().partition(" ")
    if not (quota.isdecimal() and period.isdecimal() and int(period)):
        return 0.0
    return int(quota) / int(period)


def _quota_v1(folder: Path) -> float:
    quota, period = _number(folder / "cpu.cfs_quota_us"), _number(folder / "cpu.cfs_period_us")
    return quota / period if quota > 0 and period > 0 else 0.0


def _physical(root: Path) -> int:
    for line in _text(root / "proc/meminfo").splitlines():
        if line.startswith("MemTotal:"):
            return int(line.split()[1]) * 1024
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if root == _ROOT else _UNKNOWN_MEMORY
    except (AttributeError, OSError, ValueError):
        return _UNKNOWN_MEMORY


def _number(file: Path) -> int:
    text = _text(file).strip()
    return int(text) if text.isdecimal() else 0


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
