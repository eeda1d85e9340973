import { sqliteUnderTest } from "./sqlite-under-test.ts";
import { storeContract } from "./store-contract.ts";

storeContract(sqliteUnderTest);
