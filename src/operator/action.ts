import type { SealwireError } from "../errors.ts";
import type { OperatorActor } from "./actor.ts";

/** Something that an operator does and that has an effect. */
export interface OperatorAction {
  readonly actor: OperatorActor;
  /** The tool that does the same. */
  readonly name: "cancel_any_job" | "retire_key" | "revoke_key";
  /** What it is applied to. */
  readonly target: { readonly type: "job" | "key"; readonly id: string };
}

/** Observes the actions of operators, for example to write them to an audit log. */
export interface OperatorObserver {
  /** Called before the action, which begins when this resolves. An error that it throws refuses the action. */
  actionBegins(action: OperatorAction): Promise<void>;
  /** Called after the action. Must not throw. `error`: why it failed. */
  actionEnded(action: OperatorAction, error: SealwireError | undefined): void;
}
