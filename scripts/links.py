#!/usr/bin/env python3
"""Checks that every relative link in the Markdown files leads to a file; mdbook and git do not look."""

import re
import sys
from pathlib import Path
from urllib.parse import unquote

ROOT = Path(__file__).resolve().parent.parent
SKIPPED = {".git", ".tools", ".venv", "book", "runs", "target"}
LINK = re.compile(r"\]\(\s*<?([^)\s>]+)")
CODE = re.compile(r"^(```|~~~).*?^\1|`[^`\n]*`", re.DOTALL | re.MULTILINE)


def dead_links(page: Path):
    for link in LINK.findall(CODE.sub("", page.read_text(encoding="utf-8"))):
        path = unquote(link.partition("#")[0])
        if path and not re.match(r"[a-z]+:", path) and not (page.parent / path).exists():
            yield f"{page.relative_to(ROOT)}: {link} leads nowhere"


pages = [p for p in ROOT.rglob("*.md") if not SKIPPED & set(p.relative_to(ROOT).parts)]
dead = [line for page in sorted(pages) for line in dead_links(page)]
print("\n".join(dead), file=sys.stderr, end="\n" if dead else "")
sys.exit(bool(dead))
