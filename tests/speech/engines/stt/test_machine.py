"""What a machine offers, also where a container takes some of it away."""

import os
from pathlib import Path

import pytest

from app.speech.engines.stt.machine import usable_cores, usable_gpus, usable_memory

GIB = 1 << 30
MEMINFO = "MemTotal:       16384000 kB\nMemFree:          100000 kB\n"
HERE = float(len(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else float(os.cpu_count() or 1)


def system(root: Path, files: dict[str, str]) -> Path:
    for name, text in {"proc/meminfo": MEMINFO, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="ascii")
    return root


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({}, HERE),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"}, HERE),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "50000 100000\n"}, 0.5),
        (
            {
                "proc/self/cgroup": "0::/pods/a\n",
                "sys/fs/cgroup/pods/cpu.max": "25000 100000\n",
                "sys/fs/cgroup/pods/a/cpu.max": "max 100000\n",
            },
            0.25,
        ),
        (
            {
                "proc/self/cgroup": "4:cpu,cpuacct:/docker/x\n0::/docker/x\n",
                "sys/fs/cgroup/cpu/docker/x/cpu.cfs_quota_us": "75000\n",
                "sys/fs/cgroup/cpu/docker/x/cpu.cfs_period_us": "100000\n",
            },
            0.75,
        ),
        (
            {"sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n"},
            HERE,
        ),
        ({"sys/fs/cgroup/cpu.max": "nonsense"}, HERE),
        ({"sys/fs/cgroup/cpu.max": "5000 0"}, HERE),
        ({"proc/self/cgroup": "0::/../../..\n", "sys/fs/cgroup/cpu.max": "50000 100000\n"}, 0.5),
    ],
)
def test_cores_are_at_most_the_quota_of_the_container(tmp_path: Path, files: dict[str, str], cores: float):
    assert usable_cores(system(tmp_path, files)) == cores


@pytest.mark.parametrize(
    ("files", "memory"),
    [
        ({}, 16_384_000 * 1024),
        ({"sys/fs/cgroup/memory.max": "max\n"}, 16_384_000 * 1024),
        ({"sys/fs/cgroup/memory.max": f"{2 * GIB}\n"}, 2 * GIB),
        ({"sys/fs/cgroup/memory.max": f"{64 * GIB}\n"}, 16_384_000 * 1024),
        (
            {
                "proc/self/cgroup": "0::/a/b\n",
                "sys/fs/cgroup/a/memory.max": f"{3 * GIB}\n",
                "sys/fs/cgroup/a/b/memory.max": f"{5 * GIB}\n",
            },
            3 * GIB,
        ),
        (
            {"sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"},
            16_384_000 * 1024,
        ),
        ({"sys/fs/cgroup/memory/memory.limit_in_bytes": f"{GIB}\n"}, GIB),
        ({"proc/meminfo": ""}, 0),
    ],
)
def test_memory_is_at_most_the_limit_of_the_container(tmp_path: Path, files: dict[str, str], memory: int):
    assert usable_memory(system(tmp_path, files)) == memory


def test_this_machine_has_what_it_has():
    assert 0 < usable_cores() <= HERE
    assert usable_memory() > 100 << 20


def test_no_library_is_loaded_to_look_for_a_card_where_no_driver_shows_one(tmp_path: Path):
    assert usable_gpus(tmp_path) == 0
