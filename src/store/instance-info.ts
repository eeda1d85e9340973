import type { InstanceRecord } from "./operator-view.ts";

/** What a process tells the store about itself, for operators. */
export type InstanceInfo = Pick<InstanceRecord, "role" | "address">;

/** The role of a process that has announced none. */
export const UNANNOUNCED: InstanceInfo = { role: "worker", address: "" };
