"""Registries on the loopback, and a proxy that counts what is asked of one."""

import http.client
import json
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def serving(command: list[str], port: int, log: Path):
    """Runs a registry until the end of the block; its `host:port`."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL)
    try:
        for _ in range(200):
            if process.poll() is not None:
                sys.exit(f"{command[0]} ended: {log.read_text(errors='replace')[-2000:]}")
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/", timeout=5):
                    break
            except urllib.error.HTTPError:
                break
            except OSError:
                time.sleep(0.05)
        else:
            sys.exit(f"{command[0]} does not answer")
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def docker_registry(program: str, folder: Path):
    """Debian's docker-registry, which has no referrers API; its blobs are files in `folder`."""
    port = free_port()
    folder.mkdir(parents=True)
    config = {"version": 0.1, "log": {"level": "error", "accesslog": {"disabled": True}},
              "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
              "http": {"addr": f"127.0.0.1:{port}", "secret": "bench"}}
    # JSON is YAML.
    (folder / "config.yml").write_text(json.dumps(config))
    return serving([program, "serve", str(folder / "config.yml")], port, folder / "log")


def mini_registry(script: Path, folder: Path):
    """The registry of the tests, which has the referrers API. Python's server writes headers and body apart, which makes
    every answer wait 40 ms for Nagle's algorithm; no registry does that, so that it is switched off."""
    port = free_port()
    folder.mkdir(parents=True)
    program = ("import runpy, socketserver, sys; socketserver.StreamRequestHandler.disable_nagle_algorithm = True; "
               "sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')")
    return serving([sys.executable, "-c", program, str(script), str(port)], port, folder / "log")


@contextmanager
def counting(registry: str):
    """A proxy before a registry: its `host:port`, and the list that every request is added to."""
    asked: list[str] = []
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def answer(self):
            headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP}
            upstream = http.client.HTTPConnection(registry, timeout=60)
            upstream.request(self.command, self.path, headers=headers)
            response = upstream.getresponse()
            body = response.read()
            with lock:
                asked.append(f"{self.command} {self.path} {response.status}")
            self.send_response(response.status)
            for name, value in response.getheaders():
                if name.lower() not in HOP | {"date", "server"}:
                    self.send_header(name, value)
            if self.command != "HEAD" and response.getheader("Content-Length") is None:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            upstream.close()

        do_GET = do_HEAD = answer

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()


def remove(path: Path) -> None:
    """Removes a file or a folder, if there is one."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


# Headers of one connection, not of what goes over it.
HOP = {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade"}
