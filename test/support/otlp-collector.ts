import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { BinaryReader, type WireType } from "@bufbuild/protobuf/wire";
import { eventually } from "./eventually.ts";

/** A span as the collector has received it. Ids are in hexadecimal. */
export interface ReceivedSpan {
  readonly name: string;
  /** As in OTLP: 1 internal, 2 server, 3 client, 4 producer, 5 consumer. */
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  /** "" for the first span of a trace. */
  readonly parentId: string;
  readonly tracestate: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly links: readonly Pick<ReceivedSpan, "traceId" | "spanId" | "tracestate">[];
  readonly isError: boolean;
  /** Attributes of the process. */
  readonly resource: Readonly<Record<string, unknown>>;
}

/** An OTLP collector over HTTP that keeps what it receives. */
export interface OtlpCollector extends AsyncDisposable {
  /** For the variable OTEL_EXPORTER_OTLP_ENDPOINT. */
  readonly endpoint: string;
  readonly spans: readonly ReceivedSpan[];
  /** All request bodies. */
  readonly bytes: Buffer;
  /** Waits for a span. */
  span(what: string, isWanted: (span: ReceivedSpan) => boolean): Promise<ReceivedSpan>;
}

/** Starts a collector. `answer`: what it does instead of accepting a request. */
export async function startCollector(answer?: (response: ServerResponse) => void): Promise<OtlpCollector> {
  const bodies: Buffer[] = [];
  const spans: ReceivedSpan[] = [];
  const server = createServer(async (request, response) => {
    const body = await buffer(request);
    bodies.push(body);
    spans.push(...readExport(body));
    if (answer !== undefined) answer(response);
    else response.writeHead(200, { "content-type": "application/x-protobuf" }).end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    spans,
    get bytes() {
      return Buffer.concat(bodies);
    },
    span: (what, isWanted) => eventually(`the span of ${what}`, () => spans.find(isWanted)),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Calls `take` for each field of a message, with the reader at its value. Fields that it does not read are skipped. */
function eachField(bytes: Uint8Array, take: (field: number, reader: BinaryReader) => boolean): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    const from = reader.pos;
    if (!take(field, reader)) {
      reader.pos = from;
      reader.skip(type as WireType);
    }
  }
}

/** The embedded messages of one field, which are parsed by `read`. */
function listOf<T>(bytes: Uint8Array, wanted: number, read: (message: Uint8Array) => T): T[] {
  const found: T[] = [];
  eachField(bytes, (field, reader) => field === wanted && found.push(read(reader.bytes())) > 0);
  return found;
}

/** opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest */
function readExport(bytes: Uint8Array): ReceivedSpan[] {
  return listOf(bytes, 1, (resourceSpans) => {
    const [resource = {}] = listOf(resourceSpans, 1, (message) => readAttributes(message, 1));
    const scopes = listOf(resourceSpans, 2, (scope) => listOf(scope, 2, (span) => ({ ...readSpan(span), resource })));
    return scopes.flat();
  }).flat();
}

function readAttributes(bytes: Uint8Array, field: number): Record<string, unknown> {
  return Object.fromEntries(
    listOf(bytes, field, (pair) => {
      let name = "";
      let value: unknown;
      eachField(pair, (number, reader) => {
        if (number === 1) name = reader.string();
        else if (number === 2) value = readValue(reader.bytes());
        return number <= 2;
      });
      return [name, value];
    }),
  );
}

function readValue(bytes: Uint8Array): unknown {
  let value: unknown;
  eachField(bytes, (field, reader) => {
    if (field === 1) value = reader.string();
    else if (field === 2) value = reader.bool();
    else if (field === 3) value = Number(reader.int64());
    else if (field === 4) value = reader.double();
    return field <= 4;
  });
  return value;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

function readSpan(bytes: Uint8Array): Omit<ReceivedSpan, "resource"> {
  const span = { name: "", kind: 0, traceId: "", spanId: "", parentId: "", tracestate: "", isError: false };
  eachField(bytes, (field, reader) => {
    if (field === 1) span.traceId = hex(reader.bytes());
    else if (field === 2) span.spanId = hex(reader.bytes());
    else if (field === 3) span.tracestate = reader.string();
    else if (field === 4) span.parentId = hex(reader.bytes());
    else if (field === 5) span.name = reader.string();
    else if (field === 6) span.kind = reader.int32();
    else if (field === 15) span.isError = readStatus(reader.bytes()) === STATUS_ERROR;
    else return false;
    return true;
  });
  return { ...span, attributes: readAttributes(bytes, 9), links: listOf(bytes, 13, readLink) };
}

const STATUS_ERROR = 2;

function readStatus(bytes: Uint8Array): number {
  let code = 0;
  eachField(bytes, (field, reader) => {
    if (field === 3) code = reader.int32();
    return field === 3;
  });
  return code;
}

function readLink(bytes: Uint8Array): ReceivedSpan["links"][number] {
  const link = { traceId: "", spanId: "", tracestate: "" };
  eachField(bytes, (field, reader) => {
    if (field === 1) link.traceId = hex(reader.bytes());
    else if (field === 2) link.spanId = hex(reader.bytes());
    else if (field === 3) link.tracestate = reader.string();
    else return false;
    return true;
  });
  return link;
}
