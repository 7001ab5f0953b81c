//! The pins of this repository: what they install works.
//!
//! No test asks the internet, so the artifacts come from a store that has them: `make fetch` fills the user's own one,
//! and `PINFOLD_TEST_STORE` names another. Without them, or without node, the test is ignored.

use std::path::{Path, PathBuf};
use std::process::Command;

use pinfold_core::pins::PinFile;
use pinfold_core::store::Store;

use crate::harness::ignore;
use crate::support::Project;

#[test]
fn bundle_and_minify() {
    let pins = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("pins.toml")).expect("pins.toml");
    let project = prepare(&pins);
    let run = |args: &[&str]| {
        let output = project.command().args(args).output().expect("the command");
        let said = String::from_utf8([output.stdout, output.stderr].concat()).expect("UTF-8");
        assert_eq!(output.status.code(), Some(0), "{said}");
        said
    };
    run(&["fetch", "--offline"]);
    run(&["verify"]);

    project.write("main.js", "import { twice, unused } from './twice.js';\nglobalThis.answer = twice(21);\n");
    project.write("twice.js", "export const twice = (number) => number * 2;\nexport const unused = 'shaken off';\n");
    project.write("try.mjs", TRY);
    let node = Command::new("node").arg("try.mjs").current_dir(project.root()).output().expect("node");
    let (said, errors) = (String::from_utf8_lossy(&node.stdout), String::from_utf8_lossy(&node.stderr));
    assert!(node.status.success(), "{said}{errors}");
    let said: Vec<&str> = said.lines().collect();
    assert_eq!(
        said,
        [
            "rollup: unused code is gone: true",
            "terser as a module: 42, shorter: true",
            "terser as a module: source maps are not available: terser was vendored without @jridgewell/source-map",
            "terser by require: 42, shorter: true",
            "terser by require: source maps fail: true",
            "terser by define: [\"exports\",null] 42, shorter: true",
            "acorn: Program",
        ]
    );
}

/// A project with these pins and their artifacts in its store.
fn prepare(pins: &str) -> Project {
    crate::needs::program("node");
    let store = Store::new(store_folder().unwrap_or_else(|| ignore("needs PINFOLD_TEST_STORE or HOME")));
    let project = Project::new(pins);
    let own = Store::new(project.store_folder());
    for pin in PinFile::parse(pins).expect("pins.toml").pins() {
        for artifact in pin.artifacts() {
            let (from, to) = (store.path_of(&artifact.integrity), own.path_of(&artifact.integrity));
            std::fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
            if !from.exists() {
                ignore(format!("needs `{}` in the store, where `make fetch` puts it", artifact.source));
            }
            std::fs::copy(&from, to).expect("a copy");
        }
    }
    project
}

/// Where the artifacts may be, found as the command finds it.
fn store_folder() -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = || variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(".cache")));
    variable("PINFOLD_TEST_STORE").or_else(|| variable("PINFOLD_CACHE")).or_else(|| Some(cache()?.join("pinfold")))
}

/// Bundles main.js, minifies the bundle in each way in which terser can be loaded, and runs what comes out.
const TRY: &str = r#"
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import vm from "node:vm";
import { parse } from "./tools/node_modules/acorn/dist/acorn.mjs";
import { rollup } from "./tools/node_modules/rollup/dist/es/rollup.js";
import * as terser from "./tools/node_modules/terser/main.js";

const bundle = await rollup({ input: "main.js" });
const { code } = (await bundle.generate({ format: "iife" })).output[0];
console.log("rollup: unused code is gone:", code.includes("twice") && !code.includes("shaken off"));

async function minified({ minify }) {
    const small = (await minify(code, { toplevel: true })).code;
    const context = {};
    vm.runInNewContext(small, context);
    return `${context.answer}, shorter: ${small.length < code.length}`;
}
const withMap = async ({ minify }) => {
    try {
        await minify(code, { sourceMap: true });
    } catch (error) {
        return error.message;
    }
};

console.log("terser as a module:", await minified(terser));
console.log("terser as a module:", await withMap(terser));

const path = "./tools/node_modules/terser/dist/bundle.min.js";
const required = createRequire(import.meta.url)(path);
console.log("terser by require:", await minified(required));
console.log("terser by require: source maps fail:", await withMap(required) !== undefined);

const defined = {};
const define = (names, factory) => {
    defined.names = names;
    factory(defined, ...names.slice(1));
};
define.amd = true;
vm.runInThisContext(`(define) => { var exports, module; ${readFileSync(path, "utf8")} }`)(define);
console.log("terser by define:", JSON.stringify(defined.names), await minified(defined));

console.log("acorn:", parse(code, { ecmaVersion: 2022 }).type);
"#;
