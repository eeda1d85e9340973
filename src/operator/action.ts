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

/** Somebody who signed in to a page for operators, such as the console, or was refused there. */
export interface OperatorAccess {
  readonly kind: "signed in" | "refused";
  /** Who it is; `undefined` if that is not known. */
  readonly actor: Pick<OperatorActor, "clientId" | "role"> | undefined;
  /** Address of the peer with its port. */
  readonly source: string;
  /** Why it was refused, one of a closed set. */
  readonly cause?: string;
}

/** Observes the actions of operators, for example to write them to an audit log. */
export interface OperatorObserver {
  /** Called before the action, which begins when this resolves. An error that it throws refuses the action. */
  actionBegins(action: OperatorAction): Promise<void>;
  /** Called after the action. Must not throw. `error`: why it failed. */
  actionEnded(action: OperatorAction, error: SealwireError | undefined): void;
  /** Called after a sign-in and after a refusal. Must not throw. */
  accessed(access: OperatorAccess): void;
}
