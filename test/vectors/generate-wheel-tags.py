"""Writes wheel-tags.json beside itself: which wheel tags Python's `packaging` accepts on simulated machines.

Run: python3 test/vectors/generate-wheel-tags.py      (with packaging >= 26.3 importable)
"""

import json
import pathlib

import packaging
from packaging import _manylinux, _musllinux, tags

# target, (major, minor), platform, libc
MACHINES = [
    ("cp39-linux_armv7l-glibc2.31", (3, 9), "linux_armv7l", (2, 31)),
    ("cp311-linux_armv6l-glibc2.36", (3, 11), "linux_armv6l", (2, 36)),
    ("cp311-linux_armv7l-glibc2.36", (3, 11), "linux_armv7l", (2, 36)),
    ("cp311-linux_aarch64-glibc2.36", (3, 11), "linux_aarch64", (2, 36)),
    ("cp313-linux_aarch64-glibc2.41", (3, 13), "linux_aarch64", (2, 41)),
    ("cp313t-linux_aarch64-glibc2.41", (3, 13), "linux_aarch64", (2, 41)),
    ("cp315-linux_x86_64-glibc2.41", (3, 15), "linux_x86_64", (2, 41)),
    ("cp315t-linux_x86_64-glibc2.41", (3, 15), "linux_x86_64", (2, 41)),
    ("cp37-linux_x86_64-glibc2.12", (3, 7), "linux_x86_64", (2, 12)),
    ("cp312-linux_i686-glibc2.36", (3, 12), "linux_i686", (2, 36)),
    ("cp312-linux_aarch64-musl1.2", (3, 12), "linux_aarch64", None),
    ("pp310-linux_aarch64-glibc2.36", (3, 10), "linux_aarch64", (2, 36)),
]

ARCHS = ["armv6l", "armv7l", "armv8l", "aarch64", "x86_64", "i686"]
PREFIXES = ["linux", "manylinux1", "manylinux2010", "manylinux2014", "manylinux_2_4", "manylinux_2_5", "manylinux_2_16",
            "manylinux_2_17", "manylinux_2_31", "manylinux_2_36", "manylinux_2_39", "manylinux_2_41", "manylinux_2_42",
            "manylinux_3_0", "musllinux_1_1", "musllinux_1_2", "musllinux_1_3", "musllinux_2_0"]
PLATFORMS = ["any", "win_amd64", "macosx_11_0_arm64"] + [f"{p}_{a}" for p in PREFIXES for a in ARCHS]
PYTHON_ABI = """py2-none py3-none py30-none py39-none py310-none py311-none py313-none py315-none py316-none py4-none
cp39-cp39 cp311-cp311 cp313-cp313 cp313-cp313t cp315-cp315 cp315-cp315t cp37-cp37m cp37-cp37 cp312-cp312 cp310-cp310
cp31-abi3 cp32-abi3 cp38-abi3 cp39-abi3 cp311-abi3 cp313-abi3 cp315-abi3 cp316-abi3 cp313-abi3t cp315-abi3t cp316-abi3t
py3-abi3 cp3-abi3 cp3-none cp39-none cp311-none cp313-none cp315-none cp311-cp310 cp38-cp38 py3-cp311
pp310-pypy310_pp73 pp39-pypy39_pp73 pp310-none pp310-pypy310_pp74 pypy310-none""".split()


def platforms(platform, libc):
    arch = platform.removeprefix("linux_")
    if libc is None:
        _musllinux._get_musl_version = lambda executable: _musllinux._MuslVersion(1, 2)
        return [*_musllinux.platform_tags([arch]), platform]
    # armv6l has no hard-float manylinux: packaging asks the interpreter's ELF header, which we answer for.
    _manylinux._have_compatible_abi = lambda executable, archs: arch != "armv6l"
    _manylinux._get_glibc_version = lambda: _manylinux._GLibCVersion(*libc)
    _manylinux._is_compatible = lambda arch, version: version <= _manylinux._GLibCVersion(*libc)
    return [*_manylinux.platform_tags([arch]), platform]


def supported(target, version, platform, libc):
    plats = platforms(platform, libc)
    python = target.split("-")[0]
    if python.startswith("pp"):
        abi = f"pypy{python[2:]}_pp73"
        yield from tags.generic_tags(python, [abi], plats)
        yield from tags.compatible_tags(version, python, plats)
        return
    abi = python + "m" if version < (3, 8) else python
    yield from tags.cpython_tags(version, [abi], plats)
    yield from tags.compatible_tags(version, python.removesuffix("t"), plats)


def main():
    candidates = [f"{pa}-{platform}" for pa in PYTHON_ABI for platform in PLATFORMS]
    fitting = {}
    for target, version, platform, libc in MACHINES:
        known = {str(tag) for tag in supported(target, version, platform, libc)}
        fitting[target] = [c for c in candidates if c in known]
    out = {
        "generator": "test/vectors/generate-wheel-tags.py",
        "packaging": packaging.__version__,
        "pythonAbis": PYTHON_ABI,
        "platforms": PLATFORMS,
        "fitting": fitting,
    }
    pathlib.Path(__file__).with_name("wheel-tags.json").write_text(json.dumps(out, indent=1) + "\n")
    print(f"{len(candidates)} candidates on {len(MACHINES)} machines")


main()
