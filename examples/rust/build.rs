//! Generates the contract's messages with protox, a compiler in Rust. No protoc is needed.
use std::{env, error::Error, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    // SEALWIRE is the folder of the npm package. In a checkout of Sealwire the contract is two folders up.
    println!("cargo::rerun-if-env-changed=SEALWIRE");
    let root = PathBuf::from(env::var("SEALWIRE").unwrap_or_else(|_| "../..".into()));
    let folders = [root.join("proto"), root.join("dist/proto")];
    for folder in &folders {
        println!("cargo::rerun-if-changed={}", folder.display());
    }
    let files = [
        "sealwire/demo/v1/demo_tool_service.proto",
        "sealwire/system/v1/system_tool_service.proto",
        "sealwire/v1/tool_service.proto",
    ];
    prost_build::Config::new()
        .enable_type_names()
        .type_name_domain(["."], "type.googleapis.com")
        .include_file("contract.rs")
        .compile_fds(protox::compile(files, &folders)?)?;
    Ok(())
}
