"""Logs: one form for everybody's lines, the trace in each, and nobody's phone number."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, Literal

import pytest
import structlog
from pydantic import BaseModel, ValidationError
from sqlalchemy import create_engine, text
from sqlalchemy.exc import IntegrityError

from suizhuan.logs import Serving, configure_logs
from suizhuan.settings import ServiceSettings, load_settings
from suizhuan.tracing import Tracing, span_from_traceparent

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
PHONE = "13800000000"


class Lines:
    def __init__(self) -> None:
        self.stream = io.StringIO()

    def configure(self, log_format: Literal["json", "text"] = "json", level: str = "debug") -> None:
        given: dict[str, Any] = {"log_format": log_format, "log_level": level}
        configure_logs(load_settings(ServiceSettings, "finance", **given), stream=self.stream)

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    @property
    def json(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]


@pytest.fixture
def lines() -> Iterator[Lines]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    before = structlog.get_config()
    made = Lines()
    made.configure()
    yield made
    root.handlers, root.level = handlers, level
    structlog.configure(**before)


def test_structlog_and_standard_logging_come_out_alike(lines: Lines) -> None:
    structlog.get_logger("ours").info("case moved", case="c1", n=3)
    logging.getLogger("theirs").warning("%s is slow", "broker", extra={"case": "c1"})
    ours, theirs = lines.json
    assert (ours["event"], ours["level"], ours["logger"], ours["service"]) == ("case moved", "info", "ours", "finance")
    assert (theirs["event"], theirs["level"], theirs["logger"]) == ("broker is slow", "warning", "theirs")
    assert ours["case"] == theirs["case"] == "c1"
    assert ours["timestamp"].endswith("Z")


def test_a_line_inside_a_span_names_its_trace_and_service(lines: Lines) -> None:
    with Serving("complaints"), span_from_traceparent(Tracing("x").tracer, "x", PARENT):
        logging.getLogger("any").info("inside")
    logging.getLogger("any").info("outside")
    inside, outside = lines.json
    assert (inside["trace_id"], inside["service"]) == (PARENT[3:35], "complaints")
    assert len(inside["span_id"]) == 16
    assert "trace_id" not in outside
    assert outside["service"] == "finance"


@pytest.mark.parametrize(
    "key", ["phone", "reporter_name", "idNumber", "id_number", "ID-Number", "contactPhone", "Authorization",
            "accessToken", "description", "client_secret", "x.token", "params"],
)  # fmt: skip
def test_personal_data_and_secrets_are_left_out_at_any_depth(lines: Lines, key: str) -> None:
    structlog.get_logger().info("x", **{key: PHONE, "case": "c1"})
    structlog.get_logger().info("x", data={"list": [{key: PHONE, "area": "321302"}]})
    logging.getLogger("x").info("x", extra={key: PHONE})
    assert PHONE not in lines.text
    assert lines.json[0]["case"] == "c1"
    assert lines.json[1]["data"] == {"list": [{"area": "321302"}]}


def test_a_phone_number_in_the_message_is_blanked(lines: Lines) -> None:
    logging.getLogger("x").info("called %s about order 123456", PHONE)
    assert lines.json[0]["event"] == "called # about order 123456"


class Person(BaseModel):
    phone: int


def _database_error() -> Exception:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE person (phone TEXT UNIQUE)"))
        connection.execute(text("INSERT INTO person VALUES (:p)"), {"p": PHONE})
        try:
            with pytest.raises(IntegrityError) as caught:
                connection.execute(text("INSERT INTO person VALUES (:p)"), {"p": PHONE})
        finally:
            connection.rollback()
    engine.dispose()
    return caught.value


def _validation_error() -> Exception:
    with pytest.raises(ValidationError) as caught:
        Person.model_validate({"phone": f"{PHONE} 张三"})
    return caught.value


def test_an_exception_is_logged_with_its_place_and_without_data(lines: Lines) -> None:
    for error in (_database_error(), _validation_error(), ValueError(f"no phone {PHONE}\nDETAIL: 张三")):
        try:
            raise RuntimeError("outer") from error
        except RuntimeError:
            logging.getLogger("x").exception("failed")
            structlog.get_logger("y").exception("failed")
    assert PHONE not in lines.text
    assert "张三" not in lines.text
    database, _, validation, *_ = lines.json
    assert [e["type"] for e in database["exception"][:2]] == ["RuntimeError", "IntegrityError"]
    assert database["exception"][1]["message"] == "UNIQUE constraint failed: person.phone"
    assert "test_logs.py" in database["exception"][0]["frames"][0]
    assert validation["exception"][1]["message"] == "phone: int_parsing"


def test_text_is_for_people(lines: Lines) -> None:
    lines.configure("text")
    structlog.get_logger("ours").info("case moved", case="c1")
    logging.getLogger("theirs").error("failed", exc_info=ValueError("why"))
    assert "case moved" in lines.text
    assert "case=c1" in lines.text
    assert "\nValueError: why" in lines.text
    assert "\x1b[" not in lines.text


def test_below_the_level_nothing_is_logged_and_libraries_are_quiet(lines: Lines) -> None:
    lines.configure(level="info")
    logging.getLogger("x").debug("x")
    structlog.get_logger().debug("x")
    logging.getLogger("aiokafka.consumer").info("x")
    logging.getLogger("uvicorn.access").info("GET /people?phone=1")
    assert lines.text == ""
    logging.getLogger("uvicorn.error").info("started")
    assert [line["event"] for line in lines.json] == ["started"]


def test_what_cannot_be_written_as_json_does_no_harm(lines: Lines) -> None:
    structlog.get_logger().info("x", value=object(), raw=b"\xff", half="\ud800", loop=[[[[[[[[1]]]]]]]])
    assert len(lines.text.splitlines()) == 1


def test_importing_sets_nothing_up() -> None:
    program = "import logging, suizhuan.logs, suizhuan.app, suizhuan.cache; assert not logging.getLogger().handlers"
    subprocess.run([sys.executable, "-c", program], check=True)
