//! The generated messages: every package of the contract is part of the crate.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use prost::{Message, Name};
use sealwire::operator::v1::operator_tool_service_client::OperatorToolServiceClient;
use sealwire::operator::v1::{ListAllJobsRequest, ListAllJobsResponse, OperatorJob, RetireKeyRequest};
use sealwire::v1::JobState;

fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// The packages that a folder of the contract holds: each folder with a `.proto` file is one.
fn packages(folder: &Path, name: &str, found: &mut BTreeSet<String>) {
    for each in files(folder) {
        let path = folder.join(&each);
        if path.is_dir() {
            packages(&path, &format!("{name}.{each}"), found);
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            found.insert(name.to_owned());
        }
    }
}

#[test]
fn every_package_of_the_contract_is_generated_and_included() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let contract = root.join("../../proto/sealwire");
    if !contract.exists() {
        eprintln!("skipped: there is no contract beside the package");
        return;
    }
    let mut expected = BTreeSet::new();
    packages(&contract, "sealwire", &mut expected);
    assert!(expected.contains("sealwire.operator.v1"), "{expected:?}");
    let generated: BTreeSet<_> =
        files(&root.join("src/gen")).iter().map(|name| name.trim_end_matches(".rs").to_owned()).collect();
    assert_eq!(generated, expected);
    let library = fs::read_to_string(root.join("src/lib.rs")).unwrap();
    for package in expected {
        assert!(library.contains(&format!("include!(\"gen/{package}.rs\")")), "{package} is not in lib.rs");
    }
}

#[test]
fn messages_of_operators_have_the_names_and_bytes_of_the_contract() {
    assert_eq!(ListAllJobsRequest::type_url(), "type.googleapis.com/sealwire.operator.v1.ListAllJobsRequest");
    assert_eq!(RetireKeyRequest::full_name(), "sealwire.operator.v1.RetireKeyRequest");
    let request = ListAllJobsRequest { states: vec![JobState::Failed.into()], page_size: 2, ..Default::default() };
    assert_eq!(ListAllJobsRequest::decode(request.encode_to_vec().as_slice()), Ok(request));
    let job = OperatorJob { client_id: "shop".into(), ..Default::default() };
    let response = ListAllJobsResponse { jobs: vec![job], ..Default::default() };
    assert_eq!(ListAllJobsResponse::decode(response.encode_to_vec().as_slice()).unwrap().jobs[0].client_id, "shop");
}

#[test]
fn the_tools_of_operators_have_a_stub_for_a_channel() {
    let _ = OperatorToolServiceClient::<sealwire::Channel>::new;
}
