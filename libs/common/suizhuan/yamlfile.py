"""Configuration and data in YAML, read strictly: what is wrong is said with file, field and reason."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: `field` is a dotted path (`categories.3.limit`), empty for the file as a whole."""

    file: str
    field: str
    reason: str

    def __str__(self) -> str:
        return ": ".join(part for part in (self.file, self.field, self.reason) if part)


class DataFileError(ValueError):
    """A data file cannot be used; every problem found is named, one a line."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(p) for p in problems))
        self.problems = tuple(problems)


Origin = tuple[str, Mapping[str, Any]]


if TYPE_CHECKING:
    from yaml import SafeLoader
else:  # libyaml's parser reads a profile in 8 ms, PyYAML's own in 62: it comes with most wheels, not with all
    SafeLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(SafeLoader):
    """YAML 1.2's plain scalars: 06010 is a code, 13:30 a time and 2026-01-01 a text, none of them a number."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012  (pyyaml's own way)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[object] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise yaml.MarkedYAMLError(problem=f"a key must be text: {key!r}", problem_mark=key_node.start_mark)
            if key in seen:
                raise yaml.MarkedYAMLError(problem=f"the key {key!r} stands twice", problem_mark=key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


def _resolve(tag: str, pattern: str, first: str) -> None:
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(pattern), list(first))


_resolve("bool", r"^(?:true|false)$", "tf")
_resolve("int", r"^-?(?:0|[1-9][0-9_]*)$", "-0123456789")
_resolve("float", r"^-?(?:0|[1-9][0-9]*)\.[0-9]+$", "-0123456789")
_LOADER_NULL = r"^(?:null|~|)$"
_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(_LOADER_NULL), ["n", "~", ""])


def read(source: Path | Traversable, name: str, error: type[DataFileError]) -> dict[str, Any]:
    """The mapping that stands in the file. Errors: `error`, for a file that is missing, not YAML or no mapping."""
    try:
        document = yaml.load(source.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506  (a SafeLoader)
    except FileNotFoundError:
        raise error([Problem(name, "", "there is no such file")]) from None
    except (OSError, UnicodeDecodeError) as e:
        raise error([Problem(name, "", f"cannot be read: {type(e).__name__}")]) from e
    except yaml.MarkedYAMLError as e:
        line = f"line {e.problem_mark.line + 1}" if e.problem_mark else ""
        raise error([Problem(name, line, f"not YAML: {e.problem}")]) from e
    except yaml.YAMLError as e:
        raise error([Problem(name, "", f"not YAML: {e}")]) from e
    if not isinstance(document, dict):
        raise error([Problem(name, "", "must be a mapping of fields")])
    return document


def validate(
    model: type[M],
    document: Mapping[str, Any],
    origins: Sequence[Origin],
    error: type[DataFileError],
) -> M:
    """The document as a model. `origins` are the files it was merged from, the nearest first: each problem names
    the one that its field comes from. Errors: `error`, with every problem."""
    try:
        return model.model_validate(document)
    except ValidationError as e:
        found = [Problem(_origin(x["loc"], origins), ".".join(map(str, x["loc"])), _reason(x)) for x in e.errors()]
        raise error(found) from None


def _reason(detail: Mapping[str, Any]) -> str:
    words = str(detail["msg"]).removeprefix("Value error, ")
    if detail["type"] in ("missing", "value_error", "extra_forbidden"):
        return {"missing": "is missing", "extra_forbidden": "is not a field here"}.get(detail["type"], words)
    return f"{words} (found {str(detail['input'])[:60]!r})"


def _origin(path: Iterable[int | str], origins: Sequence[Origin]) -> str:
    """The file in which most of the path can be followed; of several, the nearest."""
    steps = list(path)
    return max(origins, key=lambda origin: _depth(origin[1], steps))[0]


def _depth(document: object, steps: Sequence[int | str]) -> int:
    for depth, step in enumerate(steps):
        try:
            document = document[step]  # type: ignore[index]
        except (KeyError, IndexError, TypeError):
            return depth
    return len(steps)
