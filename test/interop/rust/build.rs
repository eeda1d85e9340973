//! Generates the stubs of `test/interop/proto`, as a user of the package generates stubs of a contract.
use std::{env, error::Error, fs, path::PathBuf};

use prost::Message;

fn main() -> Result<(), Box<dyn Error>> {
    // SEALWIRE_ROOT is the folder of the repository.
    println!("cargo::rerun-if-env-changed=SEALWIRE_ROOT");
    let root = PathBuf::from(env::var("SEALWIRE_ROOT").unwrap_or_else(|_| "../../..".into()));
    let folders = ["test/interop/proto", "proto", "dist/proto"].map(|folder| root.join(folder));
    for folder in &folders {
        println!("cargo::rerun-if-changed={}", folder.display());
    }
    let files = [
        "interop/v1/interop_tool_service.proto",
        "interop/v1/absent_tool_service.proto",
        "sealwire/demo/v1/demo_tool_service.proto",
        "sealwire/system/v1/system_tool_service.proto",
    ];
    let set = protox::compile(files, &folders)?;
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("descriptors.binpb"), set.encode_to_vec())?;

    let mut config = prost_build::Config::new();
    // The package has the code of sealwire.v1.
    config.extern_path(".sealwire.v1", "::sealwire::v1");
    // Sorted maps are always written in the same order.
    config.btree_map(["."]);
    tonic_prost_build::configure().build_server(false).build_transport(false).compile_fds_with_config(set, config)?;
    Ok(())
}
