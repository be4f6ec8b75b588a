// Finds where discovery answers operators, which need not be where clients ask it, and has the list of nodes from there.

import { PATHS } from '../../protocol/index.js';
import { whyNot } from '../why-not.js';
import { type FoundNode, nodesIn } from './answers.js';
import { type Answer, ask, bearer } from './ask.js';
import type { Findings } from './finding.js';
import { untilSettled } from './settled.js';

export interface OperatorsTerms {
  readonly adminKey: string | undefined;
  /** Where operators may be answered, in the order in which that is tried. */
  readonly places: readonly string[];
}

interface Refusals {
  readonly isKeyRefused: boolean;
  readonly isDown: boolean;
}

/** What is true of a node for a moment, and of one that it is not. */
const PASSING: readonly unknown[] = ['old_proof', 'unreached'];

/** The first of the places that has the list of nodes; `undefined` where none has, and why is found. */
export async function findOperators(
  { adminKey, places }: OperatorsTerms,
  found: Findings,
): Promise<string | undefined> {
  const reasons: string[] = [];
  let [isKeyRefused, isDown] = [false, false];
  for (const place of places) {
    const answer = await ask(place + PATHS.nodes, { headers: bearer(adminKey) }).catch((error: unknown) => {
      reasons.push(`${place} cannot be reached: ${whyNot(error)}`);
    });
    if (answer?.status === 200 && Array.isArray(answer.json.nodes)) return place;
    if (answer === undefined) continue;
    isKeyRefused ||= adminKey !== undefined && isRefusal(answer);
    isDown ||= answer.status >= 500;
    reasons.push(`${place} answers ${reasonIn(answer)}`);
  }
  tell(reasons, { isKeyRefused, isDown }, found);
  return undefined;
}

/** As they are once what passes by itself has passed. */
export async function listedNodes(
  place: string,
  adminKey: string | undefined,
): Promise<readonly FoundNode[] | undefined> {
  const list = () => ask(place + PATHS.nodes, { headers: bearer(adminKey) }).catch(() => undefined);
  const isPassing = (answer: Answer) => nodesIn(answer).some(({ problem }) => PASSING.includes(problem));
  const answer = await untilSettled(list, isPassing);
  return answer?.status === 200 ? nodesIn(answer) : undefined;
}

function isRefusal({ status, json }: Answer): boolean {
  return (status === 401 || status === 403) && typeof json.code === 'string';
}

function reasonIn({ status, json }: Answer): string {
  if (typeof json.code === 'string') return `${status}: ${typeof json.detail === 'string' ? json.detail : json.code}`;
  return `${status}, and not as Fanfare does${status < 500 ? ': what stands before it denies the path' : ''}`;
}

/** Who has no list sees those nodes alone that clients are sent to: that all is well with the others is not known. */
function tell(reasons: readonly string[], { isKeyRefused, isDown }: Refusals, found: Findings): void {
  const what = 'the list of nodes';
  if (reasons.length === 0) return void found.notAsked.push({ what, why: 'no FANFARE_ADMIN_KEY here' });
  if (isKeyRefused) {
    const mend = 'the same FANFARE_ADMIN_KEY here and at discovery';
    return found.error('discovery', 'admin_key_refused', 'discovery does not take the admin key', mend);
  }
  const why = reasons.join('; ');
  const message = `discovery's list of nodes is not to be had, and a node that gets no clients is not seen: ${why}`;
  const mend = '--ops-url with the address of FANFARE_OPS_PORT of discovery, and its FANFARE_ADMIN_KEY';
  // It has none where Redis is away from it, which others may tell of.
  if (isDown) found.symptom('discovery', 'nodes_unlisted', message, 'its log says why', { what, why });
  else found.warning('discovery', 'nodes_unlisted', message, mend);
}
