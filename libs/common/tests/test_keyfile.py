"""A key that is made for a folder: whole or not at all, one for all, and for its owner's eyes only."""

from __future__ import annotations

import os
import secrets
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from suizhuan import keyfile


def test_a_key_is_made_once_for_its_owner_alone_and_nothing_else_is_left(tmp_path: Path) -> None:
    file = tmp_path / "new" / "a.key"
    made = keyfile.kept(file, lambda: b"first")
    assert made == keyfile.kept(file, lambda: b"second") == b"first"
    assert [p.name for p in file.parent.iterdir()] == ["a.key"]
    assert file.stat().st_mode & 0o777 == 0o600


def test_of_many_that_start_at_once_one_makes_the_key_and_all_use_it(tmp_path: Path) -> None:
    file, together = tmp_path / "a.key", Barrier(8)

    def made() -> bytes:
        together.wait(30)  # all of them have seen that there is none
        return secrets.token_bytes(4096)

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: keyfile.kept(file, made), range(8)))
    assert set(found) == {file.read_bytes()}
    assert [p.name for p in tmp_path.iterdir()] == ["a.key"]


def test_what_could_not_be_written_whole_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space left"):
        keyfile.kept(tmp_path / "a.key", lambda: b"key")
    assert list(tmp_path.iterdir()) == []
