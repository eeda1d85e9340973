// test-limit-ms: 600000
import { clientSuite } from "./clients/client-suite.ts";
import { languages } from "./clients/languages.ts";

clientSuite(languages.typescript).run();
