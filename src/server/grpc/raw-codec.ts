const identity = (bytes: Buffer): Buffer => bytes;

/** Identity codecs of a gRPC method: messages are passed as the bytes on the wire. */
export const rawCodec = {
  requestSerialize: identity,
  requestDeserialize: identity,
  responseSerialize: identity,
  responseDeserialize: identity,
};
