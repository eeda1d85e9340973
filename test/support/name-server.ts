import { createSocket, type Socket } from "node:dgram";

const HEADER_BYTES = 12;
const TYPE_A = 1;
const CLASS_IN = 1;
const RESPONSE_NO_ERROR = 0x8180;
const RESPONSE_NO_NAME = 0x8183;
/** A compression pointer to the name in the question. */
const SAME_NAME = 0xc00c;

/** A DNS server on loopback with configurable IPv4 addresses. */
export class NameServer implements AsyncDisposable {
  readonly #socket: Socket;
  /** The addresses by name. */
  readonly names: Map<string, readonly string[]>;

  private constructor(socket: Socket, names: Record<string, readonly string[]>) {
    this.#socket = socket;
    this.names = new Map(Object.entries(names));
    socket.on("message", (query, { port, address }) => socket.send(this.#answer(query), port, address));
  }

  /** Starts a server on a free port. */
  static async start(names: Record<string, readonly string[]>): Promise<NameServer> {
    const socket = createSocket("udp4");
    await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
    return new NameServer(socket, names);
  }

  get address(): string {
    return `127.0.0.1:${this.#socket.address().port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise<void>((resolve) => this.#socket.close(resolve));
  }

  /** Answers a query of one question (RFC 1035, section 4). */
  #answer(query: Buffer): Buffer {
    const labels: string[] = [];
    let at = HEADER_BYTES;
    for (let length = query.readUInt8(at); length > 0; length = query.readUInt8(at)) {
      labels.push(query.toString("latin1", at + 1, at + 1 + length));
      at += 1 + length;
    }
    const type = query.readUInt16BE(at + 1);
    const question = query.subarray(HEADER_BYTES, at + 5);
    const known = this.names.get(labels.join("."));
    const records = (type === TYPE_A ? (known ?? []) : []).map(addressRecord);
    const header = Buffer.alloc(HEADER_BYTES);
    query.copy(header, 0, 0, 2);
    header.writeUInt16BE(known === undefined ? RESPONSE_NO_NAME : RESPONSE_NO_ERROR, 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(records.length, 6);
    return Buffer.concat([header, question, ...records]);
  }
}

function addressRecord(address: string): Buffer {
  const record = Buffer.alloc(16);
  record.writeUInt16BE(SAME_NAME, 0);
  record.writeUInt16BE(TYPE_A, 2);
  record.writeUInt16BE(CLASS_IN, 4);
  record.writeUInt16BE(4, 10);
  for (const [index, part] of address.split(".").entries()) record.writeUInt8(Number(part), 12 + index);
  return record;
}
