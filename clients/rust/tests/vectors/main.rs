//! Compares signer and verifier with the vectors of the repository, `test/vectors`. `SEALWIRE_VECTORS` names another folder.
//! A wrong signer and a wrong verifier, planted here, must be caught.

mod canonical;

use std::collections::HashMap;
use std::env;
use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;

use hmac::{KeyInit, Mac};
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage};
use prost_types::Any;
use sealwire::signing::{Expected, Frame, Key, is_signed, pae, sign_request, verify_response};
use sealwire::system::v1::ToolDescription;
use sealwire::v1::Envelope;
use sealwire::{definition_digest, read_key};
use serde_json::Value;
use sha2::{Digest, Sha256};

use canonical::canonical;

/// What is checked: what signs, and what verifies.
struct Subject {
    sign: fn(&Key, &str, &str, &[u8]) -> [u8; 32],
    verify: fn(&[u8], &Expected<'_>) -> bool,
}

const OURS: Subject =
    Subject { sign: sign_request, verify: |frame, expected| verify_response(frame.to_vec().into(), expected).is_ok() };

/// Signs an Envelope as the answer to nothing.
const WRONG_SIGNER: Subject = Subject {
    sign: |key, method, key_id, envelope| {
        let mut wrong = method.to_owned();
        wrong.push(' ');
        sign_request(key, &wrong, key_id, envelope)
    },
    ..OURS
};

/// Believes every signature.
const WRONG_VERIFIER: Subject = Subject {
    verify: |frame, expected| {
        let Ok(frame) = Frame::decode(frame) else { return false };
        let Ok(response) = sealwire::v1::Response::decode(frame.content) else { return false };
        response.request_id == expected.request_id && response.sequence == expected.sequence
    },
    ..OURS
};

#[test]
fn keys_agree() {
    let mut tally = Tally::default();
    check_keys(&read("keys.json"), &mut tally);
    tally.agrees();
}

#[test]
fn requests_agree() {
    let mut tally = Tally::default();
    check_requests(&read("requests.json"), &OURS, &mut tally);
    check_sequences(&read("sequences.json"), &OURS, &mut tally);
    tally.agrees();
}

#[test]
fn responses_agree() {
    let mut tally = Tally::default();
    check_responses(&read("responses.json"), &OURS, &mut tally);
    tally.agrees();
}

#[test]
fn sizes_agree() {
    let mut tally = Tally::default();
    check_sizes(&read("sizes.json"), &OURS, &mut tally);
    tally.agrees();
}

#[test]
fn canonical_forms_agree() {
    let mut tally = Tally::default();
    check_canonical(&read("canonical.json"), &mut tally);
    tally.agrees();
}

#[test]
fn definitions_agree() {
    let mut tally = Tally::default();
    check_definitions(&read("definitions.json"), &mut tally);
    tally.agrees();
}

#[test]
fn a_wrong_signer_is_caught() {
    let mut tally = Tally::default();
    check_requests(&read("requests.json"), &WRONG_SIGNER, &mut tally);
    assert!(!tally.failed.is_empty());
}

#[test]
fn a_wrong_verifier_is_caught() {
    let mut tally = Tally::default();
    check_responses(&read("responses.json"), &WRONG_VERIFIER, &mut tally);
    assert!(!tally.failed.is_empty());
}

fn read(name: &str) -> Value {
    let folder = env::var_os("SEALWIRE_VECTORS").map_or_else(|| "../../test/vectors".into(), PathBuf::from);
    let file = File::open(folder.join(name)).expect("the vectors are there");
    serde_json::from_reader(BufReader::new(file)).expect("the vectors are JSON")
}

#[derive(Default)]
struct Tally {
    agreed: u32,
    failed: Vec<String>,
}

impl Tally {
    /// Counts a case, given its checks by name.
    fn note(&mut self, case: &str, checks: &[(&str, bool)]) {
        let failed: Vec<_> = checks.iter().filter(|(_, holds)| !holds).map(|&(name, _)| name).collect();
        if failed.is_empty() {
            self.agreed += 1;
        } else {
            self.failed.push(format!("{case} {}", failed.join(" ")));
        }
    }

    fn agrees(&self) {
        assert!(self.failed.is_empty(), "{:#?}", self.failed);
        assert!(self.agreed > 0);
        println!("{} vectors agree", self.agreed);
    }
}

fn check_keys(file: &Value, tally: &mut Tally) {
    for (index, case) in list(&file["pae"]).iter().enumerate() {
        let parts: Vec<_> = list(&case["parts"]).iter().map(bytes).collect();
        let parts: Vec<_> = parts.iter().map(Vec::as_slice).collect();
        tally.note(&format!("keys pae {}", index + 1), &[("bytes", pae(&parts) == bytes(&case["bytes"]))]);
    }
    for (index, case) in list(&file["keyTexts"]).iter().enumerate() {
        let prefix = if case["use"] == "request" { "sws_" } else { "swr_" };
        let key = case["key"].is_string().then(|| bytes(&case["key"]));
        tally.note(&format!("keys text {}", index + 1), &[("key", read_key(prefix, text(&case["text"])).ok() == key)]);
    }
    for (index, case) in list(&file["derivations"]).iter().enumerate() {
        let derive = |parts: &[&str]| {
            let parts: Vec<_> = parts.iter().map(|part| part.as_bytes()).collect();
            hmac_of(&bytes(&case["serverSecret"]), &pae(&parts))
        };
        let (client, key) = (text(&case["clientId"]), text(&case["keyId"]));
        let (request_key, response_key) = (bytes(&case["requestKey"]), bytes(&case["responseKey"]));
        let reads =
            |prefix, name: &str, key: &Vec<u8>| read_key(prefix, text(&case[name])).is_ok_and(|read| read == *key);
        let checks = [
            ("fingerprint", derive(&["fingerprint"])[..16] == bytes(&case["fingerprint"])),
            ("requestKey", derive(&["request-key", client, key]) == request_key),
            ("responseKey", derive(&["response-key", client, key]) == response_key),
            ("requestKeyText", reads("sws_", "requestKeyText", &request_key)),
            ("responseKeyText", reads("swr_", "responseKeyText", &response_key)),
        ];
        tally.note(&format!("keys derivation {}", index + 1), &checks);
    }
}

fn check_requests(file: &Value, subject: &Subject, tally: &mut Tally) {
    for case in list(&file["cases"]) {
        let checks = signer_checks(case, &file["keys"], &case["flag"], subject);
        tally.note(&format!("requests {}", case["id"]), &checks);
    }
}

fn check_sequences(file: &Value, subject: &Subject, tally: &mut Tally) {
    for case in list(&file["cases"]) {
        let steps = list(&case["steps"]).iter();
        let checks: Vec<_> =
            steps.flat_map(|step| signer_checks(step, &step["keys"], &case["flag"], subject)).collect();
        tally.note(&format!("sequences {}", case["id"]), &checks);
    }
}

fn signer_checks(request: &Value, keys: &Value, flag: &Value, subject: &Subject) -> [(&'static str, bool); 5] {
    let signed = &request["signed"];
    let named = list(keys).iter().find(|key| key["keyId"] == signed["key"]);
    let request_key = named.map_or_else(|| bytes(&signed["key"]), |key| bytes(&key["requestKey"]));
    let (method, key_id, envelope) = (text(&signed["method"]), text(&signed["keyId"]), bytes(&signed["envelope"]));
    let (input, signature) = (bytes(&signed["signingInput"]), bytes(&signed["signature"]));
    let right = pae(&[b"request", method.as_bytes(), key_id.as_bytes(), &envelope]);
    let is_right = flag != "SigningInput";
    let fields = &signed["fields"];
    let encoded = if fields.is_null() { envelope.clone() } else { envelope_of(fields).encode_to_vec() };
    let received = Frame::decode(&*bytes(&request["received"]["frame"]));
    let own = (subject.sign)(&Key::new(&request_key), method, key_id, &envelope).to_vec();
    let frame = Frame { content: envelope.clone().into(), key_id: key_id.into(), signature: own.clone().into() };
    [
        ("fields", encoded == envelope),
        ("signingInput", (right == input) == is_right),
        ("hmac", hmac_of(&request_key, &input) == signature),
        ("signature", (own == signature) == is_right),
        ("frame", flag != "Valid" || received == Ok(frame)),
    ]
}

fn check_responses(file: &Value, subject: &Subject, tally: &mut Tally) {
    let request = &file["request"];
    let response_key = Key::new(&bytes(&file["key"]["responseKey"]));
    let request_signature = bytes(&request["signature"]);
    for case in list(&file["cases"]) {
        let signed = &case["signed"];
        let (input, key) = (bytes(&signed["signingInput"]), bytes(&signed["key"]));
        let right = pae(&[b"response", &bytes(&signed["requestSignature"]), &bytes(&signed["response"])]);
        let expected = Expected {
            key_id: text(&file["key"]["keyId"]),
            response_key: &response_key,
            request_signature: &request_signature,
            request_id: text(&request["requestId"]),
            server_id: text(&request["serverId"]),
            sequence: text(&case["sequence"]).parse().expect("a sequence is a number"),
        };
        let is_valid = (subject.verify)(&bytes(&case["received"]["frame"]), &expected);
        let checks = [
            ("signingInput", (right == input) == (case["flag"] != "SigningInput")),
            ("signature", hmac_of(&key, &input) == bytes(&signed["signature"])),
            ("verdict", case["lenient"] == true || is_valid == (case["result"] == "valid")),
        ];
        tally.note(&format!("responses {}", case["id"]), &checks);
    }
}

fn check_sizes(file: &Value, subject: &Subject, tally: &mut Tally) {
    for (index, case) in list(&file["macs"]).iter().enumerate() {
        let holds = hmac_of(&bytes(&case["key"]), &runs(&case["input"])) == bytes(&case["mac"]);
        tally.note(&format!("sizes mac {}", index + 1), &[("hmac", holds)]);
    }
    for case in list(&file["cases"]) {
        let (key, signature) = (bytes(&case["key"]), bytes(&case["signature"]));
        let parts: Vec<_> = list(&case["parts"]).iter().map(runs).collect();
        let parts: Vec<_> = parts.iter().map(Vec::as_slice).collect();
        let input = runs(&case["signingInput"]);
        let (frame, is_request) = (runs(&case["frame"]), case["flag"] == "Request");
        let Some((content, others)) = parts.split_last() else { panic!("the schema has parts") };
        let method = str::from_utf8(others[1]).unwrap_or_default();
        let (prepared, key_id) = (Key::new(&key), text(&case["keyId"]));
        let received = Frame::decode(&*frame);
        let verdict = received.is_ok_and(|frame| {
            if is_request {
                (subject.sign)(&prepared, method, key_id, &frame.content)[..] == frame.signature[..]
            } else {
                is_signed(&prepared, others[1], &frame.content, &frame.signature)
            }
        });
        let is_valid = case["result"] == "valid";
        let own = Frame {
            content: content.to_vec().into(),
            key_id: key_id.into(),
            signature: hmac_of(&key, &pae(&parts)).into(),
        };
        let checks = [
            ("signingInput", pae(&parts) == input),
            ("hmac", hmac_of(&key, &input) == signature),
            ("verdict", verdict == is_valid),
            ("frame", !is_valid || own.encode_to_vec() == frame),
        ];
        tally.note(&format!("sizes {}", case["id"]), &checks);
    }
}

fn check_canonical(file: &Value, tally: &mut Tally) {
    let mut pool = DescriptorPool::global();
    pool.decode_file_descriptor_set(&*bytes(&file["descriptorSet"])).expect("the file has its descriptors");
    for case in list(&file["cases"]).iter().filter(|case| !case["canonical"].is_null()) {
        let form = bytes(&case["canonical"]);
        let kind = pool.get_message_by_name(text(&case["type"])).expect("the descriptors have every type");
        let written = DynamicMessage::decode(kind, &*bytes(&case["bytes"])).map(|message| canonical(&message));
        let digest = Sha256::digest(pae(&[b"intent", b"sample", &form])).to_vec();
        let checks = [("canonical", written == Ok(form)), ("intentDigest", digest == bytes(&case["intentDigest"]))];
        tally.note(&format!("canonical {}", case["id"]), &checks);
    }
}

fn check_definitions(file: &Value, tally: &mut Tally) {
    let mut flags = HashMap::new();
    for case in list(&file["cases"]) {
        let (name, method) = (text(&case["parts"]["name"]).into(), text(&case["method"]).into());
        let tool = ToolDescription { name, method, ..ToolDescription::default() };
        let descriptor_set = [bytes(&file["imports"]), bytes(&case["descriptorSet"])].concat();
        let digest = definition_digest(&tool, &descriptor_set).unwrap_or_else(|error| error.to_string());
        let flag = if case["flag"] == "Same" { "Same".into() } else { case["id"].to_string() };
        let is_right = digest == text(&case["digest"]);
        let checks = [("digest", is_right), ("flag", *flags.entry(digest).or_insert_with(|| flag.clone()) == flag)];
        tally.note(&format!("definitions {}", case["id"]), &checks);
    }
}

fn envelope_of(fields: &Value) -> Envelope {
    let own = |name: &str| text(&fields[name]).to_owned();
    let args = Some(&fields["args"]).filter(|args| !args.is_null());
    Envelope {
        v: own("v"),
        request_id: own("requestId"),
        ts_ms: own("tsMs").parse().expect("ts_ms is a number"),
        client_id: own("clientId"),
        server_id: own("serverId"),
        tool: own("tool"),
        args: args.map(|args| Any { type_url: text(&args["typeUrl"]).into(), value: bytes(&args["value"]) }),
        nonce: bytes(&fields["nonce"]),
        definition_digest: fields["definitionDigest"].as_str().unwrap_or_default().into(),
    }
}

fn hmac_of(key: &[u8], input: &[u8]) -> Vec<u8> {
    let mac = hmac::Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.chain_update(input).finalize().into_bytes().to_vec()
}

fn list(value: &Value) -> &Vec<Value> {
    value.as_array().expect("the schema has a list here")
}

fn text(value: &Value) -> &str {
    value.as_str().expect("the schema has a text here")
}

fn bytes(value: &Value) -> Vec<u8> {
    let digits = text(value).as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).expect("hex is ASCII"));
    digits.map(|pair| u8::from_str_radix(pair, 16).expect("the schema has hex here")).collect()
}

/// Bytes as sizes.json writes them: hex, and runs of one byte.
fn runs(value: &Value) -> Vec<u8> {
    let run = |item: &Value| match item["times"].as_u64() {
        Some(times) => bytes(&item["byte"]).repeat(usize::try_from(times).expect("a run fits into memory")),
        None => bytes(item),
    };
    list(value).iter().flat_map(run).collect()
}
