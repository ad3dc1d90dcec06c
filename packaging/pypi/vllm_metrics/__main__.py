"""Starts the bundled program with the Deno of the PyPI package "deno", whose version is pinned."""

import os
import subprocess
import sys

from deno import find_deno_bin

# The permissions of the service. "provision" may also write files, for --export.
SERVE = "@SERVE@".split(" ")
CLI = "@CLI@".split(" ")


def main() -> None:
    deno = os.fsdecode(find_deno_bin())
    program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "vllm-metrics.js")
    args = sys.argv[1:]
    options = CLI if args[:1] == ["provision"] else SERVE
    command = [deno, *options, program, *args]
    env = {**os.environ, "DENO_NO_UPDATE_CHECK": "1"}
    if sys.platform == "win32":
        sys.exit(subprocess.run(command, env=env).returncode)
    os.execve(deno, command, env)


if __name__ == "__main__":
    main()
