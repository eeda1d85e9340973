// test-limit-ms: 1200000
import { testServing } from "./serving.ts";

testServing("rust");
