"""Debian's docker-registry with basic authentication, filled over its own API."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import bcrypt
import httpx
import pytest

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
INDEX = "application/vnd.oci.image.index.v1+json"
_LISTENING = re.compile(r"listening on (?:\[::\]|127\.0\.0\.1):(\d+)")


@dataclass(frozen=True)
class Registry:
    base: str
    password: str

    def put_image(self, repository: str, reference: str, architecture: str, *, docker: bool = False) -> str:
        """A real image: a layer, a config, a manifest. Returns the manifest's digest."""
        layer = f"layer of {repository} for {architecture}".encode()
        config: dict[str, Any] = {
            "architecture": architecture,
            "os": "linux",
            "config": {
                "Entrypoint": ["docker-entrypoint.sh"],
                "Cmd": ["node", "index.js"],
                "Env": ["PATH=/usr/bin", "GEMINI_API_KEY=baked-in-0123456789"],
                "ExposedPorts": {"8080/tcp": {}},
            },
            "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]},
        }
        told = json.dumps(config).encode()
        media = "application/vnd.docker" if docker else "application/vnd.oci.image"
        manifest = {
            "schemaVersion": 2,
            "mediaType": DOCKER_MANIFEST if docker else MANIFEST,
            "config": {
                "mediaType": f"{media}.container.image.v1+json" if docker else f"{media}.config.v1+json",
                "size": len(told),
                "digest": self.put_blob(repository, told),
            },
            "layers": [
                {
                    "mediaType": f"{media}.image.rootfs.diff.tar.gzip" if docker else f"{media}.layer.v1.tar+gzip",
                    "size": len(layer),
                    "digest": self.put_blob(repository, layer),
                }
            ],
        }
        return self.put_manifest(repository, reference, manifest)

    def put_blob(self, repository: str, content: bytes) -> str:
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        begun = self._ask("POST", f"{repository}/blobs/uploads/", 202)
        place = urljoin(self.base, begun.headers["location"])
        with httpx.Client(auth=("x", self.password)) as client:
            answer = client.put(f"{place}{'&' if '?' in place else '?'}digest={digest}", content=content)
        assert answer.status_code == 201, answer.text
        return digest

    def put_manifest(self, repository: str, reference: str, manifest: dict[str, Any]) -> str:
        told = json.dumps(manifest).encode()
        digest = "sha256:" + hashlib.sha256(told).hexdigest()
        place = f"{repository}/manifests/{reference or digest}"
        self._ask("PUT", place, 201, content=told, headers={"Content-Type": manifest["mediaType"]})
        return digest

    def _ask(self, method: str, path: str, status: int, **options: Any) -> httpx.Response:
        with httpx.Client(auth=("x", self.password)) as client:
            answer = client.request(method, f"{self.base}/v2/{path}", **options)
        assert answer.status_code == status, answer.text
        return answer


@contextmanager
def running(folder: Path, password: str) -> Iterator[Registry]:
    program = shutil.which("docker-registry")
    if not program:
        pytest.skip("Debian's package docker-registry is not installed")
    users = folder / "htpasswd"
    users.write_bytes(b"x:" + bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)) + b"\n")
    settings = {
        "version": 0.1,
        "log": {"level": "info", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
        "http": {"addr": "127.0.0.1:0", "secret": "for-the-tests"},
        "auth": {"htpasswd": {"realm": "tests", "path": str(users)}},
    }
    config, log = folder / "config.yml", folder / "log"
    config.write_text(json.dumps(settings))
    with log.open("wb") as out:
        process = subprocess.Popen([program, "serve", config], stdout=out, stderr=out, cwd=folder)
    try:
        end = time.monotonic() + 60
        while not (found := _LISTENING.search(log.read_text(errors="replace"))):
            if process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"docker-registry did not start:\n{log.read_text(errors='replace')}")
            time.sleep(0.05)
        yield Registry(f"http://127.0.0.1:{found[1]}", password)
    finally:
        process.terminate()
        process.wait(20)
