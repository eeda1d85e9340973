//! Calls of tools whose definition is pinned.

use prost::Message;
use prost_types::FileDescriptorSet;
use sealwire::demo::v1::demo_tool_service_client::DemoToolServiceClient;
use sealwire::demo::v1::{BatchSumRequest, BatchSumResponse};
use sealwire::system::v1::ListToolsResponse;
use sealwire::v1::ErrorReason;
use sealwire::{CallOptions, Channel, Client, Credentials, definition_digest, error_of, reason_of};
use tonic::{Code, Status};

use crate::SUM;
use crate::peer::{Peer, Reply, contract, error, ok};

/// The list of the peer after a change, stating a digest of `batch_sum`.
fn listed(stated: &str, change: impl FnOnce(&mut FileDescriptorSet)) -> ListToolsResponse {
    let mut list = contract();
    let mut set = FileDescriptorSet::decode(&*list.descriptor_set).unwrap();
    change(&mut set);
    list.descriptor_set = set.encode_to_vec();
    list.tools[0].definition_digest = stated.into();
    list
}

/// Gives the tool another request.
fn changed(set: &mut FileDescriptorSet) {
    set.file[0].service[0].method[0].input_type = Some(".sealwire.demo.v1.ClimbResponse".into());
}

fn digest(list: &ListToolsResponse) -> String {
    definition_digest(&list.tools[0], &list.descriptor_set).unwrap()
}

fn pinned(credentials: Credentials, digest: &str) -> Channel {
    Channel::builder().credentials(credentials).pins([("batch_sum", digest)]).build().unwrap()
}

async fn sum(channel: Channel) -> Result<BatchSumResponse, Status> {
    let request = BatchSumRequest { numbers: vec![1.0, 2.0, 3.5] };
    DemoToolServiceClient::new(channel).batch_sum(request).await.map(tonic::Response::into_inner)
}

#[tokio::test]
async fn the_accepted_definition_is_sent_to_a_server_that_states_one() {
    let accepted = digest(&contract());
    for stated in [&*accepted, ""] {
        let (peer, credentials) = Peer::start(|_, _| Reply::Answers(vec![ok(&SUM)])).await;
        peer.list(listed(stated, |_| ()));
        assert_eq!(sum(pinned(credentials, &accepted)).await.unwrap(), SUM);
        assert_eq!(peer.received()[0].envelope.definition_digest, stated);
    }
}

#[tokio::test]
async fn a_tool_that_has_changed_is_not_called_whatever_the_server_states() {
    let (accepted, other) = (digest(&contract()), digest(&listed("", changed)));
    assert_ne!(accepted, other);
    for stated in ["", &accepted, &other] {
        let (peer, credentials) = Peer::start(|_, _| Reply::Answers(vec![ok(&SUM)])).await;
        peer.list(listed(stated, changed));
        let status = sum(pinned(credentials, &accepted)).await.unwrap_err();
        assert_eq!(status.code(), Code::FailedPrecondition);
        assert_eq!(error_of(&status).unwrap().reason(), ErrorReason::ToolChanged);
        assert!(peer.received().is_empty());
    }
}

#[tokio::test]
async fn a_list_that_states_another_digest_than_its_contract_is_not_used() {
    let (accepted, other) = (digest(&contract()), digest(&listed("", changed)));
    let (peer, credentials) = Peer::start(|_, _| Reply::Answers(vec![ok(&SUM)])).await;
    peer.list(listed(&other, |_| ()));
    let status = sum(pinned(credentials, &accepted)).await.unwrap_err();
    assert_eq!(reason_of(&status).as_deref(), Some("RESPONSE_INVALID"));
    assert!(peer.received().is_empty());
}

#[tokio::test]
async fn a_call_may_name_the_accepted_definition_itself() {
    let (accepted, other) = (digest(&contract()), digest(&listed("", changed)));
    let (peer, credentials) = Peer::start(|_, _| Reply::Answers(vec![ok(&SUM)])).await;
    peer.list(listed(&accepted, |_| ()));
    let client = Client::new(pinned(credentials, &other));
    let request = BatchSumRequest { numbers: vec![1.0, 2.0, 3.5] };
    for (digest, reason) in [(&*accepted, None), (&*other, Some("TOOL_CHANGED")), ("ABC", Some("ENVELOPE_INVALID"))] {
        let options = CallOptions::default().definition_digest(digest);
        let answer = client.call_with::<_, BatchSumResponse>("batch_sum", &request, options).await;
        assert_eq!(answer.err().as_ref().and_then(reason_of).as_deref(), reason);
    }
    let digests: Vec<_> = peer.received().into_iter().map(|each| each.envelope.definition_digest).collect();
    assert_eq!(digests, [accepted]);
}

#[tokio::test]
async fn other_tools_are_not_checked() {
    let accepted = digest(&contract());
    let (peer, credentials) = Peer::start(|_, _| Reply::Answers(vec![ok(&SUM)])).await;
    peer.list(listed(&accepted, |_| ()));
    let channel = Channel::builder().credentials(credentials).pins([("climb", "0".repeat(64))]).build().unwrap();
    assert_eq!(sum(channel).await.unwrap(), SUM);
    assert_eq!(peer.received()[0].envelope.definition_digest, "");
}

#[tokio::test]
async fn a_refused_definition_is_not_tried_again_and_a_server_of_0_1_is_named() {
    let accepted = digest(&contract());
    for (reason, is_named) in [(ErrorReason::ToolChanged, false), (ErrorReason::EnvelopeInvalid, true)] {
        let refusal = move || Reply::Refusal(error(reason, Code::FailedPrecondition));
        let (peer, credentials) = Peer::start(move |_, _| refusal()).await;
        peer.list(listed(&accepted, |_| ()));
        let status = sum(pinned(credentials, &accepted)).await.unwrap_err();
        assert_eq!(status.code(), Code::FailedPrecondition);
        let told = error_of(&status).unwrap();
        assert_eq!(told.reason(), reason);
        assert_eq!(told.message.contains("servers of 0.1"), is_named);
        assert_eq!(peer.received().len(), 1);
    }
}

#[tokio::test]
async fn a_pin_that_is_no_digest_is_named() {
    let (_, credentials) = Peer::start(|_, _| Reply::Silence).await;
    for digest in ["", "ab", &"A".repeat(64), &format!("{}\n", "a".repeat(64))] {
        let built = Channel::builder().credentials(credentials.clone()).pins([("batch_sum", digest)]).build();
        assert!(built.unwrap_err().to_string().contains("\"batch_sum\""));
    }
}

#[test]
fn descriptors_that_cannot_be_used_have_no_digest() {
    let twice = |name: Option<&str>| {
        listed("", |set| {
            let mut again = set.file[0].clone();
            again.name = name.map(Into::into);
            set.file.push(again);
        })
    };
    let (tool, same, other) = (contract().tools.remove(0), twice(None), twice(Some("other.proto")));
    let broken: [&[u8]; 7] =
        [b"", b"\x0a", b"\x0a\x05a", b"\x0b", &[0xff; 11], &same.descriptor_set, &other.descriptor_set];
    for each in broken {
        assert!(definition_digest(&tool, each).is_err());
    }
}
