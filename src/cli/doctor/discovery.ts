// Asks discovery as clients and operators do: whether it answers, is ready, knows nodes and lets pages in.

import { PATHS } from '../../protocol/index.js';
import { whyNot } from '../why-not.js';
import { checksIn, clockOf, type FoundNode, type ProcessCheck } from './answers.js';
import { type Answer, ask, bearer } from './ask.js';
import type { Clocks } from './clocks.js';
import type { Findings } from './finding.js';
import { notReady } from './not-ready.js';
import { findOperators, listedNodes, type OperatorsTerms } from './operators.js';
import { untilSettled } from './settled.js';

/** What discovery says where it knows none, or none has ever been there. */
export const NO_NODE = /no node (is known|has loaded)/;

export interface DiscoveryTerms extends OperatorsTerms {
  /** For clients. */
  readonly url: string;
  /** Of pages that are to be let in. */
  readonly origins: readonly string[];
}

/** What a node says where clients ask discovery. */
const OF_NODE = /push node/;

/** The nodes that it knows; `undefined` where it cannot be asked for them. */
export async function examineDiscovery(
  terms: DiscoveryTerms,
  found: Findings,
  clocks: Clocks,
): Promise<readonly FoundNode[] | undefined> {
  const { url, adminKey, origins } = terms;
  if (!(await isAlive(url, found, clocks))) return undefined;
  found.asked.push('discovery');
  const operators = await findOperators(terms, found);
  // Where they have a port of their own, what is not ready is told in full there alone.
  const ready = await readiness(operators ?? url, bearer(adminKey));
  if (ready !== undefined) judgeReadiness(ready, found);
  for (const origin of origins) await examineOrigin(url, origin, found);
  if (operators === undefined) return undefined;
  const listed = await listedNodes(operators, adminKey);
  if (listed === undefined) {
    found.notAsked.push({ what: 'the list of nodes', why: `${operators} had it, and has it no more: run this again` });
  }
  return listed;
}

async function isAlive(url: string, found: Findings, clocks: Clocks): Promise<boolean> {
  const sentMs = Date.now();
  let answer: Answer;
  try {
    answer = await ask(url + PATHS.livez);
  } catch (error) {
    const message = `discovery cannot be reached at ${url}: ${whyNot(error)}`;
    found.error('discovery', 'discovery_unreachable', message, 'start it, or give its URL by --url or FANFARE_URL');
    return false;
  }
  const clock = clockOf(answer, sentMs);
  if (clock !== undefined) clocks.add({ who: `discovery at ${url}`, area: 'discovery', ...clock });
  if (answer.json.live === true) return isDiscovery(url, found);
  const message = `something else than Fanfare answers at ${url} (${answer.status})`;
  found.error(
    'discovery',
    'discovery_elsewhere',
    message,
    'the URL, or the proxy before discovery: pass everything on',
  );
  return false;
}

/** A node, and a port for operators, are alive at these paths too, and have nothing where clients ask discovery. */
async function isDiscovery(url: string, found: Findings): Promise<boolean> {
  const answer = await ask(url + PATHS.connect).catch(() => undefined);
  if (answer?.status !== 404 || answer.json.code !== 'not_found') return true;
  const isNode = OF_NODE.test(String(answer.json.detail));
  const message = isNode
    ? `a node answers at ${url}, which is no discovery`
    : `a port for operators answers at ${url}, where clients get nothing`;
  const mend = 'give the URL of discovery, or of `fanfare start`, by --url or FANFARE_URL';
  const rest = isNode ? '' : '; that of its port for operators by --ops-url';
  found.error('discovery', 'discovery_elsewhere', message, mend + rest);
  return false;
}

/** As it is said again and again for a while where no node is known: of a node that has just started it hears in time. */
function readiness(url: string, headers: Readonly<Record<string, string>>): Promise<Answer | undefined> {
  return untilSettled(
    () => ask(url + PATHS.readyz, { headers }).catch(() => undefined),
    (answer) => checksIn(answer).some(({ ok, detail }) => !ok && NO_NODE.test(detail)),
  );
}

function judgeReadiness(answer: Answer, found: Findings): void {
  const others = checksIn(answer).filter((check) => !isJudged(check, found));
  const told = notReady(others, found);
  if (told === undefined) return;
  found.error('discovery', 'discovery_not_ready', `discovery is not ready: ${told.text}`, told.mend);
}

/** Whether it has a finding of its own. */
function isJudged({ name, ok, detail }: ProcessCheck, found: Findings): boolean {
  if (name === 'keys') {
    const mend = 'FANFARE_AUTH_JWKS_URL, or the issuer who is to answer there';
    if (!ok) found.error('tokens', 'keys_unavailable', `discovery: ${detail}`, mend);
    else if (detail !== '') found.warning('tokens', 'keys_stale', `discovery is ${detail}`, mend);
    return true;
  }
  if (name !== 'registry' || !NO_NODE.test(detail)) return false;
  found.noNode();
  return true;
}

/** Without a token: origins are judged before who asks. */
async function examineOrigin(url: string, origin: string, found: Findings): Promise<void> {
  const answer = await ask(url + PATHS.ticket, { method: 'POST', headers: { Origin: origin }, body: {} }).catch(
    () => undefined,
  );
  if (answer?.json.code !== 'origin_denied') return;
  const message = `pages of ${origin} are not let in by discovery`;
  found.error('discovery', 'origin_denied', message, `add ${origin} to FANFARE_ORIGINS of discovery and of all nodes`);
}
