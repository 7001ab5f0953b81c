"""Registries on loopback for the parts about artifacts, and the few requests that make bad cases of good ones.

docker-registry 2.8 (Debian) has no referrers API, so that what is attached is listed under a tag; the registry in Python that
lies beside the project, in shared/tools, has all of the distribution specification 1.1.
"""

import hashlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

from debian import Absent

HERE = os.path.dirname(os.path.abspath(__file__))
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = """
version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: "%s"}}
http: {addr: "%s"}
"""


def docker_registry(lab):
    def obtain():
        program, host = lab.debian("docker-registry"), f"127.0.0.1:{free_port()}"
        config = lab.write("docker-registry.yml", CONFIG % (lab.path("docker-registry"), host))
        return Registry("docker-registry", host, [program, "serve", lab.path(config)])

    return lab.tool("a docker-registry that runs", obtain)


def mini_registry(lab):
    def obtain():
        corpus = os.environ.get("PINFOLD_TEST_CORPUS", os.path.join(HERE, "../../../shared/corpus"))
        script, port = os.path.join(corpus, "../tools/miniregistry.py"), free_port()
        if not os.path.exists(script):
            raise Absent("the registry in Python is not beside the project")
        return Registry("1.1 registry", f"127.0.0.1:{port}", [sys.executable, "-B", script, str(port)])

    return lab.tool("registry in Python", obtain)


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def descriptor(media_type, data, **more):
    return {"mediaType": media_type, "digest": digest(data), "size": len(data), **more}


class Registry:
    """A server, and what can be asked of it without any tool."""

    def __init__(self, name, host, command):
        self.name, self.host = name, host
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen(command, **quiet)
        end = time.monotonic() + 20
        while True:
            try:
                self.ask("GET", "/v2/")
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > end:
                    self.close()
                    raise Absent(f"{name} does not answer") from None
                time.sleep(0.05)

    def close(self):
        self.process.kill()
        self.process.wait()

    def ask(self, method, path, data=None, **headers):
        url = path if path.startswith("http") else f"http://{self.host}{path}"
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        with urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method), timeout=30) as answer:
            return answer.headers, answer.read()

    def manifest(self, repo, reference):
        """The bytes of a manifest, or None."""
        try:
            return self.ask("GET", f"/v2/{repo}/manifests/{reference}", Accept=f"{MANIFEST}, {INDEX}")[1]
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise

    def blob(self, repo, wanted):
        return self.ask("GET", f"/v2/{repo}/blobs/{wanted}")[1]

    def put_blob(self, repo, data):
        place = self.ask("POST", f"/v2/{repo}/blobs/uploads/", b"")[0]["Location"]
        mark = "&" if "?" in place else "?"
        self.ask("PUT", f"{place}{mark}digest={digest(data)}", data, Content_Type="application/octet-stream")
        return {"digest": digest(data), "size": len(data)}

    def put_manifest(self, repo, manifest, tag=None):
        """Puts a manifest under its digest, or a tag; whether the registry lists it for its subject by itself."""
        data = manifest if isinstance(manifest, bytes) else json.dumps(manifest).encode()
        kind = json.loads(data).get("mediaType", MANIFEST)
        headers, _ = self.ask("PUT", f"/v2/{repo}/manifests/{tag or digest(data)}", data, Content_Type=kind)
        return headers.get("OCI-Subject") is not None

    def referrers(self, repo, subject):
        """The manifests that are attached, from the API or from the tag."""
        try:
            index = self.ask("GET", f"/v2/{repo}/referrers/{subject}")[1]
        except urllib.error.HTTPError:
            index = self.manifest(repo, subject.replace(":", "-")) or b'{"manifests":[]}'
        return [json.loads(self.manifest(repo, one["digest"])) for one in json.loads(index)["manifests"]]

    def attach(self, repo, subject, manifests):
        """Attaches manifests to the artifact that has these bytes."""
        entries, is_listed = [], True
        for manifest in manifests:
            data = json.dumps({**manifest, "subject": descriptor(MANIFEST, subject)}).encode()
            is_listed = self.put_manifest(repo, data) and is_listed
            entries.append(descriptor(MANIFEST, data, artifactType=manifest.get("artifactType", "")))
        if not is_listed:
            index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}
            self.put_manifest(repo, index, digest(subject).replace(":", "-"))

    def replant(self, repo, tag, to, change=lambda text: text, artifact=None):
        """Puts an artifact into another repository under the same tag, with what is attached to it in both of cosign's
        forms: each signature and each bundle goes through `change`. With `artifact`, the bytes of a manifest that is there, they
        are attached to that one instead."""
        own = self.manifest(repo, tag)
        planted = artifact or own
        if not artifact:
            for layer in [json.loads(own)["config"], *json.loads(own)["layers"]]:
                self.put_blob(to, self.blob(repo, layer["digest"]))
            self.put_manifest(to, own, tag)
        attached = [self.moved(repo, one, to, change) for one in self.referrers(repo, digest(own))]
        if attached:
            self.attach(to, planted, attached)
        for end in [".sig", ".att"]:
            older = self.manifest(repo, digest(own).replace(":", "-") + end)
            if older:
                self.put_manifest(to, self.moved(repo, json.loads(older), to, change), digest(planted).replace(":", "-") + end)

    def moved(self, repo, manifest, to, change):
        """A manifest of which all blobs are in another repository too, changed on the way."""
        manifest["config"] |= self.put_blob(to, self.blob(repo, manifest["config"]["digest"]))
        for layer in manifest["layers"]:
            data, notes = self.blob(repo, layer["digest"]), layer.get("annotations", {})
            if SIGNATURE in notes and layer["mediaType"].startswith("application/vnd.dev.cosign.simplesigning"):
                notes[SIGNATURE] = change(notes[SIGNATURE])
            elif layer["mediaType"].startswith(("application/vnd.dev.sigstore.bundle", "application/vnd.dsse.envelope")):
                document = json.loads(data)
                signature = document.get("dsseEnvelope", document)["signatures"][0]
                signature["sig"] = change(signature["sig"])
                data = json.dumps(document).encode()
            layer |= self.put_blob(to, data)
        return manifest


SIGNATURE = "dev.cosignproject.cosign/signature"
