"""Says what an interpreter is, as one line of JSON. Run with -I; must work on every Python since 3.6."""
import json
import os
import platform
import sys
import sysconfig
from importlib.util import find_spec


def wheel_platform():
    """The platform part of a wheel tag, as bdist_wheel names it: a 32-bit Python under a 64-bit kernel is a 32-bit platform."""
    name = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    if sys.maxsize == 2147483647:
        name = {"linux_x86_64": "linux_i686", "linux_aarch64": "linux_armv7l", "linux_armv8l": "linux_armv7l"}.get(name, name)
    return name


def libc():
    try:
        text = os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (AttributeError, OSError, ValueError):
        text = ""
    if text.startswith("glibc "):
        return "glibc" + ".".join(text[6:].split(".")[:2])
    return ""


implementation = {"cpython": "cp", "pypy": "pp"}.get(sys.implementation.name, "")
free_threaded = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
include = sysconfig.get_paths()["include"]
facts = {
    "executable": os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable),
    "python": "%s%d%d%s" % (implementation, sys.version_info[0], sys.version_info[1], "t" if free_threaded else ""),
    "implementation": implementation,
    "version": "%s %s" % (platform.python_implementation(), " ".join(sys.version.split())),
    "platform": wheel_platform(),
    "libc": libc(),
    "prefixes": sorted({os.path.realpath(p) for p in (sys.base_prefix, sys.base_exec_prefix, os.path.dirname(os.__file__))}),
    "include": include,
    "headers": os.path.exists(os.path.join(include, "Python.h")),
    "venv": find_spec("venv") is not None and find_spec("ensurepip") is not None,
    "supported": sys.version_info[:2] >= (3, 6),
}
print("commonwheel-facts " + json.dumps(facts, sort_keys=True))
