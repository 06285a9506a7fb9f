"""Asks a source tree's build backend what more it needs (PEP 517 get_requires_for_build_wheel).

Runs inside the sandbox: python -c <this> SOURCE SITE BACKEND BACKEND_PATH... and prints one line of JSON.
"""
import importlib
import json
import os
import site
import sys

source, site_folder, backend = sys.argv[1:4]
backend_path = sys.argv[4:]
os.chdir(source)
sys.argv[:] = [""]
# Also reads the .pth files that backends install.
site.addsitedir(site_folder)
sys.path.insert(0, site_folder)
sys.path[:0] = [os.path.join(source, part) for part in backend_path]

module_name, _, attributes = backend.partition(":")
found = importlib.import_module(module_name)
for attribute in filter(None, attributes.split(".")):
    found = getattr(found, attribute)
hook = getattr(found, "get_requires_for_build_wheel", None)
requires = [str(requirement) for requirement in hook(None)] if hook is not None else []
print("\ncommonwheel-requires " + json.dumps(requires))
