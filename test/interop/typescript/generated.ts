import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Client } from "@grpc/grpc-js";
import type { StubClass } from "../../../src/exports/client.ts";

/** The codec of a message, as ts-proto generates it. */
export interface Codec {
  encode(message: unknown): { finish(): Uint8Array };
  decode(bytes: Uint8Array): unknown;
  fromJSON(json: unknown): unknown;
  toJSON(message: unknown): Readonly<Record<string, unknown>>;
}

/** A method of a generated stub. */
export interface Method {
  readonly name: string;
  readonly isStream: boolean;
  readonly request: Codec;
  readonly response: Codec;
}

/** A stub class that ts-proto has generated, with its methods by their names in the contract. */
export interface GeneratedService {
  readonly Stub: StubClass<Client>;
  readonly methods: ReadonlyMap<string, Method>;
}

const SERVICES: Readonly<Record<string, string>> = {
  "sealwire.demo.v1.DemoToolService": "sealwire/demo/v1/demo_tool_service.ts",
  "sealwire.system.v1.SystemToolService": "sealwire/system/v1/system_tool_service.ts",
  "interop.v1.InteropToolService": "interop/v1/interop_tool_service.ts",
  "interop.v1.AbsentToolService": "interop/v1/absent_tool_service.ts",
  "grpc.health.v1.Health": "grpc/health/v1/health.ts",
};

const MESSAGES: Readonly<Record<string, string>> = {
  BatchSum: "sealwire/demo/v1/batch_sum.ts",
  StartLongTask: "sealwire/demo/v1/start_long_task.ts",
  ServerIdentity: "sealwire/system/v1/server_identity.ts",
  ListTools: "sealwire/system/v1/list_tools.ts",
  PollJob: "sealwire/system/v1/poll_job.ts",
  ListJobs: "sealwire/system/v1/list_jobs.ts",
  CancelJob: "sealwire/system/v1/cancel_job.ts",
  WatchJob: "sealwire/system/v1/watch_job.ts",
  WatchJobs: "sealwire/system/v1/watch_jobs.ts",
  Echo: "interop/v1/echo.ts",
  Sleep: "interop/v1/sleep.ts",
  Refuse: "interop/v1/refuse.ts",
  Trace: "interop/v1/trace.ts",
  Record: "interop/v1/record.ts",
  Climb: "interop/v1/climb.ts",
  Vanish: "interop/v1/absent_tool_service.ts",
};

/** The package's own code. */
const OWN = join(import.meta.dirname, "..", "..", "..", "gen");

/** The package's own generated code, and that of the interop tools, which ts-proto has written to a folder. */
export class Generated {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The stub of a service, by its full name. */
  async service(name: string): Promise<GeneratedService> {
    const file = SERVICES[name];
    if (file === undefined) throw new Error(`no stub is generated of ${name}`);
    const module = await this.#load(file);
    const Stub = module[`${name.slice(name.lastIndexOf(".") + 1)}Client`] as StubClass<Client> & {
      readonly service: Readonly<Record<string, { readonly path: string; readonly responseStream: boolean }>>;
    };
    const methods = new Map<string, Method>();
    for (const [own, { path, responseStream }] of Object.entries(Stub.service)) {
      const method = path.slice(path.lastIndexOf("/") + 1);
      const isHealth = name.startsWith("grpc.");
      if (isHealth && method !== "Check") continue;
      const [request, response] = isHealth
        ? ["HealthCheckRequest", "HealthCheckResponse"]
        : [`${method}Request`, `${method}Response`];
      const messages = isHealth ? module : await this.#load(MESSAGES[method] ?? "");
      methods.set(method, {
        name: own,
        isStream: responseStream,
        request: messages[request] as Codec,
        response: messages[response] as Codec,
      });
    }
    return { Stub, methods };
  }

  /** The codec of a message, by its full name. */
  async message(fullName: string): Promise<Codec> {
    const name = fullName.slice(fullName.lastIndexOf(".") + 1);
    const module = await this.#load(MESSAGES[name.replace(/(?:Request|Response)$/, "")] ?? "");
    return module[name] as Codec;
  }

  async #load(file: string): Promise<Readonly<Record<string, unknown>>> {
    const folder = file.startsWith("interop/") ? this.#folder : OWN;
    return await import(pathToFileURL(join(folder, file)).href);
  }
}
