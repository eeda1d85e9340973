import type { RunOptions } from "./cli-run.ts";

/** A command line that is wrong, or that the server refuses. */
export interface WrongInput extends RunOptions {
  readonly args: string;
  readonly exit: number;
  /** What is printed on stderr, line by line; log lines are left out. */
  readonly says: readonly string[];
}

/** Files that the inputs name. */
export const FILES: Readonly<Record<string, string>> = {
  "broken.json": '{\n  "numbers": [1,\n}\n',
  "list.json": "[1, 2]",
  "empty.json": "",
  "text.txt": "numbers: 1",
  "config-unknown.json": '{ "concurency": 4 }',
  "config-range.json": '{ "limits": { "connection_age_max_ms": 99999999999 } }',
  "config-type.json": '{ "concurrency": "many" }',
  "config-broken.json": '{ "concurrency": 4,, }',
  "credentials-broken.json": "{",
  "credentials-other.json": '{ "key": "value" }',
  "tools-nothing.mjs": "export const nothing = 1;\n",
  "tools-throws.mjs": "\n\nthrow new Error('no licence found');\n",
  "tools-syntax.mjs": "export default [\n  1,\n  2 2\n];\n",
  "tools-awaits.mjs":
    'import { readFile } from "node:fs/promises";\nexport const tools = await readFile("missing.json");\n',
  "tools-imports.mjs": 'import "./missing.mjs";\n',
  "cert.pem": "not a certificate",
};

/** Words are separated by blanks; those that hold one stand in single quotes. ADDRESS and CLOSED are addresses. */
export const WRONG_INPUTS: readonly WrongInput[] = [
  { args: "", exit: 2, says: ["error: a command is missing", "try: sealwire --help"] },
  {
    args: "cal batch_sum",
    exit: 2,
    says: ["error: unknown command 'cal' (Did you mean call?)", "try: sealwire --help"],
  },
  {
    args: "--versoin",
    exit: 2,
    says: ["error: unknown option '--versoin' (Did you mean --version?)", "try: sealwire --help"],
  },
  { args: "call", exit: 2, says: ["error: missing required argument 'tool'", "try: sealwire call --help"] },
  {
    args: "call batch_summ '{}'",
    exit: 2,
    says: [
      'error: TOOL_FORBIDDEN: The server\'s list_tools shows this client no tool "batch_summ"; did you mean batch_sum?',
      "try: Give the name as `sealwire tools` shows it.",
    ],
  },
  {
    args: "call 'Batch Sum' '{}'",
    exit: 2,
    says: [
      'error: TOOL_FORBIDDEN: The server\'s list_tools shows this client no tool "Batch Sum"; did you mean batch_sum?',
      "try: Give the name as `sealwire tools` shows it.",
    ],
  },
  {
    args: "call batch_sum {numbers:[1]}",
    exit: 2,
    says: [
      "error: The JSON argument is not valid JSON at line 1, column 2.",
      "try: Put it in single quotes for the shell, or give @FILE.",
    ],
  },
  {
    args: "call batch_sum '{\"numbers\":[1,]}'",
    exit: 2,
    says: [
      "error: The JSON argument is not valid JSON at line 1, column 15.",
      "try: Put it in single quotes for the shell, or give @FILE.",
    ],
  },
  {
    args: "call batch_sum '{\"numbers\":[1]} x'",
    exit: 2,
    says: [
      "error: The JSON argument is not valid JSON at line 1, column 17.",
      "try: Put it in single quotes for the shell, or give @FILE.",
    ],
  },
  {
    args: "call batch_sum '[1]'",
    exit: 2,
    says: [
      "error: ARGS_INVALID: The arguments do not fit sealwire.demo.v1.BatchSumRequest: a list is not a JSON object.",
      "try: Give what the tool takes: `sealwire tools TOOL` shows its fields and rules.",
    ],
  },
  {
    args: "call batch_sum 'null'",
    exit: 2,
    says: [
      "error: ARGS_INVALID: The arguments do not fit sealwire.demo.v1.BatchSumRequest: null is not a JSON object.",
      "try: Give what the tool takes: `sealwire tools TOOL` shows its fields and rules.",
    ],
  },
  {
    args: "call batch_sum '{\"number\":[1]}'",
    exit: 2,
    says: [
      'error: ARGS_INVALID: The arguments do not fit sealwire.demo.v1.BatchSumRequest: sealwire.demo.v1.BatchSumRequest has no field "number"; did you mean numbers?',
      "try: Give what the tool takes: `sealwire tools TOOL` shows its fields and rules.",
    ],
  },
  {
    args: "call batch_sum '{\"numbers\":1}'",
    exit: 2,
    says: [
      "error: ARGS_INVALID: The arguments do not fit sealwire.demo.v1.BatchSumRequest: numbers: 1 is not a list in square brackets.",
      "try: Give what the tool takes: `sealwire tools TOOL` shows its fields and rules.",
    ],
  },
  {
    args: 'call batch_sum \'{"numbers":["one"]}\'',
    exit: 2,
    says: [
      'error: ARGS_INVALID: The arguments do not fit sealwire.demo.v1.BatchSumRequest: numbers[0]: "one" is not a decimal number.',
      "try: Give what the tool takes: `sealwire tools TOOL` shows its fields and rules.",
    ],
  },
  {
    args: "call batch_sum '{\"numbers\":[1,{}]}'",
    exit: 2,
    says: [
      "error: ARGS_INVALID: The arguments do not fit sealwire.demo.v1.BatchSumRequest: numbers[1]: an object is not a number.",
      "try: Give what the tool takes: `sealwire tools TOOL` shows its fields and rules.",
    ],
  },
  {
    args: "call batch_sum '{\"numbers\":[]}'",
    exit: 2,
    says: [
      "error: ARGS_INVALID: The arguments are not a valid sealwire.demo.v1.BatchSumRequest: numbers: must contain at least 1 item(s).",
      "try: Give what the tool takes: `sealwire tools TOOL` shows its fields and rules.",
    ],
  },
  {
    args: "call batch_sum",
    exit: 2,
    says: [
      "error: ARGS_INVALID: The arguments are not a valid sealwire.demo.v1.BatchSumRequest: numbers: must contain at least 1 item(s).",
      "try: Give what the tool takes: `sealwire tools TOOL` shows its fields and rules.",
    ],
  },
  {
    args: "call batch_sum '{\"numbers\":[1e999]}'",
    exit: 2,
    says: [
      "error: ARGS_INVALID: numbers[0]: the number cannot be represented exactly as a JSON number; write it in quotes.",
      "try: Give what the tool takes: `sealwire tools TOOL` shows its fields and rules.",
    ],
  },
  { args: "call batch_sum @missing.json", exit: 2, says: ["error: The file missing.json cannot be read (ENOENT)."] },
  {
    args: "call batch_sum @broken.json",
    exit: 2,
    says: ["error: The file broken.json is not valid JSON at line 3, column 1."],
  },
  {
    args: "call batch_sum @list.json",
    exit: 2,
    says: [
      "error: ARGS_INVALID: The arguments do not fit sealwire.demo.v1.BatchSumRequest: a list is not a JSON object.",
      "try: Give what the tool takes: `sealwire tools TOOL` shows its fields and rules.",
    ],
  },
  {
    args: "call batch_sum @empty.json",
    exit: 2,
    says: ["error: The file empty.json is not valid JSON at line 1, column 1."],
  },
  {
    args: "call batch_sum @text.txt",
    exit: 2,
    says: ["error: The file text.txt is not valid JSON at line 1, column 1."],
  },
  { args: "call batch_sum @.", exit: 2, says: ["error: The file . cannot be read (EISDIR)."] },
  {
    args: "call batch_sum -",
    stdin: '{"numbers": [1}',
    exit: 2,
    says: ["error: The input on stdin is not valid JSON at line 1, column 15."],
  },
  {
    args: "call batch_sum -",
    stdin: "",
    exit: 2,
    says: ["error: The input on stdin is not valid JSON at line 1, column 1."],
  },
  {
    args: "call batch_sum '{\"numbers\":[1]}' extra",
    exit: 2,
    says: ["error: too many arguments for 'call'. Expected 2 arguments but got 3.", "try: sealwire call --help"],
  },
  {
    args: "call batch_sum '{\"numbers\":[1]}' --timeout 5",
    exit: 2,
    says: [
      'error: option \'--timeout <duration>\' argument \'5\' is invalid. It must be a time span such as "30s", "15m" or "7d", from 1ms to 24h.',
      "try: sealwire call --help",
    ],
  },
  {
    args: "call batch_sum '{\"numbers\":[1]}' --timeout -5s",
    exit: 2,
    says: [
      'error: option \'--timeout <duration>\' argument \'-5s\' is invalid. It must be a time span such as "30s", "15m" or "7d", from 1ms to 24h.',
      "try: sealwire call --help",
    ],
  },
  {
    args: "call batch_sum '{\"numbers\":[1]}' --timeout 99999999d",
    exit: 2,
    says: [
      'error: option \'--timeout <duration>\' argument \'99999999d\' is invalid. It must be a time span such as "30s", "15m" or "7d", from 1ms to 24h.',
      "try: sealwire call --help",
    ],
  },
  {
    args: "call batch_sum '{\"numbers\":[1]}' --address foo",
    exit: 2,
    says: ['error: --address "foo" names no port.', "try: Give HOST:PORT, such as foo:50051."],
  },
  {
    args: "call batch_sum '{\"numbers\":[1]}' --address https://localhost:1",
    exit: 2,
    says: ['error: --address "https://localhost:1" is a URL.', "try: Give HOST:PORT alone: localhost:1 with --tls."],
  },
  {
    args: "call batch_sum '{\"numbers\":[1]}' --address localhost:99999",
    exit: 2,
    says: [
      'error: The address "localhost:99999" has a port outside 1 to 65535; give HOST:PORT, unix:/path or dns:///HOST:PORT.',
    ],
  },
  {
    args: "call batch_sum '{\"numbers\":[1]}' --address CLOSED --retry-for 0s",
    exit: 4,
    says: [
      "error: UNREACHABLE: No server took the request (UNAVAILABLE: no connection to CLOSED: connect ECONNREFUSED CLOSED).",
      "try: Check the address and that the server runs.",
    ],
  },
  {
    args: "call batch_sum '{\"numbers\":[1]}' --address 192.0.2.1:50051",
    exit: 2,
    says: [
      "error: 192.0.2.1:50051 is a remote address, and no option enables TLS.",
      "try: Give --tls or --tls-ca FILE, or --insecure to send everything unencrypted.",
    ],
  },
  {
    args: "call batch_sum '{\"numbers\":[1]}' --tls",
    exit: 4,
    says: [
      "error: UNREACHABLE: No server took the request (UNAVAILABLE: no connection to ADDRESS: the server speaks plaintext and this client TLS: leave `tls` out, on the command line every --tls option).",
      "try: Check the address and that the server runs.",
    ],
  },
  {
    args: "call batch_sum '{\"numbers\":[1]}' --tls-ca missing.pem",
    exit: 2,
    says: ["error: The file missing.pem cannot be read (ENOENT)."],
  },
  {
    args: "call batch_sum '{\"numbers\":[1]}' --tls-ca cert.pem",
    exit: 2,
    says: ["error: The certificates or the key in tls cannot be read: error:0480006C:PEM routines::no start line."],
  },
  {
    args: "call batch_sum '{\"numbers\":[1]}' --tls-cert cert.pem",
    exit: 2,
    says: ["error: A certificate needs its key.", "try: Give both --tls-cert and --tls-key, or none."],
  },
  {
    args: "call batch_sum '{\"numbers\":[1]}' --credentials missing.json",
    exit: 2,
    says: ["error: The credentials file FOLDER/missing.json is needed, but there is no such file."],
  },
  {
    args: "call batch_sum '{\"numbers\":[1]}' --credentials credentials-broken.json",
    exit: 2,
    says: ["error: The credentials in credentials-broken.json are refused: is not valid JSON at line 1, column 2."],
  },
  {
    args: "call batch_sum '{\"numbers\":[1]}' --credentials credentials-other.json",
    exit: 2,
    says: ["error: The credentials in credentials-other.json are refused: address: is missing."],
  },
  {
    args: "call batch_sum '{\"numbers\":[1]}' --request-id 'a b'",
    exit: 2,
    says: [
      "error: option '--request-id <id>' argument 'a b' is invalid. It must be 1 to 128 printable ASCII characters without spaces.",
      "try: sealwire call --help",
    ],
  },
  {
    args: "call batch_sum '{\"numbers\":[1]}' --detach --watch",
    exit: 2,
    says: ["error: option '--detach' cannot be used with option '--watch'", "try: sealwire call --help"],
  },
  {
    args: "call batch_sum '{\"numbers\":[1]}' --descriptors broken.json",
    exit: 2,
    says: [
      "error: The descriptors cannot be read (premature EOF); build them with `buf build --as-file-descriptor-set`.",
    ],
  },
  {
    args: "call start_long_task '{\"seconds\":0}'",
    exit: 2,
    says: [
      "error: ARGS_INVALID: The arguments are not a valid sealwire.demo.v1.StartLongTaskRequest: seconds: must be greater than or equal to 1 and less than or equal to 20.",
      "try: Give what the tool takes: `sealwire tools TOOL` shows its fields and rules.",
    ],
  },
  {
    args: "call start_long_task '{\"seconds\":-1}'",
    exit: 2,
    says: [
      "error: ARGS_INVALID: The arguments are not a valid sealwire.demo.v1.StartLongTaskRequest: seconds: must be greater than or equal to 1 and less than or equal to 20.",
      "try: Give what the tool takes: `sealwire tools TOOL` shows its fields and rules.",
    ],
  },
  {
    args: 'call start_long_task \'{"seconds":"0x10"}\'',
    exit: 2,
    says: [
      'error: ARGS_INVALID: The arguments do not fit sealwire.demo.v1.StartLongTaskRequest: seconds: "0x10" is not a decimal number.',
      "try: Give what the tool takes: `sealwire tools TOOL` shows its fields and rules.",
    ],
  },
  {
    args: "call start_long_task '{\"seconds\":2.5}'",
    exit: 2,
    says: [
      "error: ARGS_INVALID: The arguments do not fit sealwire.demo.v1.StartLongTaskRequest: seconds: 2.5 is not a whole number from -2147483648 to 2147483647.",
      "try: Give what the tool takes: `sealwire tools TOOL` shows its fields and rules.",
    ],
  },
  {
    args: 'call poll_job \'{"job_id":"x"}\'',
    exit: 2,
    says: [
      "error: JOB_NOT_FOUND: No such job is visible to this client; check the job id.",
      "try: Check the job id; jobs are forgotten after their retention.",
    ],
  },
  { args: "jobs", exit: 2, says: ["error: a command is missing", "try: sealwire jobs --help"] },
  {
    args: "jobs lst",
    exit: 2,
    says: ["error: unknown command 'lst' (Did you mean list?)", "try: sealwire jobs --help"],
  },
  { args: "jobs get", exit: 2, says: ["error: missing required argument 'job-id'", "try: sealwire jobs get --help"] },
  {
    args: "jobs get not-a-job",
    exit: 2,
    says: [
      "error: JOB_NOT_FOUND: No such job is visible to this client; check the job id.",
      "try: Check the job id; jobs are forgotten after their retention.",
    ],
  },
  {
    args: "jobs get 00000000-0000-4000-8000-000000000000",
    exit: 2,
    says: [
      "error: JOB_NOT_FOUND: No such job is visible to this client; check the job id.",
      "try: Check the job id; jobs are forgotten after their retention.",
    ],
  },
  {
    args: "jobs cancel 00000000-0000-4000-8000-000000000000",
    exit: 2,
    says: [
      "error: JOB_NOT_FOUND: No such job is visible to this client; check the job id.",
      "try: Check the job id; jobs are forgotten after their retention.",
    ],
  },
  {
    args: "jobs watch 00000000-0000-4000-8000-000000000000",
    exit: 2,
    says: [
      "error: JOB_NOT_FOUND: No such job is visible to this client.",
      "try: Check the job id; jobs are forgotten after their retention.",
    ],
  },
  {
    args: "jobs list --state DONE",
    exit: 2,
    says: ['error: "DONE" is not a job state.', "try: Give one of QUEUED, RUNNING, SUCCEEDED, FAILED, CANCELLED."],
  },
  {
    args: "jobs list --limit 0",
    exit: 2,
    says: [
      "error: option '--limit <n>' argument '0' is invalid. It must be a whole number from 1 to 1000000.",
      "try: sealwire jobs list --help",
    ],
  },
  {
    args: "jobs list --limit ten",
    exit: 2,
    says: [
      "error: option '--limit <n>' argument 'ten' is invalid. It must be a whole number from 1 to 1000000.",
      "try: sealwire jobs list --help",
    ],
  },
  {
    args: "jobs list --limit 1000000000",
    exit: 2,
    says: [
      "error: option '--limit <n>' argument '1000000000' is invalid. It must be a whole number from 1 to 1000000.",
      "try: sealwire jobs list --help",
    ],
  },
  {
    args: "tools --jsn",
    exit: 2,
    says: ["error: unknown option '--jsn' (Did you mean --json?)", "try: sealwire tools --help"],
  },
  {
    args: "tools batch_summ",
    exit: 2,
    says: [
      'error: TOOL_FORBIDDEN: The server\'s list_tools shows this client no tool "batch_summ"; did you mean batch_sum?',
      "try: Give the name as `sealwire tools` shows it.",
    ],
  },
  {
    args: "health no.such.Service",
    exit: 2,
    says: ['error: The server has no service "no.such.Service".', "try: Give the full name of a service."],
  },
  {
    args: "health --address CLOSED",
    exit: 4,
    says: [
      "error: UNREACHABLE: The health service does not answer (UNAVAILABLE: no connection to CLOSED: connect ECONNREFUSED CLOSED).",
      "try: Check the address and that the server runs.",
    ],
  },
  {
    args: "sign batch_summ '{}'",
    exit: 2,
    says: [
      'error: TOOL_FORBIDDEN: The server\'s list_tools shows this client no tool "batch_summ"; did you mean batch_sum?',
      "try: Give the name as `sealwire tools` shows it.",
    ],
  },
  {
    args: "sign batch_sum '{\"numbers\":[1]}' --count 0",
    exit: 2,
    says: [
      "error: option '--count <n>' argument '0' is invalid. It must be a whole number from 1 to 1000000.",
      "try: sealwire sign --help",
    ],
  },
  {
    args: "sign batch_sum '{\"numbers\":[1]}' --count x",
    exit: 2,
    says: [
      "error: option '--count <n>' argument 'x' is invalid. It must be a whole number from 1 to 1000000.",
      "try: sealwire sign --help",
    ],
  },
  {
    args: "sign batch_sum '{\"numbers\":[1]}' --binary --grpcurl",
    exit: 2,
    says: ["error: option '--binary' cannot be used with option '--grpcurl'", "try: sealwire sign --help"],
  },
  { args: "verify missing.json", exit: 2, says: ["error: The file missing.json cannot be read (ENOENT)."] },
  {
    args: "verify broken.json",
    exit: 2,
    says: [
      "error: The request is not valid JSON at line 3, column 1.",
      "try: Give the complete output of sealwire sign.",
    ],
  },
  {
    args: "verify list.json",
    exit: 2,
    says: [
      "error: The JSON is not a signed request: cannot decode message sealwire.v1.CallRequest from JSON: Array(2).",
      "try: Give the complete output of `sealwire sign`, and --descriptors FILE for tools that are not built in.",
    ],
  },
  {
    args: "verify --at yesterday",
    stdin: "{}",
    exit: 2,
    says: [
      "error: option '--at <time>' argument 'yesterday' is invalid. It must be a UTC time such as \"2026-11-22T12:00:00Z\".",
      "try: sealwire verify --help",
    ],
  },
  { args: "keys", exit: 2, says: ["error: a command is missing", "try: sealwire keys --help"] },
  {
    args: "keys add",
    exit: 2,
    says: ["error: missing required argument 'client-id'", "try: sealwire keys add --help"],
  },
  {
    args: "keys add 'my app' --tools batch_sum --out new.json",
    exit: 2,
    says: [
      'error: The client id "my app" must be 1 to 128 printable ASCII characters without spaces.',
      "try: Give another value; nothing was changed.",
    ],
  },
  {
    args: "keys add app",
    exit: 2,
    says: ["error: No destination for the credentials.", "try: Give --out FILE, or --print for stdout."],
  },
  {
    args: "keys add app --tools batch_sum --out no-folder/new.json",
    exit: 2,
    says: [
      "error: --out no-folder/new.json cannot be written (ENOENT).",
      "try: Name a file in a folder that you may write to.",
    ],
  },
  {
    args: "keys add app --tools batch_sum --out list.json",
    exit: 2,
    says: ["error: list.json exists and is not overwritten.", "try: Name another file."],
  },
  {
    args: "keys add app --out new.json --tools Batch-Sum",
    exit: 2,
    says: [
      'error: --tools "Batch-Sum" must be a tool name such as "batch_sum", with * for any characters.',
      "try: Give another value; nothing was changed.",
    ],
  },
  {
    args: "keys add app --tools batch_sum --out new.json --burst 0",
    exit: 2,
    says: [
      "error: option '--burst <n>' argument '0' is invalid. It must be a whole number from 1 to 1000000.",
      "try: sealwire keys add --help",
    ],
  },
  {
    args: "keys add app --tools batch_sum --out new.json --calls-per-second lots",
    exit: 2,
    says: [
      "error: option '--calls-per-second <n>' argument 'lots' is invalid. It must be a number from 0.001 to 1000000.",
      "try: sealwire keys add --help",
    ],
  },
  {
    args: "keys add app --tools batch_sum --out new.json --not-before tomorrow",
    exit: 2,
    says: [
      "error: option '--not-before <time>' argument 'tomorrow' is invalid. It must be a UTC time such as \"2026-11-22T12:00:00Z\".",
      "try: sealwire keys add --help",
    ],
  },
  {
    args: "keys add app --tools batch_sum --out new.json --not-before 2027-01-02T00:00:00Z --not-after 2027-01-01T00:00:00Z",
    exit: 2,
    says: [
      "error: --not-after 2027-01-01T00:00:00Z must be later than --not-before, 2027-01-02T00:00:00Z.",
      "try: Give another value; nothing was changed.",
    ],
  },
  {
    args: "keys add app --tools batch_sum --out new.json --server-id other",
    exit: 2,
    says: [
      'error: --server-id "other" is not the server of the key ring .sealwire/key-ring.json: that is sealwire-dev.',
      "try: Leave --server-id out, or name another key ring.",
    ],
  },
  {
    args: "keys add app --tools batch_sum --out new.json --address 'a\nb'",
    exit: 2,
    says: [
      'error: --address "a\\nb" must be an address that a client can call, such as "127.0.0.1:50051".',
      "try: Give another value; nothing was changed.",
    ],
  },
  {
    args: "keys add app --tools batch_sum --out new.json --server-secret-file list.json",
    exit: 2,
    says: [
      "error: --server-secret-file belongs to a key ring in a database, and neither --store nor SEALWIRE_STORE names one.",
      "try: Give --store postgres://…, or --key-ring FILE in place of the server secrets.",
    ],
  },
  {
    args: "keys list --data no-folder",
    exit: 2,
    says: ["error: The key ring FOLDER/no-folder/key-ring.json is needed, but there is no such file."],
  },
  {
    args: "keys rotate nobody --out new.json",
    exit: 2,
    says: ['error: Client "nobody" has no active key.', "try: Add one instead of rotating."],
  },
  {
    args: "keys rotate dev --out new.json --grace soon",
    exit: 2,
    says: [
      'error: option \'--grace <duration>\' argument \'soon\' is invalid. It must be a time span such as "30s", "15m" or "7d", from 0s to 36500d.',
      "try: sealwire keys rotate --help",
    ],
  },
  {
    args: "keys retire no-such-key",
    exit: 2,
    says: ['error: There is no key "no-such-key".', "try: Check the id in the list of keys."],
  },
  {
    args: "keys revoke no-such-key",
    exit: 2,
    says: ['error: There is no key "no-such-key".', "try: Check the id in the list of keys."],
  },
  { args: "store", exit: 2, says: ["error: a command is missing", "try: sealwire store --help"] },
  {
    args: "store backup",
    exit: 2,
    says: ["error: missing required argument 'file'", "try: sealwire store backup --help"],
  },
  {
    args: "store backup list.json",
    exit: 2,
    says: ["error: list.json exists and is not overwritten.", "try: Name another file."],
  },
  {
    args: "store backup new.db --data no-folder",
    exit: 2,
    says: [
      'error: There is no store at "no-folder/sealwire.db".',
      "try: Name the server's folder with --data. A store in a database is copied by the database's own tools (pg_dump).",
    ],
  },
  {
    args: "store migrate --store mysql://localhost/x",
    exit: 2,
    says: [
      "error: The store that --store names is not a PostgreSQL URL.",
      "try: Give postgres://USER@HOST/DATABASE, or --data DIR for a store in a folder.",
    ],
  },
  {
    args: "store migrate --store postgres://localhost/x?sslmod=require",
    exit: 2,
    says: ['error: The store\'s URL has a parameter "sslmod", which is not known.', "try: Did you mean sslmode?"],
  },
  {
    args: "store migrate --store postgres://me@CLOSED/x",
    exit: 4,
    says: [
      "error: UNAVAILABLE: The database CLOSED/x cannot be used: connect ECONNREFUSED CLOSED.",
      "try: Try again, after the retry delay if there is one.",
    ],
  },
  {
    args: "store repair-clock --data no-folder",
    exit: 2,
    says: ['error: There is no store at "no-folder/sealwire.db".', "try: Name the server's folder with --data."],
  },
  {
    args: "serve --data empty",
    exit: 2,
    says: [
      "error: There are no tools to serve.",
      "try: Give --tools MODULE, --upstream NAME=ADDRESS, --mcp-server NAME=COMMAND, --demo-tools or --dev.",
    ],
  },
  {
    args: "serve --dev --listen foo",
    exit: 2,
    says: ['error: "foo" is not an address; write HOST:PORT, [IPV6]:PORT or unix:PATH.'],
  },
  {
    args: "serve --dev --listen 127.0.0.1:70000",
    exit: 2,
    says: ['error: "127.0.0.1:70000" is not an address; write HOST:PORT, [IPV6]:PORT or unix:PATH.'],
  },
  {
    args: "serve --dev --data other --listen ADDRESS",
    exit: 2,
    says: ["error: Cannot listen on ADDRESS: another process uses it; choose another address."],
  },
  {
    args: "serve --dev --data other --listen 0.0.0.0:0",
    exit: 2,
    says: [
      "error: Without TLS the server listens on this machine only, not on 0.0.0.0:0; give it a certificate (--tls-cert, --tls-key), or set --insecure.",
    ],
  },
  {
    args: "serve --dev --data other --listen 127.0.0.1:0 --log-level loud",
    exit: 2,
    says: [
      "error: option '--log-level <level>' argument 'loud' is invalid. Allowed choices are debug, info, warn, error, silent.",
      "try: sealwire serve --help",
    ],
  },
  {
    args: "serve --dev --data other --listen 127.0.0.1:0 --drain-timeout 1y",
    exit: 2,
    says: [
      'error: option \'--drain-timeout <duration>\' argument \'1y\' is invalid. It must be a time span such as "30s", "15m" or "7d", from 0s to 24h.',
      "try: sealwire serve --help",
    ],
  },
  {
    args: "serve --dev --data other --listen 127.0.0.1:0 --config missing.json",
    exit: 2,
    says: ["error: The configuration missing.json is refused: it cannot be read (ENOENT)."],
  },
  {
    args: "serve --dev --data other --listen 127.0.0.1:0 --config config-unknown.json",
    exit: 2,
    says: [
      'error: The configuration config-unknown.json is refused: has an unknown field "concurency"; the nearest is concurrency.',
    ],
  },
  {
    args: "serve --dev --data other --listen 127.0.0.1:0 --config config-range.json",
    exit: 2,
    says: [
      "error: The configuration config-range.json is refused: limits.connection_age_max_ms: must be a whole number from 1 to 1209600000.",
    ],
  },
  {
    args: "serve --dev --data other --listen 127.0.0.1:0 --config config-type.json",
    exit: 2,
    says: [
      "error: The configuration config-type.json is refused: concurrency: must be a whole number from 0 to 10000.",
    ],
  },
  {
    args: "serve --dev --data other --listen 127.0.0.1:0 --config config-broken.json",
    exit: 2,
    says: ["error: The configuration config-broken.json is refused: is not valid JSON at line 1, column 20."],
  },
  {
    args: "serve --dev --data other --listen 127.0.0.1:0 --tools missing.mjs",
    exit: 2,
    says: [
      "error: The tools module missing.mjs cannot be used: FOLDER/missing.mjs does not exist.",
      "try: Check the path; it is relative to the current folder.",
    ],
  },
  {
    args: "serve --dev --data other --listen 127.0.0.1:0 --tools tools-nothing.mjs",
    exit: 2,
    says: [
      "error: The tools module tools-nothing.mjs cannot be used: it must export `tools`, a list of what implement(…) returns.",
      "try: Fix its exports; the README shows what a module looks like.",
    ],
  },
  {
    args: "serve --dev --data other --listen 127.0.0.1:0 --tools tools-throws.mjs",
    exit: 2,
    says: [
      "error: The tools module tools-throws.mjs cannot be loaded: tools-throws.mjs:3:7: Error: no licence found.",
      "try: Correct it there; SEALWIRE_DEBUG=1 shows the whole stack.",
    ],
  },
  {
    args: "serve --dev --data other --listen 127.0.0.1:0 --tools tools-awaits.mjs",
    exit: 2,
    says: [
      "error: The tools module tools-awaits.mjs cannot be loaded: tools-awaits.mjs:2:22: Error: ENOENT: no such file or directory, open 'missing.json'.",
      "try: Correct it there; SEALWIRE_DEBUG=1 shows the whole stack.",
    ],
  },
  {
    args: "serve --dev --data other --listen 127.0.0.1:0 --tools tools-syntax.mjs",
    exit: 2,
    says: [
      "error: The tools module tools-syntax.mjs cannot be loaded: tools-syntax.mjs:3:5: SyntaxError: Unexpected number.",
      "try: Correct it there; SEALWIRE_DEBUG=1 shows the whole stack.",
    ],
  },
  {
    args: "serve --dev --data other --listen 127.0.0.1:0 --tools tools-imports.mjs",
    exit: 2,
    says: [
      "error: The tools module tools-imports.mjs cannot be loaded: Error: Cannot find module 'FOLDER/missing.mjs' imported from FOLDER/tools-imports.mjs.",
      "try: Correct it there; SEALWIRE_DEBUG=1 shows the whole stack.",
    ],
  },
  {
    args: "serve --dev --data other --listen 127.0.0.1:0 --tls-cert cert.pem",
    exit: 2,
    says: ["error: TLS needs a certificate and its key.", "try: Give both --tls-cert and --tls-key."],
  },
  {
    args: "serve --dev --data other --listen 127.0.0.1:0 --metrics 0.0.0.0:0",
    exit: 2,
    says: [
      "error: Metrics are served on this machine only, not on 0.0.0.0:0; use 127.0.0.1:PORT, or set --metrics-public.",
    ],
  },
  {
    args: "serve --dev --data other --listen 127.0.0.1:0 --metrics ADDRESS",
    exit: 2,
    says: ["error: Cannot serve metrics on ADDRESS: another process uses it; choose another address."],
  },
  {
    args: "serve --dev --data other --listen 127.0.0.1:0 --reuse-port",
    exit: 2,
    says: [
      "error: Processes that share a port must share a store.",
      "try: Give --store postgres://…, too, or leave out --reuse-port.",
    ],
  },
  {
    args: "serve --store postgres://me@CLOSED/x --key-ring list.json",
    exit: 2,
    says: [
      "error: There are no tools to serve.",
      "try: Give --tools MODULE, --upstream NAME=ADDRESS, --mcp-server NAME=COMMAND, --demo-tools or --dev.",
    ],
  },
  {
    args: "work --store postgres://me@CLOSED/x --upstream a=unix:/x --upstream-descriptors a=list.json",
    exit: 2,
    says: [
      "error: Upstreams are told the id of the server, which a worker does not know.",
      "try: Give --server-id NAME, as the servers of the store have it.",
    ],
  },
  {
    args: "work",
    exit: 2,
    says: [
      "error: The command work needs a shared store.",
      "try: Give --store postgres://…; with a store in a folder, `sealwire serve` runs the jobs itself.",
    ],
  },
  {
    args: "work --store sqlite:jobs.db",
    exit: 2,
    says: [
      "error: The store that --store names is not a PostgreSQL URL.",
      "try: Give postgres://USER@HOST/DATABASE, or --data DIR for a store in a folder.",
    ],
  },
];
