"""Imports what a wheel brings, and says what came of it.

Runs inside a sandbox without network: python -I -S -c <this> WHEEL FOLDER. Its dependencies are not there, nor anything else but
the standard library. One child imports all modules in turn; when one of them kills it, another child goes on with the next.
"""
import json
import os
import re
import signal
import sys
import zipfile

MAX_MODULES = 30
SKIPPED = re.compile(r"^(tests?|testing|docs?|examples?|benchmarks?|samples?|scripts?|tools|setup|conftest|build|noxfile|tasks)$")
# What the loader of compiled modules says, and nothing that a package says by itself.
LOADER = re.compile(
    r"undefined symbol|cannot open shared object file|invalid ELF header|wrong ELF class|version `[\w.]+' not found"
    r"|does not define module export function|failed to map segment|cannot allocate memory in static TLS|file too short"
)
ORDER = ["ok", "unknown", "failed"]


def suffixes():
    from importlib.machinery import EXTENSION_SUFFIXES
    return sorted(EXTENSION_SUFFIXES, key=len, reverse=True)


def inner_path(name):
    """Where a member is installed to, None for what is no code."""
    parts = name.split("/")
    if parts[0].endswith(".dist-info"):
        return None
    if parts[0].endswith(".data"):
        return "/".join(parts[2:]) if len(parts) > 2 and parts[1] in ("purelib", "platlib") else None
    return name


def module_of(path, extensions):
    """Name of the module in a file, and whether it is compiled."""
    for suffix in extensions:
        if path.endswith(suffix):
            name, compiled = path[: -len(suffix)], True
            break
    else:
        if not path.endswith(".py"):
            return None
        name, compiled = path[:-3], False
    parts = name.split("/")
    if parts[-1] == "__init__":
        parts.pop()
    if not parts or not all(part.isidentifier() for part in parts):
        return None
    return ".".join(parts), compiled


def modules_in(paths):
    """The outermost modules, below namespaces too, then all compiled ones."""
    found = [module for module in (module_of(path, suffixes()) for path in paths) if module]
    names = {name for name, _ in found}
    plain = lambda name: not any(SKIPPED.match(part) for part in name.split(".")) and not name.endswith("__main__")
    packages = {".".join(path.split("/")[:-1]) for path in paths if path.rsplit("/", 1)[-1].startswith("__init__.")}
    tops = [name for name in sorted(names) if plain(name) and is_outermost(name, packages)]
    compiled = [name for name, is_compiled in sorted(found) if is_compiled and plain(name) and name not in tops]
    return (tops + compiled)[:MAX_MODULES], {name.split(".")[0] for name in names}


def is_outermost(name, packages):
    parts = name.split(".")
    return not any(".".join(parts[:depth]) in packages for depth in range(1, len(parts)))


def judge(name, own):
    """Imports one module: (outcome, reason)."""
    try:
        __import__(name)
        return "ok", ""
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if missing.split(".")[0] not in own:
            return "unknown", "%s: missing dependency %s" % (name, missing)
        return "failed", "%s: its own module %s is not there" % (name, missing)
    except (SystemError, SyntaxError) as error:
        return "failed", "%s: %s: %s" % (name, type(error).__name__, error)
    except ImportError as error:
        outcome = "failed" if LOADER.search(str(error)) else "unknown"
        return outcome, "%s: %s: %s" % (name, type(error).__name__, error)
    except BaseException as error:
        return "unknown", "%s: %s: %s" % (name, type(error).__name__, error)


def import_from(names, own, pipe):
    for name in names:
        outcome, reason = judge(name, own)
        os.write(pipe, (json.dumps([outcome, reason[:500]]) + "\n").encode())


def run(names, own):
    results = []
    while len(results) < len(names):
        source, target = os.pipe()
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            os.close(source)
            try:
                import_from(names[len(results):], own, target)
            finally:
                os._exit(0)
        os.close(target)
        with os.fdopen(source) as lines:
            results += [json.loads(line) for line in lines if line.endswith("\n")]
        _, status = os.waitpid(child, 0)
        if len(results) < len(names):
            how = "ended the process"
            if os.WIFSIGNALED(status):
                how = "crashes: %s" % signal.Signals(os.WTERMSIG(status)).name
            outcome = "failed" if os.WIFSIGNALED(status) and os.WTERMSIG(status) != signal.SIGKILL else "unknown"
            results.append([outcome, "%s: %s" % (names[len(results)], how)])
    return results


def main(wheel, folder):
    with zipfile.ZipFile(wheel) as archive:
        paths = []
        for member in archive.infolist():
            path = inner_path(member.filename)
            if path is None or member.is_dir():
                continue
            paths.append(path)
            place = os.path.join(folder, path)
            os.makedirs(os.path.dirname(place), exist_ok=True)
            with archive.open(member) as source, open(place, "wb") as target:
                while True:
                    data = source.read(1 << 20)
                    if not data:
                        break
                    target.write(data)
        info = [name for name in archive.namelist() if name.split("/")[0].endswith(".dist-info")]
        for name in info:
            archive.extract(name, folder)
    sys.path.insert(0, folder)
    names, own = modules_in(paths)
    results = run(names, own)
    worst, reason = "unknown", "it brings no module to import"
    if results:
        worst, reason = max(results, key=lambda result: ORDER.index(result[0]))
    answer = {"outcome": worst, "modules": len(results), "reason": reason}
    sys.stdout.flush()
    print("\ncommonwheel-smoke " + json.dumps(answer), flush=True)


main(*sys.argv[1:])
