// Bundles tests/demo/src with the rollup and the terser that pins.toml pins, into target/demo/app.js.
"use strict";

const { mkdirSync, writeFileSync } = require("node:fs");
const { join } = require("node:path");

const top = join(__dirname, "..", "..");
const vendored = (name) => require(join(top, "tools", "node_modules", name));
const { rollup } = vendored("rollup");
const { minify } = vendored("terser");

async function build() {
    const bundle = await rollup({ input: join(__dirname, "src", "main.js"), onwarn: fail });
    const { output } = await bundle.generate({ format: "iife" });
    const { code } = await minify(output[0].code, { ecma: 2020, toplevel: true });
    mkdirSync(join(top, "target", "demo"), { recursive: true });
    writeFileSync(join(top, "target", "demo", "app.js"), `${code}\n`);
}

function fail(warning) {
    throw new Error(warning.message);
}

build().catch((error) => {
    console.error(error);
    process.exitCode = 1;
});
