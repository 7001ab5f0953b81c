"""What pinfold pushes and copies, before cosign, oras, crane and skopeo."""

import json
import os

import oci
from registries import digest

BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
SIGN = "https://sigstore.dev/cosign/sign/v1"
FILES = {"tool": "pushed by pinfold\n", "README": "read me\n"}


def pushed(lab, registry):
    for kind in ["p256", "ed25519"]:
        for layout, files in [("files", list(FILES)), ("component", ["tool.wasm"])]:
            Pushed(lab, registry, kind, layout, files).check()
    beside_others(lab, registry)
    with_provenance(lab, registry)


class Pushed:
    """An artifact that pinfold pushed with a key, and the same with other signatures beside it."""

    def __init__(self, lab, registry, kind, layout, files):
        self.lab, self.registry, self.kind, self.layout, self.files = lab, registry, kind, layout, files
        self.what = f"{registry.name}: pushed {layout}, {kind}"
        self.repo = f"pushed/{layout}-{kind}"
        self.place = f"{registry.host}/{self.repo}:v1"
        self.key = f"own-{kind}.pem"

    def make(self):
        lab, registry = self.lab, self.registry
        for name, data in FILES.items():
            lab.write(name, data)
        with open(lab.path("tool.wasm"), "wb") as file:
            file.write(oci.COMPONENT)
        for name in [self.key, f"other-{self.key}"]:
            if not os.path.exists(lab.path(name)):
                lab.must(lab.pinfold, "keygen", "--type", self.kind, "--no-passphrase", "--out", name)
        # Twice: what is there is not signed again.
        for _ in range(2):
            lab.must(lab.pinfold, "oci", "push", *self.files, self.place, "--key", self.key)
        registry.replant(self.repo, "v1", f"{self.repo}-spoiled", oci.spoil)
        lab.must(lab.pinfold, "oci", "push", "README", f"{registry.host}/{self.repo}-other:v1", "--allow-unsigned")
        registry.replant(self.repo, "v1", f"{self.repo}-other", artifact=registry.manifest(f"{self.repo}-other", "v1"))
        return oci.digest_of(registry, self.repo, "v1")

    def case(self, tool, what, wanted, call):
        def made():
            self.digest = oci.once(self.lab, f"{self.registry.name} {self.repo}", self.make)
            return call()

        self.lab.check(tool, f"{self.what}: {what}", wanted, made)

    def check(self):
        self.by_cosign("cosign", "cosign 3", oci.cosign_verifies)
        # cosign 2 finds no bundle as a signature; as an attestation of the type of signatures it does.
        unseen = lambda: oci.cosign_verifies(self.lab, "cosign2", self.place, f"{self.key}.pub")
        self.case("cosign 2", "seen as a signature", False, unseen)
        self.by_cosign("cosign2", "cosign 2", as_attestation)
        self.by_oras()
        self.by_crane()
        self.by_skopeo()

    def by_cosign(self, tool, name, verify):
        check = lambda what, wanted, place, public: self.case(name, what, wanted, lambda: verify(self.lab, tool, place, public))
        check("good", True, self.place, f"{self.key}.pub")
        check("another key", False, self.place, f"other-{self.key}.pub")
        check("signature changed", False, f"{self.registry.host}/{self.repo}-spoiled:v1", f"{self.key}.pub")
        check("of another artifact", False, f"{self.registry.host}/{self.repo}-other:v1", f"{self.key}.pub")

    def same(self, folder):
        """Whether a folder has the files that were pushed."""
        for name in self.files:
            with open(self.lab.path(folder, name), "rb") as got, open(self.lab.path(name), "rb") as own:
                if got.read() != own.read():
                    return False, f"{name} is another"
        return True, ""

    def by_oras(self):
        lab, oras = self.lab, lambda *args: self.lab.must(self.lab.debian("oras"), *args)

        def pull():
            folder = f"oras-{self.repo}-{self.registry.host}".replace("/", "-").replace(":", "-")
            oras("pull", "--plain-http", "-o", folder, self.place)
            return self.same(folder)

        def discover(place, count):
            code, said = lab.run(lab.debian("oras"), "discover", "--plain-http", "--format", "json", place)
            found = json.loads(said)["referrers"] if code == 0 else None
            return found is not None and [one["artifactType"] for one in found] == [BUNDLE] * count, said

        self.case("oras", "pulled", True, pull)
        self.case("oras", "discovers one signature", True, lambda: discover(self.place, 1))

    def by_crane(self):
        lab, crane = self.lab, lambda *args: self.lab.must(self.lab.debian("crane"), *args)

        def same_digest():
            said = crane("digest", "--insecure", self.place).strip()
            return said == self.digest, said

        def pull():
            folder = f"crane-{self.repo}-{self.registry.host}".replace("/", "-").replace(":", "-")
            crane("pull", "--insecure", "--format", "oci", self.place, folder)
            return same_manifest(lab, folder, self.digest)

        def manifest():
            said = json.loads(crane("manifest", "--insecure", self.place))
            configs = {"files": "application/vnd.oci.empty.v1+json", "component": "application/vnd.wasm.config.v0+json"}
            return said["config"]["mediaType"] == configs[self.layout], str(said)

        self.case("crane", "the same digest", True, same_digest)
        self.case("crane", "the manifest", True, manifest)
        self.case("crane", "pulled into a layout", True, pull)

    def by_skopeo(self):
        lab = self.lab

        def inspect():
            said = lab.must(lab.debian("skopeo"), "inspect", "--raw", "--tls-verify=false", f"docker://{self.place}")
            return said.encode() == self.registry.manifest(self.repo, "v1"), said

        def copy():
            folder = f"skopeo-{self.repo}-{self.registry.host}".replace("/", "-").replace(":", "-")
            how = ["--insecure-policy", "copy", "--src-tls-verify=false"]
            lab.must(lab.debian("skopeo"), *how, f"docker://{self.place}", f"oci:{folder}:v1")
            return same_manifest(lab, folder, self.digest)

        self.case("skopeo", "inspected", True, inspect)
        self.case("skopeo", "copied into a layout", True, copy)


def same_manifest(lab, folder, wanted):
    with open(lab.path(folder, "index.json"), encoding="utf-8") as file:
        digests = [one["digest"] for one in json.load(file)["manifests"]]
    return wanted in digests, str(digests)


def as_attestation(lab, tool, place, public):
    """Without a root cosign 2 asks the network for one, though a key needs none."""
    oci_root = lab.path("no_root.json")
    with open(oci_root, "w", encoding="utf-8") as file:
        json.dump({"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1"}, file)
    how = ["--new-bundle-format", "--trusted-root", oci_root, "--type", SIGN]
    options = ["--key", public, "--insecure-ignore-tlog", "--allow-http-registry", *how]
    return oci.accepted(lab, lab.debian(tool), "verify-attestation", *options, place)


def beside_others(lab, registry):
    """pinfold and cosign sign the same artifact, one after the other, both ways round: neither hides the other."""
    for first in ["pinfold", "cosign"]:
        repo = f"beside/{first}"
        place = f"{registry.host}/{repo}:v1"

        def make():
            name = oci.key(lab, "p256")
            lab.write("tool", f"signed first by {first}")
            push = lambda *who: lab.must(lab.pinfold, "oci", "push", "tool", place, *who)
            if first == "cosign":
                push("--allow-unsigned")
            else:
                push("--key", "own-p256.pem")
            reference = f"{registry.host}/{repo}@{oci.digest_of(registry, repo, 'v1')}"
            sign = ["sign", "--key", f"{name}.key", *oci.COSIGN_3, reference]
            lab.must(lab.debian("cosign"), *sign, env=oci.SECRET)
            if first == "cosign":
                push("--key", "own-p256.pem")
            return True

        made = lambda: oci.once(lab, f"{registry.name} {repo}", make)
        for public in ["own-p256.pem.pub", "p256.pem.pub"]:
            what = f"{registry.name}: signed by {first} and then the other, {public}"
            lab.check("cosign 3", what, True, lambda: (made(), oci.cosign_verifies(lab, "cosign", place, public))[1])
            lab.check("pinfold", what, True, lambda: (made(), oci.says(lab, "ok", "oci", "verify", place, "--key", public))[1])


def with_provenance(lab, registry):
    """A claim about the artifact that pinfold signs and pushes with it, and one about a file in it, which says nothing of the
    artifact as a whole."""
    repo = "pushed/provenance"
    place = f"{registry.host}/{repo}"

    def claim(name, about):
        statement = {
            "_type": "https://in-toto.io/Statement/v1", "subject": [{"name": "tool", "digest": {"sha256": about.split(":")[1]}}],
            "predicateType": oci.PROVENANCE, "predicate": oci.provenance(),
        }
        lab.write(f"{name}.json", json.dumps(statement))
        out = ["--out", f"{name}.sigstore.json"]
        lab.must(lab.pinfold, "sign", f"{name}.json", "--in-toto", "--key", "own-p256.pem", *out)
        return ["--attestation", f"{name}.sigstore.json"]

    def make():
        lab.write("tool", "with provenance")
        for tag in ["manifest", "file"]:
            push = [lab.pinfold, "oci", "push", "tool", f"{place}-{tag}:v1", "--key", "own-p256.pem"]
            lab.must(*push)
            manifest = registry.manifest(f"{repo}-{tag}", "v1")
            about = digest(manifest) if tag == "manifest" else json.loads(manifest)["layers"][0]["digest"]
            lab.must(*push, *claim(f"claim-{tag}", about))
        registry.replant(f"{repo}-manifest", "v1", f"{repo}-spoiled", oci.spoil)
        return True

    def case(tool, what, wanted, call):
        made = lambda: (oci.once(lab, f"{registry.name} {repo}", make), call())[1]
        lab.check(tool, f"{registry.name}: pushed with provenance: {what}", wanted, made)

    def by_cosign(tag, public="own-p256.pem.pub", kind="slsaprovenance1"):
        options = ["--key", public, "--insecure-ignore-tlog", "--allow-http-registry", "--type", kind]
        return oci.accepted(lab, lab.debian("cosign"), "verify-attestation", *options, f"{place}-{tag}:v1")

    def by_pinfold(tag, public="own-p256.pem.pub"):
        return oci.says(lab, "ok", "oci", "verify", f"{place}-{tag}:v1", "--key", public, "--predicate-type", oci.PROVENANCE)

    for tool, verify in [("cosign 3", by_cosign), ("pinfold", by_pinfold)]:
        case(tool, "about the manifest", True, lambda: verify("manifest"))
        case(tool, "about the file", False, lambda: verify("file"))
        case(tool, "another key", False, lambda: verify("manifest", "other-own-p256.pem.pub"))
        case(tool, "signature changed", False, lambda: verify("spoiled"))
    case("cosign 3", "another kind", False, lambda: by_cosign("manifest", kind="spdx"))
    case("cosign 3", "and signed", True, lambda: oci.cosign_verifies(lab, "cosign", f"{place}-manifest:v1", "own-p256.pem.pub"))


def copied(lab, first, second):
    """From one registry to another, and through a folder; what is attached goes too."""
    for way, _, _ in oci.WAYS:
        repo = f"signed/{way.replace(',', '').replace(' ', '-')}-p256"
        moved(lab, first, second, repo, way, "p256.pem.pub", "cosign2" if "older" in way else "cosign")
    moved(lab, first, second, "pushed/files-p256", "pinfold", "own-p256.pem.pub", "cosign")
    layouts(lab, first, second)


def moved(lab, first, second, repo, who, public, tool):
    start, far = f"{first.host}/{repo}:v1", f"{second.host}/copied/{repo}"
    folder = "copied-" + repo.replace("/", "-")
    other = "other-own-p256.pem.pub"

    def copy(start, end, key, expected=True):
        code, said = lab.run(lab.pinfold, "oci", "copy", start, end, "--key", key)
        return code == (0 if expected else 1), said

    check = lambda tool, what, wanted, call: lab.check(tool, f"copied, signed by {who}: {what}", wanted, call)
    verifies = lambda place, key: oci.cosign_verifies(lab, tool, place, key)
    check("pinfold", "refused with another key", True, lambda: copy(start, f"{far}-refused:v1", other, False))
    check("crane", "and then nothing is there", False, lambda: oci.accepted(lab, lab.debian("crane"), "digest", "--insecure", f"{far}-refused:v1"))
    check("pinfold", f"{first.name} to {second.name}", True, lambda: copy(start, f"{far}:v1", public))
    check(tool, "verified there", True, lambda: verifies(f"{far}:v1", public))
    check(tool, "verified there with another key", False, lambda: verifies(f"{far}:v1", other))
    check("pinfold", "into a folder", True, lambda: copy(start, f"oci-layout:{folder}", public))
    check("pinfold", "out of the folder", True, lambda: copy(f"oci-layout:{folder}:v1", f"{far}-air:v1", public))
    check(tool, "verified behind the folder", True, lambda: verifies(f"{far}-air:v1", public))
    back = f"{first.host}/copied/{repo}:v1"
    check("pinfold", f"back to {first.name}", True, lambda: copy(f"{far}-air:v1", back, public))
    check(tool, "verified back there", True, lambda: verifies(back, public))
    check(tool, "verified back there with another key", False, lambda: verifies(back, other))


def layouts(lab, first, second):
    """Folders: pinfold's before the others, and theirs before pinfold."""
    repo, public = "pushed/files-p256", "own-p256.pem.pub"
    start, own = f"{first.host}/{repo}:v1", "copied-pushed-files-p256"

    def skopeo_reads():
        said = lab.must(lab.debian("skopeo"), "inspect", "--raw", f"oci:{own}:v1")
        return said.encode() == first.manifest(repo, "v1"), said

    def oras_reads():
        lab.must(lab.debian("oras"), "pull", "--oci-layout", f"{own}:v1", "-o", "oras-layout")
        with open(lab.path("oras-layout", "tool"), encoding="utf-8") as file:
            return file.read() == FILES["tool"], ""

    def oras_discovers():
        said = lab.must(lab.debian("oras"), "discover", "--oci-layout", f"{own}:v1", "--format", "json")
        return [one["artifactType"] for one in json.loads(said)["referrers"]] == [BUNDLE], said

    def crane_reads():
        place = f"{second.host}/layouts/crane"
        lab.must(lab.debian("crane"), "push", "--insecure", "--index", own, f"{place}:v1")
        return second.manifest("layouts/crane", digest(first.manifest(repo, "v1"))) == first.manifest(repo, "v1"), ""

    lab.check("skopeo", "reads pinfold's folder", True, skopeo_reads)
    lab.check("oras", "reads pinfold's folder", True, oras_reads)
    lab.check("oras", "discovers the signature in pinfold's folder", True, oras_discovers)
    lab.check("crane", "pushes pinfold's folder", True, crane_reads)

    def theirs(tool, folder, make, expected, *how):
        end = f"{second.host}/layouts/{folder}:v1"
        if not os.path.exists(lab.path(folder)):
            lab.must(lab.debian(tool), *make)
        return oci.says(lab, expected, "oci", "copy", f"oci-layout:{folder}", end, *how)

    def there(folder):
        return second.manifest(f"layouts/{folder}", "v1") == first.manifest(repo, "v1"), ""

    skopeo = ["--insecure-policy", "copy", "--src-tls-verify=false", f"docker://{start}", "oci:skopeo-layout:v1"]
    crane = ["pull", "--insecure", "--format", "oci", start, "crane-layout"]
    for tool, make in [("skopeo", skopeo), ("crane", crane)]:
        folder = f"{tool}-layout"
        lab.check(tool, "its folder has no signature", True, lambda: theirs(tool, folder, make, "signature-missing", "--key", public))
        lab.check(tool, "its folder, unsigned", True, lambda: theirs(tool, folder, make, "ok", "--allow-unsigned"))
        lab.check(tool, "its folder is in the registry", True, lambda: there(folder))
    oras = ["copy", "-r", "--from-plain-http", start, "--to-oci-layout", "oras-copied:v1"]
    lab.check("oras", "its folder, another key", True, lambda: theirs("oras", "oras-copied", oras, "signature-untrusted", "--key", f"other-{public}"))
    lab.check("oras", "its folder, with the signature", True, lambda: theirs("oras", "oras-copied", oras, "ok", "--key", public))
    lab.check("cosign 3", "verifies what was in oras's folder", True, lambda: oci.cosign_verifies(lab, "cosign", f"{second.host}/layouts/oras-copied:v1", public))
