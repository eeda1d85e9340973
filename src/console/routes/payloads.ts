import { fromBinary } from "@bufbuild/protobuf";
import { Any } from "../../../gen/google/protobuf/any.ts";
import type { Toolset } from "../../tools/toolset.ts";
import { toLenientJson } from "../../validation/lenient-json.ts";
import { messageDesc } from "../../wire/descriptors.ts";
import { actorOf } from "../actor.ts";
import type { PayloadsAnswer } from "../answers.ts";
import type { Route } from "../route.ts";
import { shownText } from "../shown-text.ts";
import type { ConsoleSource } from "../source.ts";

/** The longest payload that is sent to a page, in characters. */
const PAYLOAD_MOST = 100_000;

/** The route of the arguments and the result of a job. A server that does not show them to operators refuses it. */
export function payloadRoutes({ operator, toolset }: ConsoleSource): readonly Route[] {
  return [
    {
      method: "GET",
      path: "/api/jobs/*/payloads",
      role: "operator",
      async answer(request): Promise<PayloadsAnswer> {
        const asked = { jobId: request.name, includePayloads: true };
        const { args, result } = await operator.describeJob(actorOf(request), asked);
        return {
          ...(args !== undefined && { args: payloadText(toolset(), Any.encode(args).finish()) }),
          ...(result !== undefined && { result: payloadText(toolset(), result) }),
        };
      },
    },
  ];
}

/** A serialized Any as indented ProtoJSON; a message of a type that this process does not know as its bytes in base64. */
function payloadText({ image }: Toolset, any: Uint8Array): string {
  const desc = messageDesc(image, "google.protobuf.Any");
  const json = toLenientJson(desc, fromBinary(desc, any), image.registry);
  return shownText(JSON.stringify(json, null, 2), PAYLOAD_MOST);
}
