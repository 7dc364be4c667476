"""Makes the providers' OpenAPI files checkable, which a stock validator takes too lightly.

Their polymorphic schemas are bases with a discriminator and no `oneOf`: a plain check accepts any
message. Here each base becomes a dispatch over its mapping, and unknown properties can be refused.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

Json = Any
REFS = "#/components/schemas/"
_KEPT = frozenset(("type", "enum", "const", "required", "pattern", "minimum", "maximum", "minLength", "maxLength")) | {
    "minItems",
    "maxItems",
    "uniqueItems",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation of an API file."""

    name: str
    method: str
    path: re.Pattern[str]
    definition: Mapping[str, Json]


@dataclass(slots=True)
class Spec:
    """An API file made checkable: `closed` refuses unknown properties, `opened` allows them."""

    operations: list[Operation]
    closed: Json
    opened: Json
    _ready: dict[str, Draft202012Validator] = field(default_factory=dict)

    @classmethod
    def of(cls, document: Json) -> "Spec":
        """Prepare a parsed file."""
        schemas = document.get("components", {}).get("schemas", {})
        operations = sorted(_operations(document), key=lambda o: o.path.pattern.count("[^/]"))
        return cls(operations, _prepared(schemas, close=True), _prepared(schemas, close=False))

    def find(self, method: str, path: str) -> Operation | None:
        """Return the operation of a call; a fixed path wins over one with a parameter."""
        for operation in self.operations:
            if operation.method == method and operation.path.fullmatch(path):
                return operation
        return None

    def faults(self, schema: Json, value: Json, *, close: bool) -> list[str]:
        """Return what is wrong with a value, with its place."""
        schemas = self.closed if close else self.opened
        key = f"{close}{json.dumps(schema, sort_keys=True)}"
        if key not in self._ready:
            root = _rewritten(schema, close=close)
            document = {"components": {"schemas": schemas}, "allOf": [root]}
            self._ready[key] = Draft202012Validator(document)
        errors = list(self._ready[key].iter_errors(value))
        told = (f"{e.json_path}: {e.message[:200]}" for e in errors if not _is_echo(e, errors))
        return list(dict.fromkeys(told))


def _is_echo(error: ValidationError, errors: list[ValidationError]) -> bool:
    """Say whether an error only repeats, further out, that something inside is wrong."""
    if error.validator != "unevaluatedProperties":
        return False
    place = list(error.absolute_path)
    inside = (e for e in errors if list(e.absolute_path)[: len(place)] == place)
    return any(len(e.absolute_path) > len(place) or e.validator != error.validator for e in inside)


def load(folder: Path) -> dict[str, Spec]:
    """Read the files of the two providers and the project's own overlays."""
    line = folder / "line"
    return {
        "line": Spec.of(_merged(line / "messaging-api.yml", line / "overlay.yml")),
        "line-webhook": Spec.of(_merged(line / "webhook.yml", line / "overlay-webhook.yml")),
        "twilio": Spec.of(_merged(folder / "twilio" / "twilio_api_v2010.messages.yaml")),
    }


def _merged(*paths: Path) -> Json:
    whole: Json = {"paths": {}, "components": {"schemas": {}}}
    for path in paths:
        part = yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else {}
        whole["paths"].update(part.get("paths", {}))
        whole["components"]["schemas"].update(part.get("components", {}).get("schemas", {}))
        for name, more in part.get("x-add-discriminators", {}).items():
            whole["components"]["schemas"][name]["discriminator"]["mapping"].update(more)
    return whole


def _operations(document: Json) -> Iterator[Operation]:
    for path, methods in document["paths"].items():
        pattern = re.compile(re.sub(r"\\\{[^/]*?\\\}", "[^/]+?", re.escape(path)))
        for method in ("get", "post", "put", "delete"):
            if method in methods:
                name = f"{method.upper()} {path}"
                yield Operation(name=name, method=method.upper(), path=pattern, definition=methods[method])


def _prepared(schemas: Mapping[str, Json], *, close: bool) -> dict[str, Json]:
    """Give each schema twice: as it is used, and as the base that others build upon."""
    prepared = {}
    for name, schema in schemas.items():
        prepared[f"{name}..base"] = _rewritten(schema, close=close, is_base=True)
        dispatch = schema.get("discriminator")
        prepared[name] = (
            _rewritten(schema, close=close) if dispatch is None else _dispatch(dispatch, base=name, close=close)
        )
    return prepared


def _dispatch(discriminator: Mapping[str, Json], *, base: str, close: bool) -> Json:
    """What we send must be of a known kind; what we receive may be of one added yesterday."""
    name, mapping = discriminator["propertyName"], discriminator["mapping"]
    known: Json = {"enum": list(mapping)} if close else {}
    branches = [
        {"if": {"properties": {name: {"const": kind}}}, "then": {"$ref": target}} for kind, target in mapping.items()
    ]
    kinds = {"type": "object", "required": [name], "properties": {name: known}}
    return {"allOf": [kinds, {"$ref": f"{REFS}{base}..base"}, *branches]}


def _rewritten(schema: Json, *, close: bool, is_base: bool = False) -> Json:
    """Turn an OpenAPI 3.0 schema into a JSON Schema; `close` refuses properties it does not name."""
    if not isinstance(schema, dict) or "$ref" in schema:
        return schema
    out = {k: v for k, v in schema.items() if k in _KEPT}
    for key in ("properties", "patternProperties"):
        if key in schema:
            out[key] = {n: _rewritten(s, close=close) for n, s in schema[key].items()}
    for key in ("items", "additionalProperties"):
        if key in schema:
            out[key] = _rewritten(schema[key], close=close)
    if "allOf" in schema:
        out["allOf"] = [_part(part, close=close) for part in schema["allOf"]]
    if schema.get("nullable"):
        out = {"anyOf": [{"type": "null"}, out]}
    has_names = "properties" in schema or "allOf" in schema
    if close and has_names and not is_base and "additionalProperties" not in schema:
        out["unevaluatedProperties"] = False
    return out


def _part(part: Json, *, close: bool) -> Json:
    """Within allOf a named schema is meant as a base: without its dispatch, and never closed."""
    if "$ref" in part:
        return {"$ref": f"{part['$ref']}..base"}
    return _rewritten(part, close=close, is_base=True)
