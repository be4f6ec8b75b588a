// Asks everything in order, and makes a report of what was found.

import { Clocks } from './clocks.js';
import { examineDiscovery } from './discovery.js';
import { type Finding, Findings } from './finding.js';
import { examineNodes } from './nodes.js';
import { examineRedisOf, type RedisTerms } from './redis.js';
import { type Admitted, examineToken } from './tokens.js';

export interface DoctorTerms {
  /** Absent: the memory broker. */
  readonly redis: RedisTerms | undefined;
  /** Of discovery, or of `start`. */
  readonly url: string;
  readonly adminKey: string | undefined;
  /** Where discovery may answer operators, in the order in which that is tried. */
  readonly operatorsUrls: readonly string[];
  /** Of a user; absent: the client is anonymous. */
  readonly token: string | undefined;
  readonly origins: readonly string[];
  readonly jwksUrl: string | undefined;
  readonly wantedConnections: number;
  /** Codes of what is known and accepted. */
  readonly ignored: ReadonlySet<string>;
}

export interface Report {
  /** Whether nothing was found. */
  readonly clean: boolean;
  readonly findings: readonly Finding[];
  readonly asked: readonly string[];
  readonly notAsked: Findings['notAsked'];
}

/** `found` may hold what is wrong with the configuration already. Never rejects for what it finds. */
export async function examine(terms: DoctorTerms, found = new Findings()): Promise<Report> {
  const { url, adminKey, operatorsUrls: places, token, origins, jwksUrl, wantedConnections } = terms;
  const clocks = new Clocks();
  const [origin] = origins;
  if (terms.redis === undefined) found.notAsked.push({ what: 'redis', why: 'no FANFARE_REDIS_URL' });
  else await examineRedisOf(terms.redis, found, clocks);
  const listed = await examineDiscovery({ url, adminKey, places, origins }, found, clocks);
  let admitted: Admitted | undefined;
  if (found.asked.includes('discovery')) {
    const isDenied = found.all.some(({ code }) => code === 'origin_denied');
    admitted = await examineToken({ url, token, origin: isDenied ? undefined : origin, jwksUrl }, found);
  }
  const nodes = (listed ?? admitted?.nodes)?.toSorted((one, other) => (one.id < other.id ? -1 : 1));
  if (nodes === undefined) found.notAsked.push({ what: 'nodes', why: whyNoNodes(found) });
  else {
    const client = { ticket: admitted?.ticket, origin };
    await examineNodes(nodes, { adminKey, ...client, wantedConnections }, found, clocks);
  }
  clocks.judge(found);
  found.judgeSymptoms(terms.ignored);
  const findings = found.all.filter(({ code }) => !terms.ignored.has(code));
  return { clean: findings.length === 0, findings, asked: found.asked, notAsked: found.notAsked };
}

function whyNoNodes({ asked }: Findings): string {
  if (!asked.includes('discovery')) return 'discovery names them';
  return 'discovery names them to an admin key, or to a client that it lets in';
}

/** The report for people. */
export function reportText({ findings, asked, notAsked }: Report): string {
  const lines = findings.flatMap(({ severity, code, message, mend }) => [
    `${severity} ${code}: ${message}`,
    `    mend: ${mend}`,
  ]);
  const left = notAsked.map(({ what, why }) => `not asked: ${what} (${why})`);
  const count = findings.length === 1 ? '1 finding' : `${findings.length} findings`;
  return [...lines, ...left, `${count}; asked: ${asked.join(', ') || 'nothing'}`].join('\n');
}
