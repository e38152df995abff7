"""The issuer's ES256 key: made once, kept in its data folder for its owner's eyes only."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from suizhuan.issuer_keys import DEMO_MARKER


def load_key(data: Path) -> ECKey:
    """The key of `data`, made (0600) when there is none; the public half lies beside it. Errors: ValueError when
    the file is no key, or others than its owner may read it."""
    data.mkdir(parents=True, exist_ok=True)
    path = data / "key.json"
    if not path.exists():
        _create(path)
    if path.stat().st_mode & 0o077:
        raise ValueError(f"{path.name} can be read by others than its owner")
    try:
        key = ECKey.import_key(json.loads(path.read_bytes()))
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{path.name} is not a key") from error
    # By rename, because services may be reading it.
    _draft(data, public(key)).replace(jwks_file(data))
    jwks_file(data).chmod(0o644)
    return key


def jwks_file(data: Path) -> Path:
    """Where the public keys lie, for services on the same machine (`IssuerSettings.jwks_file`)."""
    return data / "jwks.json"


def public(key: ECKey) -> dict[str, list[dict[str, object]]]:
    """The JWKS document."""
    return {"keys": [{**key.as_dict(private=False), "use": "sig", "alg": "ES256"}]}


def _create(path: Path) -> None:
    made = ECKey.generate_key("P-256")
    key = {**made.as_dict(private=True), "kid": f"{DEMO_MARKER}-{made.thumbprint()[:16]}"}
    # Written whole under another name and then linked: of two that start at once, one makes the key and both use it.
    draft = _draft(path.parent, key)
    try:
        os.link(draft, path)
    except FileExistsError:
        return  # the other was first: its key is the one
    finally:
        draft.unlink()


def _draft(folder: Path, content: object) -> Path:
    """A new file (0600) that holds `content`, on disk."""
    descriptor, name = tempfile.mkstemp(dir=folder, suffix=".draft")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())
    return Path(name)
