"""Settings: where they come from, which one wins, and that the page about them is true."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import ValidationError
from pydantic_settings.exceptions import SettingsError

from suizhuan import settings_reference
from suizhuan.settings import PREFIX, IssuerSettings, ServiceSettings, field_notes, load_settings

ROOT = Path(__file__).parents[3]
OWN = """
from suizhuan.settings import ServiceSettings, setting

class Settings(ServiceSettings):
    service: str = "finance"
    quota: int = setting("A quota of a|b", "配额", default=5, unit="fen")
"""


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)


def test_nothing_set_gives_the_embedded_profile() -> None:
    settings = load_settings(ServiceSettings, "finance")
    assert settings.service == "finance"
    assert settings.database_url == "sqlite+aiosqlite:///data/finance.db"
    assert settings.embedded_log == Path("data/log.db").resolve()
    assert settings.kafka_servers is None
    assert settings.redis_url is None
    assert settings.issuers == ()
    assert not settings.trust_demo_issuer


def test_the_files_of_a_service_follow_its_data_folder() -> None:
    settings = load_settings(ServiceSettings, "finance", data_dir=Path("/srv/x"))
    assert settings.database_url == "sqlite+aiosqlite:////srv/x/finance.db"
    assert settings.log_url == "embedded:///srv/x/log.db"


def test_a_services_own_variable_wins_over_the_common_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUIZHUAN_PORT", "1000")
    monkeypatch.setenv("SUIZHUAN_FINANCE_PORT", "2000")
    assert load_settings(ServiceSettings, "finance").port == 2000
    assert load_settings(ServiceSettings, "complaints").port == 1000
    assert load_settings(ServiceSettings, "finance", port=3000).port == 3000


def test_a_value_may_lie_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s3cret\n")
    monkeypatch.setenv("SUIZHUAN_FINANCE_CLIENT_SECRET_FILE", str(tmp_path / "secret"))
    settings = load_settings(ServiceSettings, "finance")
    assert settings.client_secret is not None
    assert settings.client_secret.get_secret_value() == "s3cret"
    assert "s3cret" not in repr(settings)


def test_a_file_of_the_services_own_wins_over_a_common_value(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "url").write_text("redis://own")
    monkeypatch.setenv("SUIZHUAN_REDIS_URL", "redis://common")
    monkeypatch.setenv("SUIZHUAN_FINANCE_REDIS_URL_FILE", str(tmp_path / "url"))
    assert load_settings(ServiceSettings, "finance").redis_url == "redis://own"


def test_a_value_given_twice_stops_the_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SUIZHUAN_REDIS_URL", "redis://x")
    monkeypatch.setenv("SUIZHUAN_REDIS_URL_FILE", str(tmp_path / "x"))
    with pytest.raises(SettingsError, match="SUIZHUAN_REDIS_URL is given twice"):
        load_settings(ServiceSettings, "finance")


def test_a_file_that_is_missing_stops_the_start_and_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SUIZHUAN_REDIS_URL_FILE", str(tmp_path / "x"))
    with pytest.raises(SettingsError, match="SUIZHUAN_REDIS_URL_FILE cannot be read"):
        load_settings(ServiceSettings, "finance")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://u:hunter2@h/d"),
        ("LOG_URL", "kafka://"),
        ("LOG_URL", "file:///hunter2"),
        ("PORT", "tcp://10.0.0.1:hunter2"),  # what Kubernetes sets for a Service called suizhuan
        ("LOG_LEVEL", "hunter2"),
        ("MAX_BODY_BYTES", "0"),
        ("TOKEN_LEEWAY", "-1"),
        ("OTLP_ENDPOINT", "hunter2"),
    ],
)
def test_a_value_that_is_not_valid_stops_the_start_and_is_not_repeated(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"SUIZHUAN_{name}", value)
    with pytest.raises(ValidationError) as caught:
        load_settings(ServiceSettings, "finance")
    assert name.lower() in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_issuers_come_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUIZHUAN_ISSUERS", '[{"issuer": "https://id", "jwks_url": "https://id/jwks"}]')
    assert load_settings(ServiceSettings, "finance").issuers == (
        IssuerSettings(issuer="https://id", jwks_url="https://id/jwks"),
    )


@pytest.mark.parametrize(
    "entry",
    [{}, {"jwks_url": "https://x", "jwks_file": "x"}, {"jwks_url": "ftp://x"}, {"jwks_url": "https://x", "typo": 1}],
)
def test_an_issuer_has_one_source_of_keys_and_no_misspelt_field(entry: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        IssuerSettings.model_validate({"issuer": "https://id", **entry})


def test_kafka_servers_are_read_from_the_log_url() -> None:
    settings = load_settings(ServiceSettings, "finance", log_url="kafka://a:1,b:2")
    assert settings.kafka_servers == "a:1,b:2"
    assert settings.embedded_log is None


def test_urls_that_hold_passwords_are_not_shown() -> None:
    settings = load_settings(
        ServiceSettings, "x", database_url="postgresql+asyncpg://u:hunter2@h/d", redis_url="redis://:hunter2@h"
    )
    assert "hunter2" not in repr(settings)


def test_every_setting_says_what_it_does_in_both_languages() -> None:
    for name, field in ServiceSettings.model_fields.items():
        assert field.description, name
        assert any("\u4e00" <= letter <= "\u9fff" for letter in field_notes(field)["zh"]), name


def test_the_page_of_settings_is_up_to_date() -> None:
    page = ROOT / "docs" / "settings.md"
    assert settings_reference.main(["--check", "--out", str(page)]) == 0, "run python -m suizhuan.settings_reference"


def test_the_page_is_written_with_a_services_own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "page_of_settings_test.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    out = tmp_path / "settings.md"
    assert settings_reference.main(["--out", str(out), "page_of_settings_test:Settings"]) == 0
    page = out.read_text()
    assert "| `SUIZHUAN_FINANCE_QUOTA` | whole number | fen | `5` | A quota of a\\|b | 配额 |" in page
    assert page.count("`SUIZHUAN_PORT`") == 1
    assert settings_reference.main(["--check", "--out", str(out)]) == 0
    out.write_text(page + "edited")
    assert settings_reference.main(["--check", "--out", str(out)]) == 1
