"""The tools: pinned packages from PyPI and npm, in a folder of their own, and how each is called."""

import asyncio
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

PYTHON_PACKAGES = ("openapi-python-client==0.29.1", "datamodel-code-generator==0.89.0")
NODE_PACKAGES = (
    *("openapi-typescript@7.13.0", "openapi-fetch@0.17.0", "orval@8.38.0", "swagger-typescript-api@13.13.0"),
    "typescript@5.9.3",
)
_WAIT_MAX_S = 400


class ToolFailed(AssertionError):
    """A tool ended with a fault; the text has what it said."""


async def run(*command: str | Path, folder: Path) -> str:
    """What a command that runs in `folder` prints. Raises ToolFailed where it ends with a fault, or takes too long."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        # Nothing is sent to those who made the tools.
        env={**os.environ, "DO_NOT_TRACK": "1", "PYTHONPATH": "", "CI": "true"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(_WAIT_MAX_S):
            printed, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise ToolFailed(f"{' '.join(map(str, command))}: {printed.decode()}")
    return printed.decode()


class Workshop:
    """A folder with every tool and the document `openapi.json`, in which clients are made, checked and run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.python = folder / "venv" / "bin" / "python"

    def __repr__(self) -> str:
        return f"<Workshop {self.folder}>"

    async def install(self) -> None:
        """Fetch every package. Raises ToolFailed with the name of what this machine lacks."""
        for program in ("node", "npm"):
            if shutil.which(program) is None:
                raise ToolFailed(f"no {program} on this machine: {', '.join(NODE_PACKAGES)} cannot be tried without it")
        (self.folder / "package.json").write_text('{"type":"module","private":true}', "utf-8")
        await asyncio.gather(self._install_for_python(), self._install_for_node())

    async def _install_for_python(self) -> None:
        await run(sys.executable, "-m", "venv", "--without-pip", "venv", folder=self.folder)
        pip = (sys.executable, "-m", "pip", "--python", self.python, "install", "--quiet")
        await run(*pip, "--disable-pip-version-check", *PYTHON_PACKAGES, folder=self.folder)

    async def _install_for_node(self) -> None:
        await run("npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", *NODE_PACKAGES, folder=self.folder)

    async def python_walk(self, name: str, walk: str, base_url: str) -> str:
        """What `walk` prints, a program in Python against a client, after it was found to be typed correctly."""
        path = self.folder / f"{name}_walk.py"
        path.write_text(walk, "utf-8")
        checks = ("--strict", "--follow-imports=silent", "--config-file=", "--python-executable", self.python)
        await run(sys.executable, "-m", "mypy", *checks, path, folder=self.folder)
        return await run(self.python, path, base_url, folder=self.folder)

    async def node_walk(self, name: str, walk: str, base_url: str) -> str:
        """The same of a program in TypeScript."""
        (self.folder / "base.ts").write_text(f'export const BASE = "{base_url}";\n', "utf-8")
        path = self.folder / f"{name}_walk.ts"
        path.write_text(walk, "utf-8")
        options = ("--strict", "--skipLibCheck", "--module", "nodenext", "--target", "es2022", "--outDir", "out")
        await self.node_tool("tsc", *options, path.name)
        (self.folder / "out" / "package.json").write_text('{"type":"module"}', "utf-8")
        return await run("node", f"out/{name}_walk.js", folder=self.folder)

    async def node_tool(self, name: str, *arguments: str) -> str:
        """What a program of the npm packages prints."""
        return await run(self.folder / "node_modules" / ".bin" / name, *arguments, folder=self.folder)

    async def python_tool(self, module: str, arguments: Sequence[str]) -> str:
        """What a module of the PyPI packages prints."""
        return await run(self.python, "-m", module, *arguments, folder=self.folder)
