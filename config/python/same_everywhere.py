"""Makes every Python of a build see folders, and name its temporary files, alike on every node.

A file system lists a folder in an order of its own (ext4: by a hash with a secret of each disk), which ends up in the order of a
link; random names of temporary folders end up in debug information. A module of the build's environment, read at each start.
"""
import os
import sys


def _sorted_listing():
    listdir, scandir = os.listdir, os.scandir

    class Scan:
        """What os.scandir gives, in the order of the names."""

        def __init__(self, path):
            with scandir(path) as entries:
                self._entries = iter(sorted(entries, key=lambda entry: entry.name))

        def __iter__(self):
            return self

        def __next__(self):
            return next(self._entries)

        def __enter__(self):
            return self

        def __exit__(self, *exc_info):
            self.close()

        def close(self):
            self._entries = iter(())

    def sorted_listdir(path="."):
        return sorted(listdir(path))

    def sorted_scandir(path="."):
        return Scan(path)

    os.listdir, os.scandir = sorted_listdir, sorted_scandir
    # shutil.rmtree asks by identity.
    os.supports_fd.update({sorted_listdir, sorted_scandir})


class _NameCounter:
    """In place of tempfile's random names: the first that is free. Nobody else writes to a build's folders."""

    def __init__(self):
        self._next = 0

    def __iter__(self):
        return self

    def __next__(self):
        self._next += 1
        # tempfile gives up after some 10,000 names that are taken.
        return "%08d" % self._next if self._next <= 2000 else os.urandom(8).hex()


class _TempfileFinder:
    """Changes tempfile when somebody imports it: most processes of a build do not."""

    def find_spec(self, name, path=None, target=None):
        if name != "tempfile":
            return None
        sys.meta_path.remove(self)
        from importlib.util import find_spec

        spec = find_spec(name)
        load = spec.loader.exec_module

        def exec_module(module):
            load(module)
            module._get_candidate_names = lambda names=_NameCounter(): names

        spec.loader.exec_module = exec_module
        return spec


_sorted_listing()
if "tempfile" not in sys.modules:
    sys.meta_path.insert(0, _TempfileFinder())
