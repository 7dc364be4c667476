"""The contract check over tiny files of our own: it must see what is wrong and take what is right."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.contracts.specs_check import main

LINE = """
paths:
  /push:
    post:
      parameters: [{name: X-Line-Retry-Key, in: header, schema: {type: string, minLength: 36}}]
      requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/Push'}}}}
      responses: {'200': {content: {application/json: {schema: {$ref: '#/components/schemas/Ids'}}}}}
  /reply:
    post:
      requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/Push'}}}}
      responses: {'200': {}}
  /users/{id}:
    get: {responses: {'200': {}}}
components:
  schemas:
    Push:
      type: object
      required: [messages]
      properties: {messages: {type: array, items: {$ref: '#/components/schemas/Message'}}}
    Ids: {type: object, required: [ids], properties: {ids: {type: array}}}
    Message:
      type: object
      required: [type]
      properties: {type: {type: string}, quote: {type: string}}
      discriminator: {propertyName: type, mapping: {text: '#/components/schemas/Text'}}
    Text:
      required: [text]
      allOf:
        - $ref: '#/components/schemas/Message'
        - {type: object, properties: {text: {type: string, maxLength: 5}}}
"""
WEBHOOK = """
paths: {}
components:
  schemas:
    CallbackRequest:
      type: object
      required: [events]
      properties: {events: {type: array, items: {$ref: '#/components/schemas/Event'}}}
    Event:
      type: object
      required: [type, timestamp]
      properties: {type: {type: string}, timestamp: {type: integer}}
      discriminator: {propertyName: type, mapping: {follow: '#/components/schemas/Follow'}}
    Follow:
      allOf:
        - $ref: '#/components/schemas/Event'
        - {type: object, required: [replyToken], properties: {replyToken: {type: string}}}
"""
TWILIO = """
paths:
  /Messages.json:
    post:
      requestBody:
        content:
          application/x-www-form-urlencoded:
            schema:
              type: object
              required: [To]
              properties:
                To: {type: string}
                ValidityPeriod: {type: integer}
                MediaUrl: {type: array, items: {type: string}}
      responses:
        '201':
          content:
            application/json:
              schema: {type: object, properties: {code: {type: integer, nullable: true}}}
    get:
      parameters: [{name: PageSize, in: query, schema: {type: integer, maximum: 1000}}]
      responses: {'200': {}}
"""


@pytest.fixture
def specs(tmp_path: Path) -> Path:
    (tmp_path / "line").mkdir()
    (tmp_path / "twilio").mkdir()
    (tmp_path / "line" / "messaging-api.yml").write_text(LINE)
    (tmp_path / "line" / "webhook.yml").write_text(WEBHOOK)
    (tmp_path / "twilio" / "twilio_api_v2010.messages.yaml").write_text(TWILIO)
    return tmp_path


def call(api: str, method: str, path: str, body: Any = "", **more: Any) -> dict[str, Any]:
    text = body if isinstance(body, str) else json.dumps(body)
    record = {"api": api, "kind": "request", "method": method, "path": path, "body": text}
    return {**record, "headers": {}, "status": 200, "answer": "", **more}


def push(message: Any, **more: Any) -> dict[str, Any]:
    return call("line", "POST", "/push", {"messages": [message]}, **more)


def webhook(event: Any) -> dict[str, Any]:
    body = json.dumps({"events": [event]})
    return {"api": "line", "kind": "webhook", "headers": {}, "status": 200, "body": body}


def run(specs: Path, *records: Any) -> int:
    folder = specs / "records"
    folder.mkdir()
    (folder / "a.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    return main([str(folder), str(specs)])


TEXT = {"type": "text", "text": "abc"}
RIGHT = {
    "a text": push(TEXT),
    "a property of the base": push({**TEXT, "quote": "q"}),
    "an answer with more than we know": push(TEXT, answer='{"ids": [], "new": 1}'),
    "a retry key where it is taken": push(TEXT, headers={"X-Line-Retry-Key": "k" * 36}),
    "a path with a parameter": call("line", "GET", "/users/U1"),
    "a known event with a new property": webhook({"type": "follow", "timestamp": 1, "replyToken": "t", "new": {}}),
    "an event that did not exist yesterday": webhook({"type": "brandNew", "timestamp": 1}),
    "a form": call("twilio", "POST", "/Messages.json", "To=a&ValidityPeriod=5&MediaUrl=u", status=201),
    "a null where one is allowed": call(
        "twilio", "POST", "/Messages.json", "To=a", status=201, answer='{"code": null}'
    ),
}
WRONG = {
    "an unknown message type": push({"type": "hologram"}),
    "a missing text": push({"type": "text"}),
    "a text that is too long": push({**TEXT, "text": "abcdef"}),
    "an unknown property": push({**TEXT, "colour": "red"}),
    "an unknown property of the body": call("line", "POST", "/push", {"messages": [], "x": 1}),
    "a retry key on reply": call("line", "POST", "/reply", {"messages": []}, headers={"X-Line-Retry-Key": "k" * 36}),
    "a retry key that is too short": push(TEXT, headers={"X-Line-Retry-Key": "k"}),
    "an unknown operation": call("line", "GET", "/elsewhere"),
    "an answer without its ids": push(TEXT, answer="{}"),
    "a known event without its token": webhook({"type": "follow", "timestamp": 1}),
    "an event without a time": webhook({"type": "brandNew"}),
    "a form without To": call("twilio", "POST", "/Messages.json", "Body=a", status=201),
    "an unknown form field": call("twilio", "POST", "/Messages.json", "To=a&Colour=red", status=201),
    "a word for a number": call("twilio", "POST", "/Messages.json", "To=a&ValidityPeriod=long", status=201),
    "a page that is too large": call("twilio", "GET", "/Messages.json?PageSize=1001"),
    "an unknown query parameter": call("twilio", "GET", "/Messages.json?Colour=red"),
}


@pytest.mark.parametrize("record", RIGHT.values(), ids=RIGHT.keys())
def test_what_keeps_the_contract_passes(specs: Path, record: dict[str, Any]) -> None:
    assert run(specs, record) == 0


@pytest.mark.parametrize("record", WRONG.values(), ids=WRONG.keys())
def test_what_breaks_the_contract_is_found(specs: Path, record: dict[str, Any]) -> None:
    assert run(specs, record, push(TEXT)) == 1


def test_a_call_that_was_refused_is_only_counted(specs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    refused = push({"type": "hologram"}, status=400)

    assert run(specs, refused, push(TEXT)) == 0
    assert "1 line refused with 400 (not checked)" in capsys.readouterr().out


def test_the_report_counts_operations_and_says_where_a_fault_is(
    specs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(specs, push(TEXT), push(TEXT), push({"type": "text"}))

    report = capsys.readouterr().out
    assert "3 line POST /push" in report
    assert "$.messages[0]: 'text' is a required property" in report
    assert report.endswith("3 checked, 1 violations\n")


def test_nothing_to_check_is_no_success(specs: Path) -> None:
    assert run(specs) == 1
