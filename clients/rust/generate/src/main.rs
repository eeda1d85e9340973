//! Writes the generated code of the contract: `sealwire-generate OUT PROTO…`. See `../generate.sh`.
use std::{env, error::Error, path::PathBuf};

use prost_types::field_descriptor_proto::Type;
use prost_types::{FieldDescriptorProto, FileDescriptorSet};

const FILES: [&str; 5] = [
    "sealwire/demo/v1/demo_tool_service.proto",
    "sealwire/mcp/v1/call_tool.proto",
    "sealwire/operator/v1/operator_tool_service.proto",
    "sealwire/system/v1/system_tool_service.proto",
    "sealwire/v1/tool_service.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = env::args().skip(1).map(PathBuf::from);
    let out = args.next().ok_or("usage: sealwire-generate OUT PROTO…")?;
    let mut compiler = protox::Compiler::new(args)?;
    compiler.include_source_info(true).include_imports(true).open_files(FILES)?;
    let mut set = compiler.file_descriptor_set();
    leave_out_imports(&mut set);
    let mut config = prost_build::Config::new();
    config.enable_type_names().type_name_domain(["."], "type.googleapis.com");
    tonic_prost_build::configure()
        .build_server(false)
        .build_transport(false)
        .out_dir(out)
        .compile_fds_with_config(set, config)?;
    Ok(())
}

/// prost generates nothing for the rules of `buf.validate`, which the server applies. The only message of `google.rpc` is
/// the enum `Code`, which is `tonic::Code` in Rust: its fields are generated as the numbers that they are on the wire.
fn leave_out_imports(set: &mut FileDescriptorSet) {
    let is_left_out = |name: &str| name.starts_with("buf/") || name.starts_with("google/rpc/");
    set.file.retain(|file| !is_left_out(file.name()));
    for file in &mut set.file {
        file.dependency.retain(|name| !is_left_out(name));
        file.message_type.iter_mut().flat_map(|message| &mut message.field).for_each(number_of_code);
    }
}

fn number_of_code(field: &mut FieldDescriptorProto) {
    if field.type_name() == ".google.rpc.Code" {
        field.type_name = None;
        field.set_type(Type::Int32);
    }
}
