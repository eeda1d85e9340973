import { once } from "node:events";
import {
  Client,
  credentials,
  type ServerOptions as GrpcServerOptions,
  Server,
  ServerCredentials,
  ServerInterceptingCall,
  type ServerInterceptor,
  type ServiceDefinition,
  type ServiceError,
  status as Status,
} from "@grpc/grpc-js";
import { HealthClient } from "../../gen/grpc/health/v1/health.ts";
import { DemoToolServiceDefinition } from "../../gen/sealwire/demo/v1/demo_tool_service.ts";
import { SealwireClient } from "../../src/client/client.ts";
import type { SealwireService } from "../../src/server/assembled-service.ts";
import type { ServiceOptions } from "../../src/server/options.ts";
import { createService } from "../../src/server/service.ts";
import { addKey, newKeyRing } from "../../src/signing/key-ring/changes.ts";
import { credentialsOf } from "../../src/signing/key-ring/credentials.ts";
import { memoryKeyRing } from "../../src/signing/key-ring/memory-key-ring.ts";
import { openSqliteStore } from "../../src/store/sqlite/open.ts";
import { demoTools } from "../../src/tools/demo-tools.ts";
import { rejection } from "../support/rejection.ts";
import { assert, suite } from "../support/suite.ts";

const test = suite("server/service");

const HELLO = "/acme.v1.Greeter/Hello";
const CODEC = {
  requestSerialize: Buffer.from,
  requestDeserialize: String,
  responseSerialize: Buffer.from,
  responseDeserialize: String,
};
const GREETER = {
  hello: { path: HELLO, requestStream: false, responseStream: false, ...CODEC },
} as unknown as ServiceDefinition;

/** A server of somebody's own: a service, an interceptor that notes each call, and Sealwire beside them. */
class OwnServer implements AsyncDisposable {
  readonly seen: string[] = [];
  readonly server: Server;
  readonly service: SealwireService;
  readonly #parts: AsyncDisposableStack;
  /** Where it listens; set by {@link start}. */
  address = "";

  private constructor(service: SealwireService, parts: AsyncDisposableStack) {
    this.service = service;
    this.#parts = parts;
    const note: ServerInterceptor = ({ path }, call) => {
      this.seen.push(path);
      return new ServerInterceptingCall(call);
    };
    this.server = new Server({ ...service.serverOptions, interceptors: [service.interceptor, note] });
    this.server.addService(GREETER, {
      hello: ({ request }: { request: string }, callback: (error: null, greeting: string) => void) =>
        callback(null, `hello ${request}`),
    });
    service.addTo(this.server);
  }

  static async start(options: Partial<ServiceOptions> = {}) {
    const parts = new AsyncDisposableStack();
    const added = addKey(newKeyRing("own"), { clientId: "alice", tools: ["*"] });
    const keyRing = parts.use(memoryKeyRing(added.document));
    const store = parts.use(await openSqliteStore({ path: ":memory:" }));
    const service = parts.use(await createService({ keyRing, store, tools: [demoTools()], ...options }));
    const own = new OwnServer(service, parts);
    own.address = await new Promise<string>((resolve, reject) =>
      own.server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) =>
        error ? reject(error) : resolve(`127.0.0.1:${port}`),
      ),
    );
    const key = keyRing.current().find(added.keyId);
    if (key === undefined) throw new Error("the key is not in the ring");
    const client = parts.use(
      new SealwireClient({ credentials: credentialsOf(key, { serverId: "own", address: own.address }) }),
    );
    return { own, client };
  }

  /** Calls the service beside Sealwire. */
  async hello(name: string): Promise<string> {
    const client = new Client(this.address, credentials.createInsecure());
    try {
      return await new Promise<string>((resolve, reject) =>
        client.makeUnaryRequest(HELLO, Buffer.from, String, name, (error, greeting = "") =>
          error ? reject(error) : resolve(greeting),
        ),
      );
    } finally {
      client.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.disposeAsync();
    this.server.forceShutdown();
  }
}

test("a server of one's own serves tools beside its own service and interceptor, over one port", async () => {
  const { own, client } = await OwnServer.start();
  await using _ = own;
  assert.is(await own.hello("Ann"), "hello Ann");
  const { output } = await client.call("batch_sum", { numbers: [1, 2, 3.5] });
  assert.equal(await output?.json(), { count: 3, total: 6.5 });
  const job = await client.tools(DemoToolServiceDefinition).startLongTask({ seconds: 1 });
  const states: string[] = [];
  for await (const { state } of job.watch()) states.push(state);
  assert.is(states.at(-1), "SUCCEEDED");
  assert.ok(own.seen.includes(HELLO));
  assert.ok(own.seen.includes("/sealwire.v1.ToolService/Call"), own.seen.join());
  assert.ok(own.seen.includes("/sealwire.v1.ToolService/WatchJob"));
});

test("a drain lets open calls finish and refuses new ones; the other service goes on", async () => {
  const { own, client } = await OwnServer.start();
  await using _ = own;
  const health = new HealthClient(own.address, credentials.createInsecure());
  const watched = health.watch({ service: "" });
  const [serving] = await once(watched, "data");
  assert.is(serving.status, 1);
  const notServing = once(watched, "data");
  const job = await client.tools(DemoToolServiceDefinition).startLongTask({ seconds: 20 });
  await own.service.drain(5_000);
  assert.is((await notServing)[0].status, 2);
  watched.on("error", () => {});
  watched.cancel();
  health.close();
  assert.is(own.service.serving, false);
  await rejection("DRAINING", client.job(job.jobId).poll({ timeoutMs: 1_000 }));
  assert.is(await own.hello("Bob"), "hello Bob");
});

test("a server that was made without the interceptor, or with another before it, is refused", async () => {
  const { own } = await OwnServer.start();
  await using _ = own;
  const { service } = own;
  const pass: ServerInterceptor = (_method, call) => new ServerInterceptingCall(call);
  const cases: readonly [GrpcServerOptions, RegExp][] = [
    [{}, /made without the service's interceptor; make it with new Server/],
    [{ interceptors: [pass] }, /made without/],
    [{ interceptors: [pass, service.interceptor] }, /must be the first/],
  ];
  for (const [options, problem] of cases) {
    const thrown = await rejection("OPTIONS_INVALID", (async () => service.addTo(new Server(options)))());
    assert.match(thrown.message, problem);
  }
});

test("health and reflection of one's own take the place of ours", async () => {
  const { own } = await OwnServer.start({ health: false, reflection: false });
  await using _ = own;
  const health = new HealthClient(own.address, credentials.createInsecure());
  const { code } = await new Promise<ServiceError>((resolve, reject) =>
    health.check({ service: "" }, (error) => (error ? resolve(error) : reject(new Error("it was answered")))),
  );
  health.close();
  assert.is(code, Status.UNIMPLEMENTED);
});

test.run();
