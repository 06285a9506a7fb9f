"""Builds the canary: a package of one pure module and one C extension, with nothing but Python and the system's compiler.
Where there is no compiler or no Python.h it is a pure package: a node without them builds what needs none.
Must work on every Python since 3.6."""
import base64
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile

NAME = "commonwheel_canary"
VERSION = "1.0"
INFO = "%s-%s.dist-info" % (NAME, VERSION)
METADATA = "Metadata-Version: 2.1\nName: commonwheel-canary\nVersion: %s\n" % VERSION
NOON = (2020, 1, 1, 12, 0, 0)


def compiler():
    """`cc`, where a compiler can be expected to work."""
    headers = os.path.join(sysconfig.get_paths()["include"], "Python.h")
    return shutil.which("cc") if os.path.exists(headers) else None


def compiled(cc):
    """The extension's file name and bytes, after it was loaded and asked."""
    name = "_canary" + (sysconfig.get_config_var("EXT_SUFFIX") or ".so")
    path = os.path.join(os.getcwd(), name)
    include = "-I" + sysconfig.get_paths()["include"]
    subprocess.check_call([cc, "-shared", "-fPIC", "-O2", include, "canary.c", "-o", path])
    spec = importlib.util.spec_from_file_location("_canary", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if module.answer(20.5) != 41.0:
        raise SystemExit("the compiled canary answers %r, not 41.0" % module.answer(20.5))
    with open(path, "rb") as extension:
        return name, extension.read()


def platform():
    """As bdist_wheel names it: a 32-bit Python under a 64-bit kernel is a 32-bit platform."""
    name = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    if sys.maxsize == 2147483647:
        name = {"linux_x86_64": "linux_i686", "linux_aarch64": "linux_armv7l", "linux_armv8l": "linux_armv7l"}.get(name, name)
    return name


def tag(name):
    """Of an extension: `cpython-313-arm-linux-gnueabihf` and `pypy310-pp73-x86_64-linux-gnu` begin with Python and ABI."""
    parts = name.split(".")[1].split("-")
    if parts[0] == "cpython":  # 36m, 313, 313t
        return "cp%s-cp%s-%s" % (parts[1].rstrip("mt"), parts[1], platform())
    return "%s-%s_%s-%s" % (parts[0].replace("pypy", "pp"), parts[0], parts[1], platform())


def build_wheel(folder, config_settings=None, metadata_directory=None):
    files = {NAME + ".py": b"def answer(number):\n    return 2 * number\n"}
    cc = compiler()
    wheel_tag = "py3-none-any"
    if cc is None:
        print("no compiler, or no Python.h: only the pure part is tried")
    else:
        name, data = compiled(cc)
        files[name] = data
        wheel_tag = tag(name)
    files[INFO + "/METADATA"] = METADATA.encode()
    pure = "true" if cc is None else "false"
    about = "Wheel-Version: 1.0\nGenerator: canary\nRoot-Is-Purelib: %s\nTag: %s\n" % (pure, wheel_tag)
    files[INFO + "/WHEEL"] = about.encode()
    return write(folder, "%s-%s-%s.whl" % (NAME, VERSION, wheel_tag), files)


def write(folder, filename, files):
    record = "".join("%s,sha256=%s,%d\n" % (path, digest(data), len(data)) for path, data in sorted(files.items()))
    files[INFO + "/RECORD"] = (record + INFO + "/RECORD,,\n").encode()
    with zipfile.ZipFile(os.path.join(folder, filename), "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in sorted(files.items()):
            entry = zipfile.ZipInfo(path, NOON)
            entry.external_attr = 0o100644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    return filename


def digest(data):
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def build_sdist(folder, config_settings=None):
    raise NotImplementedError("the canary is only built")
