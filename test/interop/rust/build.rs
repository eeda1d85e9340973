//! Generates the messages of the `echo` tool.
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=../proto");
    let fds = protox::compile(["interop/v1/echo.proto"], ["../proto"])?;
    // Sorted maps are always written in the same order.
    prost_build::Config::new()
        .enable_type_names()
        .type_name_domain(["."], "type.googleapis.com")
        .btree_map(["."])
        .compile_fds(fds)?;
    Ok(())
}
