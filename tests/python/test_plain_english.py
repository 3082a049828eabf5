"""Plain English: words that a reader stumbles over are in no file of the project."""

import re

import pytest
from conftest import ROOT, must_run

# Each of them has a plainer word: see the second column.
AVOIDED = {
    r"\btold\b": "said, reported, listed",
    r"\btells?\b": "says, reports, lists",
    r"\banew\b": "again, from scratch, a full build",
    r"\bwhoever\b": "a driver who, the person who",
    r"\bwhat else\b": "other",
    r"\bworks? out\b": "computes",
    r"\bis empty where\b": "is NULL if",
}
TEXT = (".md", ".py", ".sql", ".yml", ".toml", ".sh", "Makefile", "run")
NOT_OURS = ("requirements/", "package-lock.yml", "tests/python/test_plain_english.py")


def files() -> list[str]:
    """The text files that git tracks, less the ones that a program writes."""
    tracked = must_run("git", "ls-files").splitlines()
    return [name for name in tracked if name.endswith(TEXT) and not name.startswith(NOT_OURS)]


@pytest.mark.parametrize("word", AVOIDED)
def test_a_plainer_word_is_used(word: str) -> None:
    found = []
    for name in files():
        lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
        found += [
            f"{name}:{number}: {line.strip()[:90]}"
            for number, line in enumerate(lines, 1)
            if re.search(word, line, flags=re.IGNORECASE)
        ]
    assert not found, f"{AVOIDED[word]}:\n  " + "\n  ".join(found)


def test_drivers_are_they() -> None:
    """Five drivers of the championship are women. A sentence about one man, with a name in it, may say he."""
    found = []
    for name in files():
        if name.endswith((".md", ".yml", ".sql")):
            text = (ROOT / name).read_text(encoding="utf-8")
            if name.endswith(".sql"):
                text = re.sub(r"'[^'\n]*'", "''", text)  # a cell of a table
            # A sentence that names no one: no capitalised word but the first.
            found += [
                f"{name}: {' '.join(sentence.split())[:90]}"
                for sentence in re.split(r"[.:;!?|]\s|\n\n|\n *- ", text)
                if re.search(r"\b(he|his|him)\b", sentence) and not re.search(r"\S\s+[A-Z][a-z]+", sentence)
            ]
    assert not found, "they:\n  " + "\n  ".join(found)
