"""Which metrics an expression of Prometheus asks for."""

import re

WORDS = {"and", "or", "unless", "by", "without", "on", "ignoring", "offset", "bool"}
# What holds names that are no metrics: strings, matchers, times, lists of labels.
OTHER = re.compile(r'"[^"]*"|\{[^}]*\}|\[[^]]*\]|\b(by|without|on|ignoring)\s*\([^)]*\)')
NAME = re.compile(r"(?<![\w.])[a-zA-Z_:][\w:]*\b(?!\s*\()")


def metrics_of(expression: str) -> set[str]:
    while (stripped := OTHER.sub(" ", expression)) != expression:
        expression = stripped
    return set(NAME.findall(expression)) - WORDS
