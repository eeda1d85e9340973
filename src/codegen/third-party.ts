import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { file_buf_validate_validate } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { printFile } from "./print-file.ts";

const PACKAGES = join(import.meta.dirname, "..", "..", "node_modules");

/** The npm packages that contain the imported or served third-party contracts, by import path. */
const SOURCES: Readonly<Record<string, string>> = {
  "google/rpc/code.proto": "google-proto-files/google/rpc/code.proto",
  "google/rpc/status.proto": "google-proto-files/google/rpc/status.proto",
  "google/rpc/error_details.proto": "google-proto-files/google/rpc/error_details.proto",
  "grpc/health/v1/health.proto": "grpc-health-check/proto/health/v1/health.proto",
  "grpc/reflection/v1/reflection.proto": "@grpc/reflection/build/proto/grpc/reflection/v1/reflection.proto",
  "grpc/reflection/v1alpha/reflection.proto": "@grpc/reflection/build/proto/grpc/reflection/v1alpha/reflection.proto",
};

/** No package contains this file, only its descriptor. */
const VALIDATE = "buf/validate/validate.proto";

/** Third-party contracts that `npm run generate` reads to compile ours. */
export const ALL_THIRD_PARTY_PROTOS: readonly string[] = [VALIDATE, ...Object.keys(SOURCES)];

/** Third-party contracts that a contract needs which imports ours, and that compilers do not include. */
export const IMPORTED_THIRD_PARTY_PROTOS: readonly string[] = [VALIDATE, "google/rpc/code.proto"];

/**
 * Makes `folder` the root of a proto module that contains exactly the named third-party contracts. Files that are up to
 * date are not rewritten, because a compiler may be reading them.
 */
export function writeThirdPartyProtos(folder: string, names: readonly string[]): void {
  for (const stray of globSync("**/*.proto", { cwd: folder })) {
    if (!names.includes(stray)) rmSync(join(folder, stray));
  }
  for (const name of names) {
    const target = join(folder, name);
    const text = thirdPartyProto(name);
    if (existsSync(target) && readFileSync(target, "utf8") === text) continue;
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, text);
  }
}

function thirdPartyProto(name: string): string {
  if (name === VALIDATE) return validateProto();
  const source = SOURCES[name];
  if (source === undefined) throw new Error(`no package is known for ${name}`);
  return readFileSync(join(PACKAGES, source), "utf8");
}

/** Returns the text of buf/validate/validate.proto, printed from the descriptor in @bufbuild/protovalidate. */
function validateProto(): string {
  const { version } = JSON.parse(readFileSync(join(PACKAGES, "@bufbuild/protovalidate/package.json"), "utf8"));
  return `${[
    "// Copyright 2023-2026 Buf Technologies, Inc.",
    "//",
    "// Licensed under the Apache License, Version 2.0; you may not use this file except in compliance with it:",
    "// http://www.apache.org/licenses/LICENSE-2.0",
    "//",
    `// Printed from the descriptor in the npm package @bufbuild/protovalidate ${version}, which has no comments;`,
    "// what each rule means is written at https://buf.build/bufbuild/protovalidate/docs/main:buf.validate.",
    "",
  ].join("\n")}\n${printFile(file_buf_validate_validate)}`;
}
