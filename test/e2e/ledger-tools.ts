import { create, type DescMessage, fromBinary, type Message, setExtension, toBinary } from "@bufbuild/protobuf";
import {
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  FieldDescriptorProto_Label as Label,
  MethodOptions_IdempotencyLevel as Level,
  type MethodOptions,
  MethodOptionsSchema,
  SourceCodeInfoSchema,
  FieldDescriptorProto_Type as Type,
} from "@bufbuild/protobuf/wkt";
import { outputBytes, type ToolContext } from "../../src/tools/handler.ts";
import { implement, type ToolImplementation } from "../../src/tools/implement.ts";
import { builtinDescriptorSet, builtinImage, type Image, messageDesc, readImage } from "../../src/wire/descriptors.ts";

/** What every tool of the ledger takes and gives. */
export interface Entry {
  readonly settled: boolean;
  readonly cents: number;
  readonly tags: Readonly<Record<string, number>>;
}

/** What a tool does before it answers; by itself it answers with its arguments, byte for byte. */
export type LedgerHandler = (context: ToolContext) => Promise<Uint8Array | undefined> | Uint8Array | undefined;

/** What the tools of a ledger do. */
export interface LedgerHandlers {
  /** A sync tool with side effects, so that its intent is recorded. */
  readonly addEntry?: LedgerHandler;
  /** A sync tool without side effects. */
  readonly checkEntry?: LedgerHandler;
  /** A job that gets one attempt. */
  readonly closeYear?: LedgerHandler;
}

const PACKAGE = "sealwire.test.ledger.v1";
const SERVICE = `${PACKAGE}.LedgerToolService`;

/** A user's own contract, as his image holds it: a tool of each kind, and a message with what languages encode apart. */
const file: FileDescriptorProto = create(FileDescriptorProtoSchema, {
  name: "sealwire/test/ledger/v1/ledger.proto",
  package: PACKAGE,
  syntax: "proto3",
  dependency: ["google/protobuf/struct.proto", "sealwire/v1/options.proto"],
  messageType: [
    {
      name: "Entry",
      field: [
        { name: "settled", number: 1, type: Type.BOOL, label: Label.OPTIONAL, jsonName: "settled" },
        { name: "cents", number: 2, type: Type.INT32, label: Label.OPTIONAL, jsonName: "cents" },
        {
          name: "tags",
          number: 3,
          type: Type.MESSAGE,
          label: Label.REPEATED,
          typeName: `.${PACKAGE}.Entry.TagsEntry`,
          jsonName: "tags",
        },
        {
          name: "note",
          number: 4,
          type: Type.MESSAGE,
          label: Label.OPTIONAL,
          typeName: ".google.protobuf.Struct",
          jsonName: "note",
        },
      ],
      nestedType: [
        {
          name: "TagsEntry",
          options: { mapEntry: true },
          field: [
            { name: "key", number: 1, type: Type.STRING, label: Label.OPTIONAL, jsonName: "key" },
            { name: "value", number: 2, type: Type.INT32, label: Label.OPTIONAL, jsonName: "value" },
          ],
        },
      ],
    },
  ],
  service: [
    {
      name: "LedgerToolService",
      method: [
        { name: "AddEntry", inputType: `.${PACKAGE}.Entry`, outputType: `.${PACKAGE}.Entry` },
        {
          name: "CheckEntry",
          inputType: `.${PACKAGE}.Entry`,
          outputType: `.${PACKAGE}.Entry`,
          options: { idempotencyLevel: Level.NO_SIDE_EFFECTS },
        },
        {
          name: "CloseYear",
          inputType: `.${PACKAGE}.Entry`,
          outputType: `.${PACKAGE}.Entry`,
          options: jobOptions(1),
        },
      ],
    },
  ],
});

function jobOptions(maxAttempts: number): MethodOptions {
  const extension = builtinImage().registry.getExtension("sealwire.v1.job");
  const policy = messageDesc(builtinImage(), "sealwire.v1.JobPolicy");
  if (extension === undefined) throw new Error("the contract has no job option");
  const options = create(MethodOptionsSchema);
  setExtension(options, extension, Object.assign(create(policy), { maxAttempts }));
  return options;
}

/** The serialized image of the ledger's contract, without what it imports. */
export const ledgerDescriptors: Uint8Array = toBinary(
  FileDescriptorSetSchema,
  create(FileDescriptorSetSchema, { file: [file] }),
);

/** The same image with this comment above AddEntry, CheckEntry and CloseYear. */
export function commentedLedger(comment: string): Uint8Array {
  const location = [0, 1, 2].map((index) => ({ path: [6, 0, 2, index], span: [0, 0, 0], leadingComments: comment }));
  const commented = { ...file, sourceCodeInfo: create(SourceCodeInfoSchema, { location }) };
  return toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: [commented] }));
}

/** The ledger's contract with all it imports. */
export const ledgerImage: Image = readImage(builtinDescriptorSet(), ledgerDescriptors);

/** The request and response of every tool of the ledger. */
export const entryDesc: DescMessage = messageDesc(ledgerImage, `${PACKAGE}.Entry`);

const entryCodec = {
  encode: (entry: Entry) => ({ finish: () => toBinary(entryDesc, entry as Entry & Message) }),
  decode: (bytes: Uint8Array): Entry => fromBinary(entryDesc, bytes) as unknown as Entry,
  fromPartial: (fields: Partial<Entry>): Entry => Object.assign(create(entryDesc) as unknown as Entry, fields),
};

function method<Name extends string>(name: Name, options: object = {}) {
  return {
    name,
    requestType: entryCodec,
    responseType: entryCodec,
    requestStream: false,
    responseStream: false,
    options,
  } as const;
}

/** The ledger's definition, as a generator would write it. */
export const LedgerToolServiceDefinition = {
  name: "LedgerToolService",
  fullName: SERVICE,
  methods: {
    addEntry: method("AddEntry"),
    checkEntry: method("CheckEntry", { idempotencyLevel: "NO_SIDE_EFFECTS" }),
    closeYear: { ...method("CloseYear"), options: { _unknownFields: { 404882: [new Uint8Array([2, 32, 1])] } } },
  },
} as const;

/** The ledger's tools. */
export function ledgerTools({ addEntry, checkEntry, closeYear }: LedgerHandlers = {}): ToolImplementation {
  return implement(LedgerToolServiceDefinition, {
    addEntry: (_input, context) => answer(context, addEntry),
    checkEntry: (_input, context) => answer(context, checkEntry),
    closeYear: (_input, context) => answer(context, closeYear),
  });
}

async function answer(context: ToolContext, handler: LedgerHandler | undefined) {
  return outputBytes((await handler?.(context)) ?? context.args);
}
