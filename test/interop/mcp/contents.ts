import type { ContentBlock } from "@modelcontextprotocol/server";

/* What the tools of the fixtures return, by their names in the conformance suite, which begin with "test_". */

/** A PNG of one red pixel. */
const PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==";
/** A WAV file without samples. */
const SILENCE = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA=";

const image: ContentBlock = { type: "image", data: PIXEL, mimeType: "image/png" };

/** The blocks of each tool. */
export const contents = {
  simple_text: [{ type: "text", text: "A text without anything special." }],
  image_content: [image],
  audio_content: [{ type: "audio", data: SILENCE, mimeType: "audio/wav" }],
  embedded_resource: [
    { type: "resource", resource: { uri: "test://embedded-resource", mimeType: "text/plain", text: "The resource." } },
  ],
  multiple_content_types: [
    { type: "text", text: "A text, a picture and a resource:" },
    image,
    {
      type: "resource",
      resource: { uri: "test://mixed-content-resource", mimeType: "application/json", text: '{"value":123}' },
    },
  ],
} as const satisfies Readonly<Record<string, readonly ContentBlock[]>>;

/** The name of such a tool without its beginning. */
export type ContentName = keyof typeof contents;
