import { readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import {
  type CallOptions,
  type Client,
  type ClientReadableStream,
  type ClientUnaryCall,
  credentials as grpcCredentials,
  Metadata,
  type ServiceError,
  status as Status,
} from "@grpc/grpc-js";
import {
  fileCredentials,
  type JobSnapshot,
  type JobState,
  parseCredentials,
  SealwireClient,
  SealwireError,
  type StubClass,
} from "../../../src/exports/client.ts";
import { BatchSumRequest, BatchSumResponse } from "../../../gen/sealwire/demo/v1/batch_sum.ts";
import type { DemoToolServiceClient } from "../../../gen/sealwire/demo/v1/demo_tool_service.ts";
import { type Codec, Generated } from "./generated.ts";
import { randomEcho } from "./random-echo.ts";

/* The agent in TypeScript: node agent.ts FOLDER, which holds what ts-proto has generated (test/interop/AGENT.md). */

type Fields = Readonly<Record<string, never>>;
type Tell = (event: object) => void;
type Operation = (fields: Fields, tell: Tell, signal: AbortSignal) => Promise<object>;

/** A channel: a client of Sealwire, or an address that is called without. */
interface OpenChannel {
  readonly client: SealwireClient | undefined;
  readonly source: AsyncDisposable | undefined;
  readonly stubs: Map<string, Promise<Client>>;
  readonly make: (Stub: StubClass<Client>) => Client;
}
