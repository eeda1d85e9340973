import { openSqliteStore } from "../../src/store/sqlite/open.ts";
import { suite } from "../support/suite.ts";
import { defineFailures } from "./failures.ts";

const test = suite("upstream/failures-sqlite");

defineFailures(test, () => openSqliteStore({ path: ":memory:" }));

test.run();
