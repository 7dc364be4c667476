"""Holds recorded calls and webhooks against the providers' own OpenAPI files.

    python tests/contracts/specs_check.py RECORDS_DIR SPECS_DIR

What we sent and the emulator took must satisfy the request schema, with no property that the schema
does not know; what the emulator answered or sent must satisfy its schema too, but may hold more.
What the emulator refused (4xx) is only counted: tests refuse on purpose. Exit status 1: a violation,
or nothing to check.
"""

import json
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

# This file is run by its path: let it see its package.
sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.contracts.openapi import REFS, Json, Operation, Spec, load

_REFUSED = frozenset({400, 401, 403, 404, 405, 413, 415})
_FORM = "application/x-www-form-urlencoded"
# Pages for people, which are no part of an API.
_PAGES = ("/dialog/",)
# Sent by the official client, newer than the stored file.
_NEWER = frozenset({"MessageIntent"})


@dataclass(slots=True)
class Report:
    """What was checked, what was passed over, and what is wrong."""

    checked: Counter[str] = field(default_factory=Counter)
    passed_over: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)

    def blame(self, place: str, faults: list[str]) -> None:
        """Add violations of one call."""
        self.violations += [f"{place}: {fault}" for fault in faults]

    def lines(self) -> Iterator[str]:
        """Yield the report for people."""
        for name, count in sorted(self.checked.items()):
            yield f"{count:7} {name}"
        for name, count in sorted(self.passed_over.items()):
            yield f"{count:7} {name} (not checked)"
        for text, count in Counter(self.violations).most_common():
            yield f"VIOLATION x{count}  {text}"
        yield f"{self.checked.total()} checked, {len(self.violations)} violations"


def check(records: Iterator[Json], specs: Mapping[str, Spec]) -> Report:
    """Hold every record against its file."""
    report = Report()
    for record in records:
        if record["kind"] == "webhook":
            _check_webhook(record, specs, report)
        else:
            _check_call(record, specs[record["api"]], report)
    return report


def _check_webhook(record: Json, specs: Mapping[str, Spec], report: Report) -> None:
    spec = specs.get(f"{record['api']}-webhook")
    if spec is None:
        report.passed_over[f"{record['api']} callback (no schema)"] += 1
        return
    name = f"{record['api']} webhook"
    report.checked[name] += 1
    reference = {"$ref": f"{REFS}CallbackRequest"}
    report.blame(name, spec.faults(reference, json.loads(record["body"]), close=False))


def _check_call(record: Json, spec: Spec, report: Report) -> None:
    parts = urlsplit(record["path"])
    operation = spec.find(record["method"], parts.path)
    if parts.path.startswith(_PAGES):
        report.passed_over[f"{record['api']} page for people"] += 1
    elif record["status"] in _REFUSED:
        report.passed_over[f"{record['api']} refused with {record['status']}"] += 1
    elif operation is None:
        report.violations.append(f"{record['method']} {parts.path}: no such operation")
    else:
        report.checked[f"{record['api']} {operation.name}"] += 1
        report.blame(operation.name, _request_faults(record, operation, spec, parts.query))
        report.blame(f"{operation.name} answer", _answer_faults(record, operation, spec))


def _request_faults(record: Json, operation: Operation, spec: Spec, query: str) -> list[str]:
    body = operation.definition.get("requestBody", {}).get("content", {})
    faults = _parameter_faults(record, operation, spec, query)
    if "application/json" in body:
        value = json.loads(record.get("body") or "null")
        return faults + spec.faults(body["application/json"]["schema"], value, close=True)
    if _FORM in body:
        schema = body[_FORM]["schema"]
        return faults + spec.faults(schema, _form(record["body"], schema), close=True)
    return faults


def _parameter_faults(record: Json, operation: Operation, spec: Spec, query: str) -> list[str]:
    """Known names only, and the right form; a retry key only where one is taken."""
    known = {(p["in"], p["name"]): p for p in operation.definition.get("parameters", [])}
    given = [("query", name, value) for name, value in parse_qsl(query, keep_blank_values=True)]
    faults = [f"unknown query parameter {n}" for _, n, _ in given if ("query", n) not in known]
    headers = {name.lower(): value for name, value in record["headers"].items()}
    names = {n.lower(): n for place, n in known if place == "header"}
    if "x-line-retry-key" in headers and "x-line-retry-key" not in names:
        faults.append("a retry key is not taken here")
    given += [("header", name, headers[low]) for low, name in names.items() if low in headers]
    for place, name, text in given:
        schema = known.get((place, name), {}).get("schema", {})
        faults += [f"{name} {f}" for f in spec.faults(schema, _typed(text, schema), close=True)]
    return faults


def _answer_faults(record: Json, operation: Operation, spec: Spec) -> list[str]:
    answer = operation.definition["responses"].get(str(record["status"]), {})
    content = answer.get("content", {}).get("application/json")
    if content is None or not record.get("answer"):
        return []
    return spec.faults(content["schema"], json.loads(record["answer"]), close=False)


def _form(body: str, schema: Json) -> dict[str, Json]:
    """Read a form as its schema types it; a name that comes twice is a list."""
    form: dict[str, Json] = {}
    for name, text in parse_qsl(body, keep_blank_values=True):
        one = schema["properties"].get(name, {})
        if name in _NEWER and not one:
            continue
        if one.get("type") == "array":
            form.setdefault(name, []).append(text)
        else:
            form[name] = _typed(text, one)
    return form


def _typed(text: str, schema: Json) -> Json:
    """Turn the text of a parameter into the value that its schema speaks of, if it is one."""
    kind = schema.get("type")
    if kind == "boolean":
        return {"true": True, "false": False}.get(text.lower(), text)
    if kind in ("integer", "number") and re.fullmatch(r"-?\d+(\.\d+)?", text):
        return float(text) if kind == "number" else int(text) if text.lstrip("-").isdigit() else text
    return text


def read_records(folder: Path) -> Iterator[Json]:
    """Yield every record of every file in a folder."""
    for path in sorted(folder.glob("*.jsonl")):
        with path.open(encoding="utf-8") as lines:
            yield from map(json.loads, lines)


def main(arguments: list[str]) -> int:
    """Run the check; returns the exit status."""
    records, specs = (Path(argument) for argument in arguments)
    report = check(read_records(records), load(specs))
    sys.stdout.write("\n".join(report.lines()) + "\n")
    return 1 if report.violations or not report.checked else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
