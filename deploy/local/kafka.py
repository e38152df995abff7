"""Apache Kafka from its Maven artifacts: one node that is broker and controller (KRaft)."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import secrets
import shutil
import socket
import struct
import subprocess
import tempfile
from base64 import urlsafe_b64encode
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from deploy.local.packages import LOCAL, Unavailable, install, last_words
from deploy.local.process import HOST, Server, free_ports
from suizhuan import keyfile

VERSION = "4.3.1"
ADMIN, CONTROLLER = "admin", "controller"
OLDEST_JAVA = 17
CONFIGURATION = Path(__file__).with_name("kafka")
LOGGING = f"-Dlog4j2.configurationFile={CONFIGURATION / 'log4j2.xml'}"


class Kafka(Server):
    """One broker without replicas, topics made only when asked for; a stop keeps its port and all its data.

    `heap` is Java's largest heap. `brief`: it is for minutes, so its start counts more than its speed. With `logins`
    nobody comes in without one of these (SASL/SCRAM-SHA-512), and may do what it is then granted (`deploy.access`);
    `ADMIN`, who may do everything, is added. Their passwords are made at the first start and kept in the folder; one
    that was made without any goes on so. Jars are fetched once for all brokers of this repository.
    Errors: Unavailable, for logins that a folder does not know.
    """

    name: ClassVar[str] = "kafka"

    def __init__(self, folder: Path, *, heap: str = "512m", brief: bool = False, logins: Collection[str] = ()) -> None:
        super().__init__(folder)
        self._heap = heap
        self._compiler = ("-XX:TieredStopAtLevel=1",) if brief else ()
        self._properties = self.folder / "server.properties"
        known = self.folder / "logins.json"
        open_ = not logins or (self._properties.exists() and not known.exists())
        self.passwords = {} if open_ else _passwords(known, [ADMIN, CONTROLLER, *logins])
        if self._properties.exists():
            # The controller's port is written into its quorum's state, so a used folder keeps both.
            listeners = re.findall(r"//[^:]+:(\d+)", self._properties.read_text().partition("\n")[0])
            self.port, self.controller_port = (int(port) for port in listeners)
        else:
            self.port, self.controller_port = free_ports(2)

    @property
    def url(self) -> str:
        """`host:port`, what clients call bootstrap servers."""
        return f"{HOST}:{self.port}"

    def prepare(self) -> list[str]:
        java = _java()
        libraries = _libraries()
        if not (self.folder / "data" / "meta.properties").exists():
            self._format(java, libraries)
        options = [f"-Xmx{self._heap}", "-XX:+UseSerialGC", *self._compiler, *_archived(libraries)]
        return [java, *options, LOGGING, "-cp", f"{libraries}/*", "kafka.Kafka", str(self._properties)]

    def answers(self) -> bool:
        return understands(HOST, self.port) if self.passwords else brokers(HOST, self.port) > 0

    def _format(self, java: str, libraries: Path) -> None:
        guards = _guards(self.passwords) if self.passwords else ""
        about = _properties(self.folder / "data", self.port, self.controller_port, guarded=bool(guards))
        self._properties.touch(mode=0o600)
        self._properties.write_text(about + guards)
        scram = [
            word
            for login, password in self.passwords.items()
            if login != CONTROLLER
            for word in ("--add-scram", f"SCRAM-SHA-512=[name={login},password={password}]")
        ]
        cluster = urlsafe_b64encode(secrets.token_bytes(16)).decode().rstrip("=")
        tool = ["-cp", f"{libraries}/*", "kafka.tools.StorageTool", "format", "--standalone"]
        formatted = subprocess.run(
            [
                java,
                *("-XX:TieredStopAtLevel=1", LOGGING, *_archived(libraries)),
                *(*tool, f"--cluster-id={cluster}", f"--config={self._properties}", *scram),
            ],
            cwd=self.folder,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        if formatted.returncode != 0:
            shutil.rmtree(self.folder / "data", ignore_errors=True)
            raise Unavailable(f"Kafka: format: {last_words(formatted.stdout + formatted.stderr)}")


def brokers(host: str, port: int) -> int:
    """How many brokers a broker knows to be ready, itself included; 0 when it does not answer.

    A metadata request (version 1, no topics), since a broker accepts connections before it does any work.
    """
    answer = _asked(host, port, struct.pack(">hhihi", 3, 1, 1, -1, 0))  # Metadata, 1, correlation, no name, no topics
    return int(struct.unpack(">iii", answer)[2]) if answer else 0  # size, correlation, brokers


def understands(host: str, port: int) -> bool:
    """Whether a broker answers what may be asked without a login: which requests it knows (ApiVersions, version 0)."""
    return bool(_asked(host, port, struct.pack(">hhih", 18, 0, 1, -1)))


def _asked(host: str, port: int, body: bytes) -> bytes:
    """The first 12 bytes of the answer, or none."""
    try:
        with socket.create_connection((host, port), timeout=2) as connection:
            connection.sendall(struct.pack(">i", len(body)) + body)
            answer = b""
            while len(answer) < 12 and (part := connection.recv(4096)):
                answer += part
    except OSError:
        return b""
    return answer[:12] if len(answer) >= 12 else b""


def _passwords(file: Path, logins: Sequence[str]) -> dict[str, str]:
    """Kept in this file, made where there is none. Errors: Unavailable, when the broker was made for fewer logins."""
    made = {login: secrets.token_urlsafe(24) for login in logins}
    kept: dict[str, str] = json.loads(keyfile.kept(file, lambda: json.dumps(made).encode()))
    if missing := ", ".join(sorted(set(logins) - set(kept))):
        raise Unavailable(
            f"Kafka: {file.parent} was made without logins of {missing}: take another data folder / "
            f"该 Kafka 建立时没有 {missing} 的登录名，请另选数据文件夹"
        )
    return kept


def _properties(data: Path, port: int, controller_port: int, *, guarded: bool) -> str:
    protocol = "SASL_PLAINTEXT" if guarded else "PLAINTEXT"
    # The first line is read again by `Kafka.__init__`.
    return f"""listeners=CLIENT://{HOST}:{port},CONTROLLER://{HOST}:{controller_port}
advertised.listeners=CLIENT://{HOST}:{port}
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers={HOST}:{controller_port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=CLIENT
listener.security.protocol.map=CLIENT:{protocol},CONTROLLER:{protocol}
log.dirs={data}
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
offsets.topic.replication.factor=1
offsets.topic.num.partitions=5
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=5
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
"""


def _guards(passwords: Mapping[str, str]) -> str:
    """Who comes in. The controller is asked by its own broker only, before there are any records: so not by SCRAM."""
    scram, own = passwords[ADMIN], passwords[CONTROLLER]
    module = "org.apache.kafka.common.security"
    return f"""sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
sasl.mechanism.controller.protocol=PLAIN
listener.name.client.sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.client.scram-sha-512.sasl.jaas.config={module}.scram.ScramLoginModule required \
  username="{ADMIN}" password="{scram}";
listener.name.controller.sasl.enabled.mechanisms=PLAIN
listener.name.controller.plain.sasl.jaas.config={module}.plain.PlainLoginModule required \
  username="{CONTROLLER}" password="{own}" user_{CONTROLLER}="{own}";
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:{ADMIN};User:{CONTROLLER}
"""


def _java() -> str:
    """A Java of 17 or newer; installs the system's when there is none."""
    java = _find_java()
    if java is None:
        install("openjdk-17-jre-headless", purpose=f"Java {OLDEST_JAVA}")
        java = _find_java()
    if java is None:
        raise Unavailable(f"Kafka {VERSION} needs Java {OLDEST_JAVA} or newer / 需要 Java {OLDEST_JAVA} 或更高版本")
    return java


def _find_java() -> str | None:
    home = os.environ.get("JAVA_HOME")
    candidates = [
        *([str(Path(home, "bin", "java"))] if home else []),
        *([found] if (found := shutil.which("java")) else []),
        *map(str, sorted(Path("/usr/lib/jvm").glob("*/bin/java"))),
    ]
    return next((java for java in candidates if _java_version(java) >= OLDEST_JAVA), None)


def _java_version(java: str) -> int:
    try:
        said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    except OSError:
        return 0
    version = re.search(r'version "(?:1\.)?(\d+)', said)
    return int(version.group(1)) if version else 0


def _libraries() -> Path:
    """The folder of Kafka's jars; fetched by Maven once, by one process at a time, and again when the pom changed.

    Beside it its classes as Java has read them once: with them a start takes two thirds of the time."""
    home = LOCAL / f"kafka-{VERSION}"
    pom = CONFIGURATION / "pom.xml"
    libraries, complete = home / "libs", home / "complete"
    fingerprint = hashlib.sha256(pom.read_bytes()).hexdigest()
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if complete.exists() and complete.read_text() == fingerprint:
            return libraries
        shutil.rmtree(libraries, ignore_errors=True)
        _fetch(pom, libraries)
        _archive(libraries)
        complete.write_text(fingerprint)
    return libraries


def _archived(libraries: Path) -> list[str]:
    """Java goes on without an archive that does not fit."""
    archive = libraries.with_name("classes.jsa")
    return [f"-XX:SharedArchiveFile={archive}"] if archive.exists() else []


def _archive(libraries: Path) -> None:
    """What a broker has loaded by the time it answers. Without it starts take longer, and nothing else."""
    archive = libraries.with_name("classes.jsa")
    archive.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(dir=libraries.parent) as folder:
        broker = _Recorded(Path(folder), libraries)
        try:
            broker.start()
            broker.stop()
        except Unavailable as reason:
            print(f"Kafka: {reason}", flush=True)
            broker.kill()


class _Recorded(Kafka):
    """A broker whose classes are written into the archive when it ends."""

    def __init__(self, folder: Path, libraries: Path) -> None:
        super().__init__(folder, brief=True)
        self._jars = libraries

    def prepare(self) -> list[str]:
        java = _java()
        self._format(java, self._jars)
        record = f"-XX:ArchiveClassesAtExit={self._jars.with_name('classes.jsa')}"
        return [java, record, LOGGING, "-cp", f"{self._jars}/*", "kafka.Kafka", str(self._properties)]


def _fetch(pom: Path, libraries: Path) -> None:
    if shutil.which("mvn") is None:
        install("maven", purpose="Maven")
    if shutil.which("mvn") is None:
        raise Unavailable("Kafka: mvn not found / 未找到 mvn")
    print(f"fetching Kafka {VERSION} by Maven / 正在用 Maven 获取 Kafka {VERSION}", flush=True)
    fetched = subprocess.run(
        # -C: a jar whose checksum is wrong is refused.
        ["mvn", "-q", "-B", "-C", "-f", pom, "dependency:copy-dependencies", f"-DoutputDirectory={libraries}"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if fetched.returncode != 0:
        raise Unavailable(f"Kafka: Maven: {last_words(fetched.stdout + fetched.stderr)}")
