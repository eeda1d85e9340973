/** The console serves lit-html beside its own modules. */
export * from "lit-html/directives/repeat.js";
