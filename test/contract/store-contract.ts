import { attemptsContract } from "./attempts.ts";
import { auditHeadsContract } from "./audit-heads.ts";
import { cancellingContract } from "./cancelling.ts";
import { handingBackContract } from "./handing-back.ts";
import { listingContract } from "./listing.ts";
import { operatingContract } from "./operating.ts";
import { recoveringContract } from "./recovering.ts";
import { rememberingContract } from "./remembering.ts";
import { replayingContract } from "./replaying.ts";
import type { EngineUnderTest } from "./store-under-test.ts";
import { submittingContract } from "./submitting.ts";
import { watchingContract } from "./watching.ts";
import { watchingAllContract } from "./watching-all.ts";
import { workingContract } from "./working.ts";

/** Registers all requirements on a store (docs/protocol.md, Jobs, Intents, Replay guard) as tests of `engine`. */
export function storeContract(engine: EngineUnderTest): void {
  submittingContract(engine);
  listingContract(engine);
  watchingContract(engine);
  watchingAllContract(engine);
  cancellingContract(engine);
  workingContract(engine);
  handingBackContract(engine);
  recoveringContract(engine);
  replayingContract(engine);
  rememberingContract(engine);
  auditHeadsContract(engine);
  attemptsContract(engine);
  operatingContract(engine);
}
