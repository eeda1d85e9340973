// test-limit-ms: 1200000
import { testCommands } from "./commands.ts";

testCommands("python");
