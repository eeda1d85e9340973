const identity = (bytes: Buffer): Buffer => bytes;

/** The codecs of a gRPC method whose messages stay the bytes that they are on the wire. */
export const rawCodec = {
  requestSerialize: identity,
  requestDeserialize: identity,
  responseSerialize: identity,
  responseDeserialize: identity,
};
