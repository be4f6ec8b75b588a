// The public conformance suite of the Durable Streams protocol, unmodified; run by the test beside it in a process of its own.

import { runConformanceTests } from '@durable-streams/server-conformance-tests';

const baseUrl = process.env.FANFARE_TEST_URL;
if (baseUrl === undefined) throw new Error('FANFARE_TEST_URL is not set');
runConformanceTests({ baseUrl });
