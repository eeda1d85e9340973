/** What a model is shown of a tool, computed by the client from the signed contract. */
export interface ShownTool {
  readonly name: string;
  /** Its definition digest (docs/protocol.md, Tool definitions). */
  readonly digest: string;
  /** The definition for people, one statement a line. */
  readonly lines: readonly string[];
}

/** Whether a definition is accepted. `isNew`: it was pinned by this check. */
export type PinVerdict =
  | { readonly kind: "accepted"; readonly isNew: boolean }
  | {
      readonly kind: "changed";
      /** The digest of the accepted definition. */
      readonly pinned: string;
      /** Lines that begin with "- " (before) or "+ " (now). */
      readonly difference: readonly string[];
    };

/** The definitions of tools that a person or a program has accepted, such as those of {@link filePins}. */
export interface ToolPins {
  /** Compares a definition with the accepted one. May accept a tool that it does not know. */
  check(serverId: string, tool: ShownTool): Promise<PinVerdict>;
}
