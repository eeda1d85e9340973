//! Checks the client of `examples/rust`; test/interop/README.md tells what each command does.

mod canonical;
mod echo;
mod random;
mod vectors;

use std::{env, error::Error, process::ExitCode};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let args: Vec<String> = env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["vectors", folder] => Ok(vectors::check(folder, &vectors::OURS)?),
        ["vectors", folder, "--wrong-signer"] => Ok(vectors::check(folder, &vectors::WRONG_SIGNER)?),
        ["vectors", folder, "--wrong-verifier"] => Ok(vectors::check(folder, &vectors::WRONG_VERIFIER)?),
        ["echo", credentials, count, seed] => echo::check(credentials, count.parse()?, seed.parse()?).await,
        _ => Err("usage: vectors FOLDER [--wrong-signer | --wrong-verifier] | echo CREDENTIALS COUNT SEED".into()),
    }
}
