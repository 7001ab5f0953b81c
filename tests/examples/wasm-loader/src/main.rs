//! Loads components, and only those that the mode lets in: `wasm-loader strict|lenient|off KEYS COMPONENT…`.
//!
//! The check comes before the parse by type: [`compile`] takes what a gate let in, and nothing else makes one.

use std::error::Error;
use std::num::NonZeroUsize;
use std::process::ExitCode;

use pinfold_core::pins::Mode;
use pinfold_wasm::{Admitted, Gate, Policy, RememberingGate, Standing, TrustedKeys};
use pinfold_wasm::wasmfile::Kind;
use wasmtime::component::Component;
use wasmtime::{Config, Engine};

/// The only way to a component in this program. It cannot be handed bytes that no gate has seen.
fn compile(engine: &Engine, admitted: &Admitted<'_>) -> wasmtime::Result<Component> {
    Component::from_binary(engine, admitted.bytes())
}

fn run() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let usage = "usage: wasm-loader strict|lenient|off KEYS COMPONENT…";
    let mode: Mode = arguments.next().ok_or(usage)?.parse()?;
    let keys = std::fs::read(arguments.next().ok_or(usage)?)?;
    let policy = Policy { kind: Some(Kind::Component), ..Policy::whole(TrustedKeys::read(&keys)?) };
    // One gate for the life of the process: verdicts are its own, by the digest of the bytes that are about to be loaded.
    let gate = RememberingGate::new(Gate::new(mode, policy), NonZeroUsize::new(1024).ok_or("no room")?);
    let engine = Engine::new(&Config::new())?;
    for path in arguments {
        // Read once: what is checked is what is loaded, whatever becomes of the file.
        let bytes = std::fs::read(&path)?;
        let admitted = gate.admit(bytes, None).map_err(|refusal| format!("{path}: {refusal}"))?;
        match admitted.standing() {
            Standing::Proved(proof) => println!("{path}: signed by {}", proof.signers()[0].key),
            Standing::Unsigned => println!("{path}: warning: not signed"),
            Standing::Unchecked => println!("{path}: not checked"),
        }
        compile(&engine, &admitted).map_err(|error| format!("{path}: {error}"))?;
    }
    Ok(())
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
