//! Verification of the answers to one request.

use prost::{Message, Name};
use tonic::Status;
use tonic_types::pb;

use crate::contract::sealwire::v1::{CallResponse, Error, Response, WatchJobResponse};
use crate::credentials::Credentials;
use crate::failure::Failure;
use crate::sealwire::{Frame, Unverified};

/// One signed request. Its answers are verified against its signature.
pub struct Attempt<'a> {
    pub credentials: &'a Credentials,
    pub request_id: String,
    pub frame: Frame,
}

impl Attempt<'_> {
    /// Verifies and parses an answer.
    pub fn read(&self, answer: &Frame, sequence: i64) -> Result<Response, Unverified> {
        self.credentials.verify(answer, &self.frame.signature, &self.request_id, sequence)
    }

    /// Converts the status of a failed call: a signed one to `Refused`, an unsigned one to `Unanswered`.
    pub fn read_refusal(&self, status: Status, sequence: i64) -> Failure {
        match self.signed_error(&status, sequence) {
            Ok(Some(error)) => Failure::Refused(error),
            Ok(None) => Failure::Unanswered(status),
            Err(unverified) => Failure::Unverified(unverified),
        }
    }

    /// Returns the error in the signed frame of the details. The other details are projections of it and must agree.
    fn signed_error(&self, status: &Status, sequence: i64) -> Result<Option<Error>, Unverified> {
        let Ok(projection) = pb::Status::decode(status.details()) else { return Ok(None) };
        let find = |url: &str| projection.details.iter().find(|any| any.type_url == url);
        let signed = find(&CallResponse::type_url()).or_else(|| find(&WatchJobResponse::type_url()));
        let Some(any) = signed else { return Ok(None) };
        let frame = Frame::decode(&*any.value).map_err(|_| Unverified("it is no frame"))?;
        let error = self.read(&frame, sequence)?.error.ok_or(Unverified("it refuses without an error"))?;
        let info = find("type.googleapis.com/google.rpc.ErrorInfo");
        let names_reason = info.is_none_or(|any| {
            let reason = pb::ErrorInfo::decode(&*any.value).map(|info| format!("ERROR_REASON_{}", info.reason));
            reason.is_ok_and(|reason| reason == error.reason().as_str_name())
        });
        if error.code != projection.code || error.code != i32::from(status.code()) || !names_reason {
            return Err(Unverified("its status says something else"));
        }
        Ok(Some(error))
    }
}

/// Returns the result, which must be the tool's response message.
pub fn result_of<R: Name + Default>(response: Response) -> Result<R, Failure> {
    match (response.result, response.error) {
        (Some(any), _) if any.type_url == R::type_url() => {
            R::decode(&*any.value).map_err(|_| Unverified("its result is damaged").into())
        }
        (Some(_), _) => Err(Unverified("its result is of another type").into()),
        (None, Some(error)) => Err(Failure::Refused(error)),
        (None, None) => Err(Unverified("it has neither result nor error").into()),
    }
}
