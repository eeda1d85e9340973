import type { RawFrame, RawRequest } from "../support/raw-client.ts";
import { suite } from "../support/suite.ts";
import { HostileSite } from "./hostile-site.ts";
import { assertUnharmed } from "./measured.ts";
import { emptyValues, flood, mapEntries, signedBefore } from "./one-client.ts";

const test = suite("hostile/large-frames");
const GROWTH_MIB = 500;

const ATTACKS: readonly (readonly [name: string, request: RawRequest])[] = [
  ["frames of 1 MiB with 510,000 empty Values", emptyValues(510_000)],
  ["frames of 64 KiB with 32,000 empty Values", emptyValues(32_000)],
  ["frames of 200 KB with the most Values that are allowed", emptyValues(99_990)],
  ["frames of 700 KB with the most map entries that are allowed", mapEntries(49_990)],
];

for (const [name, request] of ATTACKS) {
  test(`${name} from one key hold no other client up`, async () => {
    await using site = await HostileSite.start({ clients: ["mallory"] });
    const measured = await site.measure(name, async (target) => {
      // As many as are answered meanwhile, so that none is sent twice.
      const frames = signedBefore(target, 400, () => request);
      const next = (index: number) => frames[index % frames.length] as RawFrame;
      return flood(target, { connections: 4, atOnce: 64, next });
    });
    // How many are answered is the machine's affair; that some were shows that the attack took place.
    assertUnharmed(measured, { growthMiB: GROWTH_MIB, countLeast: 1 });
  });
}

test.run();
