//! Generates messages and service with protox, a compiler in Rust. No protoc is needed.
use std::{env, error::Error, fs, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    // SEALWIRE is the folder of the npm package. In a checkout of Sealwire the contract is two folders up.
    println!("cargo::rerun-if-env-changed=SEALWIRE");
    let root = PathBuf::from(env::var("SEALWIRE").unwrap_or_else(|_| "../..".into()));
    let folders = [PathBuf::from("../upstream-contract"), root.join("proto"), root.join("dist/proto")];
    for folder in &folders {
        println!("cargo::rerun-if-changed={}", folder.display());
    }
    let mut compiler = protox::Compiler::new(&folders)?;
    compiler.include_imports(true).include_source_info(true);
    compiler.open_file("archive/v1/archive_tool_service.proto")?;
    // The descriptors, for reflection.
    let descriptors = PathBuf::from(env::var("OUT_DIR")?).join("archive.bin");
    fs::write(descriptors, compiler.encode_file_descriptor_set())?;
    tonic_prost_build::configure()
        .build_client(false)
        .include_file("contract.rs")
        .compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}
