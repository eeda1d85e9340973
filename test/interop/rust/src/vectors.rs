//! Compares signer and verifier with the vectors.

use std::{error::Error, fs::File, io::BufReader, path::Path, process::ExitCode};

use hmac::{KeyInit, Mac};
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage};
use prost_types::Any;
use sealwire_example::contract::sealwire::v1::{Envelope, Response};
use sealwire_example::credentials::{Credentials, read_key};
use sealwire_example::sealwire::{Frame, Unverified, mac, pae};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::canonical::canonical;

/// The client that is checked: what signs, and what verifies.
pub struct Subject {
    sign: Sign,
    verify: Verify,
}

/// `Credentials::sign`.
type Sign = fn(&Credentials, &str, Vec<u8>) -> Frame;

/// `Credentials::verify`.
type Verify = fn(&Credentials, &Frame, &[u8], &str, i64) -> Result<Response, Unverified>;

pub const OURS: Subject = Subject { sign: Credentials::sign, verify: Credentials::verify };

/// Takes the label of responses.
pub const WRONG_SIGNER: Subject = Subject {
    sign: |who, method, content| {
        let parts: [&[u8]; 4] = [b"response", method.as_bytes(), who.key_id.as_bytes(), &content];
        let signature = mac(&who.request_key, &parts).finalize().into_bytes().to_vec();
        Frame { content, key_id: who.key_id.clone(), signature }
    },
    ..OURS
};

/// Believes every signature.
pub const WRONG_VERIFIER: Subject = Subject {
    verify: |who, answer, sent, request_id, sequence| {
        let signature = mac(&who.response_key, &[b"response", sent, &answer.content]).finalize().into_bytes().to_vec();
        who.verify(&Frame { signature, ..answer.clone() }, sent, request_id, sequence)
    },
    ..OURS
};

/// Prints how many cases agree, or each check that fails.
pub fn check(folder: &str, subject: &Subject) -> Result<ExitCode, Box<dyn Error>> {
    let mut tally = Tally { agreed: 0, failed: 0 };
    let read = |name: &str| -> Result<Value, Box<dyn Error>> {
        Ok(serde_json::from_reader(BufReader::new(File::open(Path::new(folder).join(name))?))?)
    };
    check_keys(&read("keys.json")?, &mut tally);
    check_requests(&read("requests.json")?, subject, &mut tally);
    check_sequences(&read("sequences.json")?, subject, &mut tally);
    check_responses(&read("responses.json")?, subject, &mut tally);
    check_sizes(&read("sizes.json")?, subject, &mut tally);
    check_canonical(&read("canonical.json")?, &mut tally);
    if tally.failed > 0 {
        return Ok(ExitCode::FAILURE);
    }
    println!("{} vectors agree", tally.agreed);
    Ok(ExitCode::SUCCESS)
}

struct Tally {
    agreed: u32,
    failed: u32,
}

impl Tally {
    /// Counts a case, given its checks by name.
    fn note(&mut self, case: &str, checks: &[(&str, bool)]) {
        let failed: Vec<_> = checks.iter().filter(|(_, holds)| !holds).map(|&(name, _)| name).collect();
        if failed.is_empty() {
            self.agreed += 1;
        } else {
            println!("{case} {}", failed.join(" "));
            self.failed += 1;
        }
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
            mac(&bytes(&case["serverSecret"]), &parts).finalize().into_bytes().to_vec()
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
    let who = Credentials { key_id: text(&signed["keyId"]).into(), request_key, ..nobody() };
    let (method, envelope) = (text(&signed["method"]), bytes(&signed["envelope"]));
    let (input, signature) = (bytes(&signed["signingInput"]), bytes(&signed["signature"]));
    let right = pae(&[b"request", method.as_bytes(), who.key_id.as_bytes(), &envelope]);
    let is_right = flag != "SigningInput";
    let fields = &signed["fields"];
    let encoded = if fields.is_null() { envelope.clone() } else { envelope_of(fields).encode_to_vec() };
    let received = Frame::decode(&*bytes(&request["received"]["frame"]));
    let frame = (subject.sign)(&who, method, envelope.clone());
    [
        ("fields", encoded == envelope),
        ("signingInput", (right == input) == is_right),
        ("hmac", hmac_of(&who.request_key, &input) == signature),
        ("signature", (frame.signature == signature) == is_right),
        ("frame", flag != "Valid" || received == Ok(frame)),
    ]
}

fn check_responses(file: &Value, subject: &Subject, tally: &mut Tally) {
    let request = &file["request"];
    let who = Credentials {
        key_id: text(&file["key"]["keyId"]).into(),
        response_key: bytes(&file["key"]["responseKey"]),
        server_id: text(&request["serverId"]).into(),
        ..nobody()
    };
    for case in list(&file["cases"]) {
        let signed = &case["signed"];
        let (input, key) = (bytes(&signed["signingInput"]), bytes(&signed["key"]));
        let right = pae(&[b"response", &bytes(&signed["requestSignature"]), &bytes(&signed["response"])]);
        let sequence = text(&case["sequence"]).parse().expect("a sequence is a number");
        let is_valid = Frame::decode(&*bytes(&case["received"]["frame"])).is_ok_and(|frame| {
            (subject.verify)(&who, &frame, &bytes(&request["signature"]), text(&request["requestId"]), sequence).is_ok()
        });
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
        let key = bytes(&case["key"]);
        let parts: Vec<_> = list(&case["parts"]).iter().map(runs).collect();
        let parts: Vec<_> = parts.iter().map(Vec::as_slice).collect();
        let (content, others) = parts.split_last().expect("the schema has parts");
        let frame = runs(&case["frame"]);
        let holds = Frame::decode(&*frame).is_ok_and(|frame| {
            let parts = [others, &[&frame.content]].concat();
            mac(&key, &parts).verify_slice(&frame.signature).is_ok()
        });
        let who = Credentials { key_id: text(&case["keyId"]).into(), request_key: key.clone(), ..nobody() };
        let method = str::from_utf8(others[1]).unwrap_or_default();
        let is_own = case["flag"] == "Request" && case["result"] == "valid";
        let checks = [
            ("signingInput", pae(&parts) == runs(&case["signingInput"])),
            ("hmac", mac(&key, &parts).finalize().into_bytes().to_vec() == bytes(&case["signature"])),
            ("verdict", holds == (case["result"] == "valid")),
            ("frame", !is_own || (subject.sign)(&who, method, content.to_vec()).encode_to_vec() == frame),
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
    }
}

fn nobody() -> Credentials {
    Credentials {
        address: String::new(),
        server_id: String::new(),
        server_fingerprint: String::new(),
        client_id: String::new(),
        key_id: String::new(),
        request_key: Vec::new(),
        response_key: Vec::new(),
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
        Some(times) => bytes(&item["byte"]).repeat(times as usize),
        None => bytes(item),
    };
    list(value).iter().flat_map(run).collect()
}
