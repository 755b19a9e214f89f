"""A fleet's TOA5 files, the same bytes for the same arguments: sensors that drift, rounded to thousandths, one value in a hundred NAN."""

import datetime
import pathlib
import random

START = datetime.datetime(2026, 1, 1)
STEP = datetime.timedelta(minutes=15)
SEED = 7


def write(folder: pathlib.Path, files: int = 10_000, rows: int = 96, columns: int = 20, devices: int = 500) -> None:
    """One file a device and a stretch of `rows` rows, in a folder a device. Two of the columns are the time and the record number."""
    rng = random.Random(SEED)
    sensors = [f"s{number:02d}_Avg" for number in range(columns - 2)]
    names = ['"TIMESTAMP"', '"RECORD"', *(f'"{name}"' for name in sensors)]
    units = ['"TS"', '"RN"', *['"degC"'] * len(sensors)]
    process = ['""', '""', *['"Avg"'] * len(sensors)]
    for number in range(files):
        stretch, device = divmod(number, devices)
        station = f"station{device:04d}"
        (folder / station).mkdir(parents=True, exist_ok=True)
        head = f'"TOA5","{station}","CR1000X","{10000 + device}","CR1000X.Std.07.02","CPU:fleet.CR1X","51234","Quarter"'
        lines = [head, ",".join(names), ",".join(units), ",".join(process)]
        levels = [rng.uniform(-10, 40) for _ in sensors]
        for row in range(stretch * rows, (stretch + 1) * rows):
            cells = [f'"{START + row * STEP:%Y-%m-%d %H:%M:%S}"', str(row)]
            for sensor, level in enumerate(levels):
                levels[sensor] = level = level + rng.uniform(-0.3, 0.3)
                cells.append('"NAN"' if rng.random() < 0.01 else f"{level:.3f}".rstrip("0").rstrip("."))
            lines.append(",".join(cells))
        (folder / station / f"{station}_Quarter_{stretch:05d}.dat").write_bytes("\r\n".join([*lines, ""]).encode())
