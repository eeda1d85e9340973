//! Messages of the contract in and out of an Any.

use std::sync::Arc;

use bytes::Bytes;
use prost::{Message, Name};
use prost_types::Any;

use crate::problem::Problem;
use crate::signing::Unverified;
use crate::v1::Response;

/// The type URL of a message and its bytes.
pub(crate) fn encoded<M: Message + Name>(message: &M) -> (Arc<str>, Bytes) {
    (M::type_url().into(), message.encode_to_vec().into())
}

/// Decodes a verified result. Fails if it is not of the type, or does not decode.
pub(crate) fn decoded<M: Message + Name + Default>(any: &Any) -> Result<M, Problem> {
    if any.type_url != M::type_url() {
        return Err(wrong_type(any, &M::type_url()));
    }
    decode(&any.value)
}

/// Decodes bytes that a server signed.
pub(crate) fn decode<M: Message + Default>(bytes: &[u8]) -> Result<M, Problem> {
    M::decode(bytes).map_err(|_| Problem::invalid("The answer is signed but does not decode as the declared message."))
}

/// The failure of a result of another type than the declared one.
pub(crate) fn wrong_type(any: &Any, declared: &str) -> Problem {
    let (given, declared) = (name_in(&any.type_url), name_in(declared));
    Problem::unverified(&Unverified::new(format!("it holds a {given} where the contract declares {declared}")))
}

/// The result of a verified answer, otherwise the error in it.
pub(crate) fn result_of(tool: &str, response: Response) -> Result<Any, Problem> {
    match response {
        Response { result: Some(result), .. } => Ok(result),
        Response { error: Some(error), ok: false, .. } => Err(Problem::signed(error)),
        Response { .. } => Err(Problem::invalid(format!("The answer of {tool} holds no result."))),
    }
}

fn name_in(type_url: &str) -> &str {
    type_url.rsplit('/').next().unwrap_or_default()
}
