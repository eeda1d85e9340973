import { readFileSync } from "node:fs";
import { parseAllDocuments } from "yaml";
import { goldenPath, type VALUES } from "../interop/helm/chart-tool.ts";
import { assert } from "../support/suite.ts";

/** As much of a Kubernetes object as is looked at. */
export interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> };
  /** `undefined` for a ConfigMap. */
  readonly spec?: {
    readonly replicas?: number;
    readonly strategy?: object;
    readonly template?: { readonly spec: Pod };
    readonly [field: string]: unknown;
  };
  readonly data?: Readonly<Record<string, string>>;
}

export interface Pod {
  readonly terminationGracePeriodSeconds?: number;
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly volumes?: readonly { readonly name: string; readonly [source: string]: unknown }[];
  readonly [field: string]: unknown;
}

export interface Container {
  readonly name: string;
  readonly args?: readonly string[];
  readonly env?: readonly {
    readonly name: string;
    readonly value?: string;
    readonly valueFrom?: Readonly<Record<string, unknown>>;
  }[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
  readonly securityContext?: Readonly<Record<string, unknown>>;
  readonly [field: string]: unknown;
}

/** The objects in a YAML file, which has no errors and no warnings. */
export function manifestsOf(path: string): readonly Manifest[] {
  return parseAllDocuments(readFileSync(path, "utf8"), { strict: true }).map((document) => {
    assert.equal([...document.errors, ...document.warnings], [], path);
    return document.toJS() as Manifest;
  });
}

/** What the chart makes of values, as test/interop/helm renders it. */
export function renderedChart(values: (typeof VALUES)[number]): readonly Manifest[] {
  return manifestsOf(goldenPath(values));
}
