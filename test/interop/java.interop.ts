// test-limit-ms: 1200000
import { clientSuite } from "./clients/client-suite.ts";
import { languages } from "./clients/languages.ts";

clientSuite(languages.java).run();
