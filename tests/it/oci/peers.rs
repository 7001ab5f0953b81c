//! What real clients made, where they do otherwise than one would think: word for word.

use super::registry::digest;
use super::{REPO, Scene, is};

/// cosign 2.5 with a key of P-384 that it imported: it signs with SHA-256, whatever the curve is.
#[test]
fn cosign_2_signs_with_sha256_on_p384() {
    let scene = Scene::new();
    let artifact = scene.registry.artifact(REPO, "v1", &[("tool", b"#!tool")]);
    assert!(P384_PAYLOAD.contains(&artifact), "the artifact of these tests is another: {artifact}");
    scene.project.write("keys/a.pem", P384_KEY);
    let sign = |payload: &str, signature: &str| {
        scene.registry.attach_older(REPO, &artifact, &[(payload.to_owned(), signature.to_owned())]);
    };
    sign(P384_PAYLOAD, P384_SIGNATURE);
    is(scene.verified(), 0, &[]);
    sign(P384_PAYLOAD, &P384_SIGNATURE.replacen('u', "v", 1));
    is(scene.verified(), 1, &["signature-untrusted"]);
    sign(&P384_PAYLOAD.replace(&artifact, &digest(b"something else")), P384_SIGNATURE);
    is(scene.verified(), 1, &["signature-untrusted"]);
}

const P384_KEY: &str = "-----BEGIN PUBLIC KEY-----
MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEOmWvE6RVcbMRy9xHbAMtgtQ68E6kM2WA
LJQtcLS1AggUkdqVOydqMBPCI2viR/fYEXh6aGvgi2RBNyZOyah0OI3RWkAzfCcm
mrXVyseWEoRBEKsv7fr5eO9ZSNgZho4O
-----END PUBLIC KEY-----
";

const P384_PAYLOAD: &str = "{\"critical\":{\"identity\":{\"docker-reference\":\"oci.example.com/team/tool\"},\
    \"image\":{\"docker-manifest-digest\":\"sha256:1fb2c0a653008877d64ef77397f5cb416db96d8c8c2d22562110006661057b6d\"},\
    \"type\":\"cosign container image signature\"},\"optional\":null}";

const P384_SIGNATURE: &str = "MGUCMQCu8aEvz00k7HxHz47IkTqQEqmNEFX+NGQuIBxpMICkx2ax+Jmj5dLmUmsUdG4rwkkCMHAiUO45zoUCay0f\
    Mkdd0z2N1Yt4nrTk7EWFqEiQbGDImU+0ThsOFxF/r2/i8MtXEQ==";
