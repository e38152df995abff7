"""PostgreSQL from the system's packages: a cluster of our own beside whatever the machine already runs."""

from __future__ import annotations

import os
import pwd
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from deploy.local.packages import Unavailable, install, last_words
from deploy.local.process import HOST, Server, free_ports

SUPERUSER = "suizhuan"
LONGEST_SOCKET_FOLDER = 80
"""A unix socket's whole path has 107 bytes; PostgreSQL adds its file name and a lock's."""


class Postgres(Server):
    """One cluster, superuser `suizhuan` with a random password, data checked against nothing but its own folder.

    `durable=False` (tests) turns fsync off: a crash of the *machine* may then lose or break the data, a crash of
    the server does not. `settings` are added to the server's own.
    """

    name: ClassVar[str] = "postgres"
    # "Fast": clients are thrown out and a checkpoint is written. SIGTERM would wait for clients to leave.
    stop_signal: ClassVar[signal.Signals] = signal.SIGINT
    # "Immediate": the server ends its own children and gives shared memory back; SIGKILL would leave it behind.
    parent_death_signal: ClassVar[str] = "QUIT"

    def __init__(self, folder: Path, *, durable: bool = False, settings: Mapping[str, str] | None = None) -> None:
        super().__init__(folder)
        self._durable = durable
        self._settings = dict(settings or {})
        self._bin = Path()
        identity = self.folder / "identity"
        if identity.exists():
            port, self._password = identity.read_text().split()
            self.port = int(port)
        else:
            (self.port,) = free_ports(1)
            self._password = secrets.token_urlsafe(18)

    @property
    def url(self) -> str:
        return f"postgresql://{SUPERUSER}:{self._password}@{HOST}:{self.port}/postgres"

    def prepare(self) -> list[str]:
        self._bin = _programs()
        place = self._place()
        if not (place / "data" / "PG_VERSION").exists():
            self._initialise(place)
        sockets = str(place) if len(str(place)) <= LONGEST_SOCKET_FOLDER else ""
        settings = {
            "listen_addresses": HOST,
            "port": str(self.port),
            "unix_socket_directories": sockets,
            "max_connections": "300",
            **({} if self._durable else {"fsync": "off", "full_page_writes": "off"}),
            **self._settings,
        }
        words = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
        return [*_as_user(), str(self._bin / "postgres"), "-D", str(place / "data"), *words]

    def answers(self) -> bool:
        asked = subprocess.run(
            [self._bin / "psql", "-X", "-q", "-t", "-d", self.url, "-c", "select 1"],
            env={**os.environ, "PGCONNECT_TIMEOUT": "2"},
            cwd=self.folder,
            capture_output=True,
            check=False,
        )
        return asked.returncode == 0 and asked.stdout.strip() == b"1"

    def remove(self) -> None:
        place = self.folder / "place"
        self.kill()
        if place.exists():
            shutil.rmtree(place.read_text(), ignore_errors=True)
        super().remove()

    def _initialise(self, place: Path) -> None:
        secret = place / "password"
        secret.touch(mode=0o600)
        secret.write_text(self._password)
        _give(secret)
        try:
            made = subprocess.run(
                [
                    *_as_user(),
                    str(self._bin / "initdb"),
                    *("-D", str(place / "data"), "-U", SUPERUSER, f"--pwfile={secret}"),
                    *("-A", "scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"),
                ],
                cwd=place,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
            )
        finally:
            secret.unlink()
        if made.returncode != 0:
            shutil.rmtree(place / "data", ignore_errors=True)
            raise Unavailable(f"PostgreSQL: initdb: {last_words(made.stderr)}")
        identity = self.folder / "identity"
        identity.touch(mode=0o600)
        identity.write_text(f"{self.port} {self._password}\n")

    def _place(self) -> Path:
        """The folder for data and sockets: ours, or one elsewhere when the server's user cannot get into ours.

        Root's repository may lie under a home folder that only root may enter.
        """
        elsewhere = self.folder / "place"
        if elsewhere.exists():
            return Path(elsewhere.read_text())
        inside = self.folder / "cluster"
        inside.mkdir(mode=0o700, exist_ok=True)
        _give(inside)
        if subprocess.run([*_as_user(), "test", "-w", inside], cwd="/", check=False).returncode == 0:
            return inside
        inside.rmdir()
        made = Path(tempfile.mkdtemp(prefix="suizhuan-postgres-"))
        _give(made)
        elsewhere.write_text(str(made))
        return made


def _programs() -> Path:
    """The folder with initdb and postgres, the newest version installed; installs the system's when there is none."""
    found = _find_programs()
    if found is None:
        install("postgresql", purpose="PostgreSQL")
        found = _find_programs()
    if found is None:
        raise Unavailable("PostgreSQL: initdb not found after its installation / 安装后仍未找到 initdb")
    return found


def _find_programs() -> Path | None:
    # Debian keeps servers out of PATH, one folder per version.
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(re.sub(r"\D", "", p.parent.name) or 0))
    on_path = shutil.which("initdb")
    folders = [*reversed(debian), *([Path(on_path).resolve().parent] if on_path else [])]
    return next((f for f in folders if all((f / p).exists() for p in ("initdb", "postgres", "psql"))), None)


def _server_user() -> pwd.struct_passwd | None:
    """Whom the server runs as; None: as ourselves. PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise Unavailable("PostgreSQL must not run as root, and there is no user postgres or nobody / 不能以 root 运行")


def _as_user() -> list[str]:
    user = _server_user()
    if user is None:
        return []
    if shutil.which("setpriv") is None:
        raise Unavailable("PostgreSQL: setpriv (util-linux) is needed to leave root / 需要 setpriv")
    # The change of user forgets the parent-death signal, so it is said again.
    death = f"--pdeathsig={Postgres.parent_death_signal}"
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", death, "--"]


def _give(path: Path) -> None:
    if (user := _server_user()) is not None:
        os.chown(path, user.pw_uid, user.pw_gid)
