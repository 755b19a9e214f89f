"""The machine that something was measured on, for the head of a report."""

import datetime
import os
import pathlib
import platform


def machine() -> str:
    cpu = next((line.partition(":")[2].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    load = os.getloadavg()[0]
    today = datetime.datetime.now(datetime.UTC).date()
    return f"{today}, {os.cpu_count()} × {cpu}, {memory:.0f} GB, Linux {platform.release()}, load {load:.1f} before the run."


def file_system(folder: pathlib.Path) -> str:
    """What the file system of a folder is called."""
    found = ("", "unknown")
    for line in open("/proc/mounts"):
        _, mount, kind, *_ = line.split()
        if folder.is_relative_to(mount) and len(mount) > len(found[0]):
            found = (mount, kind)
    return found[1]
