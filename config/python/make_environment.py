"""Makes the environment that a build sees: a virtual environment without pip, with the given wheels installed.

Runs inside a sandbox without network: python -I -c <this> FOLDER HOOK WHEEL... Nothing of the wheels is run.
"""
import os
import py_compile
import subprocess
import sys
import venv

import pip

os.umask(0o022)
folder, hook = sys.argv[1:3]
wheels = sys.argv[3:]
venv.EnvBuilder(symlinks=True, with_pip=False).create(folder)
python = os.path.join(folder, "bin", "python")
if wheels:
    options = ["--no-index", "--no-deps", "--no-cache-dir", "--no-warn-script-location", "--progress-bar=off", "--quiet"]
    # pip from beside: it is not to be seen by builds, as in pip's own isolated environments.
    subprocess.check_call([python, "-I", os.path.dirname(pip.__file__), "install"] + options + wheels)
site = subprocess.check_output([python, "-I", "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"])
site = site.decode().strip()
os.makedirs(site, exist_ok=True)
module = os.path.join(site, "commonwheel_same_everywhere.py")
with open(module, "w") as out:
    out.write(hook)
py_compile.compile(module)
with open(os.path.join(site, "commonwheel_same_everywhere.pth"), "w") as out:
    out.write("import commonwheel_same_everywhere\n")
