import { registerHooks } from "node:module";

/* Preloaded (`node --import`). Makes the package HIDDEN_PACKAGE one that is not installed. */
const hidden = process.env.HIDDEN_PACKAGE;

registerHooks({
  resolve(specifier, context, next) {
    if (specifier !== hidden && !specifier.startsWith(`${hidden}/`)) return next(specifier, context);
    const error = new Error(`Cannot find package '${hidden}' imported from ${context.parentURL}`);
    throw Object.assign(error, { code: "ERR_MODULE_NOT_FOUND" });
  },
});
