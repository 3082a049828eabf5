"""The pages of docs/ and of the project's folder, as the site needs them: other links, and stricter lists."""

import posixpath
import re
from collections.abc import Callable, Iterator

FENCE = re.compile(r"\s*(```|~~~)")
ITEM = re.compile(r"( *)([-*+]|\d+\.) ")
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)\s#]*)(#[^)\s]*)?\)")
COMMENT = re.compile(r"<!-- ([\w-]+) -->")


def outside_of_code(text: str, change: Callable[[str], str]) -> str:
    """Change each line that is not in a block of code."""

    def lines() -> Iterator[str]:
        fence = ""
        for line in text.split("\n"):
            if found := FENCE.match(line):
                fence = "" if fence == found[1] else fence or found[1]
                yield line
            else:
                yield line if fence else change(line)

    return "\n".join(lines())


def with_plain_lists(text: str) -> str:
    """Begin each list after an empty line, and indent its inner lists by four: Python-Markdown wants both."""
    previous, in_list = "", False

    def change(line: str) -> str:
        nonlocal previous, in_list
        before, previous = previous, line
        if item := ITEM.match(line):
            begins = not in_list and before.strip() != ""
            in_list = True
            return ("\n" if begins else "") + ("  " if len(item[1]) in (2, 3) else "") + line
        if not line.strip() or (not before.strip() and not line.startswith(" ")):
            in_list = in_list and not line.strip()
        return line

    return outside_of_code(text, change)


def with_links(text: str, source: str, page: str, pages: dict[str, str], there: set[str]) -> str:
    """Change the links of a page: a file that is no page of the site loses its link.

    Args:
        text: the page.
        source: its path in the repository, from which its links start.
        page: its path in the site.
        pages: the path in the site of each page, by its path in the repository.
        there: all files of the site.
    """
    folder, base = posixpath.dirname(page), posixpath.dirname(source)

    def change(line: str) -> str:
        def link(found: re.Match[str]) -> str:
            words, target, anchor = found[1], found[2], found[3] or ""
            if not target or re.match(r"[a-z]+:", target):
                return found[0]
            wanted = posixpath.normpath(posixpath.join(base, target))
            reached = pages.get(wanted) or wanted.removeprefix("docs/")
            if reached not in there:
                return words
            return f"[{words}]({posixpath.relpath(reached, folder or '.')}{anchor})"

        return LINK.sub(link, line)

    return outside_of_code(text, change)


def filled(text: str, facts: dict[str, str]) -> str:
    """Replace each comment of a page by the fact that it names. Raises ValueError if there is none."""

    def fact(found: re.Match[str]) -> str:
        if found[1] not in facts:
            raise ValueError(f"nothing to fill <!-- {found[1]} --> with")
        return facts[found[1]]

    return COMMENT.sub(fact, text)
