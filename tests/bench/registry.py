"""A loopback npm registry: static files behind nginx, on a free port, in a folder of its own.

It has the packuments and tarballs of the given packages and nothing else, and the packuments name no dependencies:
what a package manager installs from it is the set and not a package more.
"""

import hashlib
import json
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

from sets import Package


class Registry:
    """nginx over `folder`/www; a context manager that ends the process that it started."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.www = folder / "www"
        self.www.mkdir(parents=True)
        self.port = free_port()
        self.process = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def __enter__(self) -> "Registry":
        nginx = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
        if nginx is None:
            raise SystemExit("nginx is not installed; in Debian the package is `nginx`")
        for name in ("body", "proxy", "fastcgi", "uwsgi", "scgi"):
            (self.folder / name).mkdir()
        config = self.folder / "nginx.conf"
        # Workers of a root's nginx would become nobody, who may not enter a private temporary folder.
        user = "user root;" if os.geteuid() == 0 else ""
        config.write_text(CONFIG.replace("@USER@", user).replace("@PORT@", str(self.port)))
        log = self.folder / "error.log"
        self.process = subprocess.Popen([nginx, "-p", f"{self.folder}/", "-e", str(log), "-c", str(config)],
                                        stdin=subprocess.DEVNULL)
        for _ in range(200):
            if self.process.poll() is not None:
                raise SystemExit(f"nginx did not start:\n{log.read_text()}")
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            time.sleep(0.02)
        self.__exit__()
        raise SystemExit("nginx does not answer")

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait()

    def publish(self, packages: list[Package]) -> None:
        """Writes packuments and tarballs; a package in two sets or two versions is one document."""
        documents: dict[str, dict] = {}
        for package in packages:
            tarball = self.www / package.route
            tarball.parent.mkdir(parents=True, exist_ok=True)
            if not tarball.exists():
                tarball.symlink_to(package.tarball)
            document = documents.setdefault(package.name, {"name": package.name, "versions": {}, "time": {}})
            document["dist-tags"] = {"latest": package.version}
            document["versions"][package.version] = self.version(package)
            # Long ago, so that no package manager's minimum age holds it back.
            document["time"][package.version] = "2020-01-01T00:00:00.000Z"
        for name, document in documents.items():
            (self.www / name / "packument.json").write_text(json.dumps(document))

    def version(self, package: Package) -> dict:
        """The version object: identity, programs and `dist`; no dependencies, platforms, engines or scripts."""
        kept = {key: package.manifest[key] for key in ("name", "version", "bin") if key in package.manifest}
        shasum = hashlib.sha1(package.tarball.read_bytes(), usedforsecurity=False).hexdigest()
        return kept | {"dist": {"tarball": self.url + package.route, "integrity": package.integrity, "shasum": shasum,
                                "fileCount": package.files, "unpackedSize": package.unpacked}}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


# All paths are below nginx's prefix. Scoped names arrive as `@scope%2fname`; nginx matches and maps them decoded.
CONFIG = """\
@USER@
daemon off;
worker_processes 2;
pid nginx.pid;
events { worker_connections 1024; }
http {
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    types { application/json json; application/gzip tgz gz; }
    default_type application/octet-stream;
    server {
        listen 127.0.0.1:@PORT@;
        root www;
        location / { try_files $uri/packument.json =404; }
        location /files/ { }
        location ~ /-/ { }
    }
}
"""
