// Asks every node by its public URL, as a client would: HTTP, WebSocket, its ticket; and as an operator what it says of itself.

import { RESERVED_FILES } from '../../config/file-limit.js';
import { HEADERS, PATHS } from '../../protocol/index.js';
import { whyNot } from '../why-not.js';
import { checksIn, clockOf, type FoundNode } from './answers.js';
import { type Answer, ask, bearer } from './ask.js';
import { askSocket } from './ask-socket.js';
import type { Clocks } from './clocks.js';
import type { Findings } from './finding.js';
import { notReady } from './not-ready.js';

export interface NodeTerms {
  readonly adminKey: string | undefined;
  /** Of a client; absent where nobody gave one. */
  readonly ticket: string | undefined;
  /** Of a page that is to be let in; absent: as no browser. */
  readonly origin: string | undefined;
  /** Connections that a node is to hold. */
  readonly wantedConnections: number;
}

const PROXY_UPGRADE =
  'have the proxy pass on Upgrade and Connection in HTTP/1.1; nginx: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade"';
const PROXY_VERSION = 'have the proxy speak HTTP/1.1 to the node; nginx: proxy_http_version 1.1';

export async function examineNodes(
  nodes: readonly FoundNode[],
  terms: NodeTerms,
  found: Findings,
  clocks: Clocks,
): Promise<void> {
  tellSharedUrls(nodes, found);
  // Where no network leads back to where it comes from, none is preferred.
  const isPreferred = nodes.some(({ problem }) => problem === undefined);
  for (const node of nodes) {
    found.asked.push(`node ${node.id}`);
    tellState(node, found);
    const isThere = await examineNode(node, terms, found, clocks);
    if (isThere && isPreferred && node.problem === 'unreached') tellUnreached(node, found);
  }
}

function tellSharedUrls(nodes: readonly FoundNode[], found: Findings): void {
  for (const url of new Set(nodes.map((node) => node.url))) {
    const ids = nodes.filter((node) => node.url === url).map(({ id }) => id);
    if (ids.length < 2) continue;
    const message = `nodes ${ids.join(' and ')} have one URL, ${url}: clients of one reach the other`;
    found.error('nodes', 'nodes_share_url', message, 'give each node a FANFARE_NODE_URL of its own');
  }
}

function tellState({ id, state, problem }: FoundNode, found: Findings): void {
  if (problem === 'foreign_secret' || state === 'foreign') {
    const message = `node ${id} does not know the cluster secret that discovery signs with: it gets no clients`;
    found.error('nodes', 'node_foreign_secret', message, 'the same FANFARE_CLUSTER_SECRET on every process');
  }
  if (problem === 'lapsed') {
    const message = `clients that were sent to node ${id} did not come: others are preferred`;
    found.warning('nodes', 'node_lapsed', message, 'its FANFARE_NODE_URL, and whatever stands before it');
  }
  if (problem === 'old_proof') {
    const message = `node ${id} has begun this moment, or somebody repeats an old record of it: it gets no clients`;
    const mend = 'ask again; where it stays so, keep whoever it is from writing to this Redis';
    found.error('nodes', 'node_old_proof', message, mend);
  }
  if (state === 'deaf') {
    found.error('nodes', 'node_deaf', `node ${id} does not hear what is published`, 'its /readyz and log say why');
  }
  if (state === 'full') {
    const mend = 'more nodes, or a larger FANFARE_MAX_CONNECTIONS and FANFARE_MAX_MEMORY_BYTES';
    found.warning('nodes', 'node_full', `node ${id} is full: newcomers go elsewhere`, mend);
  }
}

/** From here its URL leads to it, and not from where it runs. */
function tellUnreached({ id, url }: FoundNode, found: Findings): void {
  const message = `node ${id} cannot see that ${url} leads to it: it gets nobody while another node has room`;
  const mend = `it looks again within a minute; where it stays so, let it reach its own FANFARE_NODE_URL`;
  found.warning('nodes', 'node_unreached', message, mend);
}

/** Whether it answers at its URL, and as clients need it. */
async function examineNode(node: FoundNode, terms: NodeTerms, found: Findings, clocks: Clocks): Promise<boolean> {
  const { id, url } = node;
  const sentMs = Date.now();
  let alive: Answer;
  try {
    alive = await ask(url + PATHS.livez);
  } catch (error) {
    const message = `node ${id} cannot be reached at ${url}: ${whyNot(error)}`;
    found.error('nodes', 'node_unreachable', message, `FANFARE_NODE_URL of ${id}, its DNS name and firewall`);
    return false;
  }
  if (alive.status === 505 || alive.httpVersion === '1.0') {
    const message = `a proxy before node ${id} (${url}) speaks HTTP/1.0: neither WebSockets nor streams pass`;
    found.error('nodes', 'proxy_http_1_0', message, PROXY_VERSION);
    return false;
  }
  const named = alive.headers[HEADERS.node.toLowerCase()];
  if (named !== id) {
    const who = typeof named === 'string' ? `node ${named.slice(0, 64)}` : `something else (${alive.status})`;
    const message = `${who} answers at ${url}, the URL of node ${id}`;
    found.error('nodes', 'node_url_elsewhere', message, `FANFARE_NODE_URL of ${id}, or the proxy before it`);
    if (typeof named !== 'string') return false;
  }
  const clock = clockOf(alive, sentMs);
  if (clock !== undefined) clocks.add({ who: `node ${id}`, area: 'nodes', ...clock });
  await examineSocket(node, terms, found);
  await examineInside(node, terms, found);
  return named === id;
}

async function examineSocket({ id, url }: FoundNode, { ticket, origin }: NodeTerms, found: Findings): Promise<void> {
  const terms = { ...(ticket !== undefined && { ticket }), ...(origin !== undefined && { origin }) };
  let answer: Awaited<ReturnType<typeof askSocket>>;
  try {
    answer = await askSocket(url, terms);
  } catch (error) {
    const message = `node ${id} (${url}) answers HTTP, and no WebSocket: ${whyNot(error)}`;
    return found.error('nodes', 'node_without_upgrade', message, PROXY_UPGRADE);
  }
  const { status, text } = answer;
  if (status === 505 || /HTTP\/1\.0/.test(text)) {
    const message = `a proxy before node ${id} (${url}) speaks HTTP/1.0: no WebSocket passes`;
    found.error('nodes', 'proxy_http_1_0', message, PROXY_VERSION);
  } else if (status === 403 && text.includes('origin_denied')) {
    const message = `pages of ${origin} are not let in by node ${id}`;
    found.error('nodes', 'origin_denied', message, `add ${origin} to FANFARE_ORIGINS of discovery and of all nodes`);
  } else if (status !== 101) {
    const message = `a proxy before node ${id} (${url}) does not let WebSockets through (${status})`;
    found.error('nodes', 'node_without_upgrade', message, PROXY_UPGRADE);
  } else if (ticket !== undefined && !text.includes('"connected"')) {
    tellRefusal(id, text, found);
  }
}

/** What the node said first: an error as JSON, or the reason of its closing, which begins with a code. */
function tellRefusal(id: string, text: string, found: Findings): void {
  const code = /"code":"([a-z_]+)"/.exec(text)?.[1] ?? /^[a-z_]+/.exec(text)?.[0] ?? 'no answer';
  if (code === 'token_signature_invalid') return tellState({ id, url: '', state: 'foreign' }, found);
  const message = `node ${id} does not let a client in that discovery has given a ticket: ${code}`;
  found.error('nodes', 'node_refuses', message, 'what docs/PROTOCOL.md says of the code; its log says more');
}

/** What a node says of itself; where proxies deny these paths, nothing. */
async function examineInside(node: FoundNode, terms: NodeTerms, found: Findings): Promise<void> {
  const { id, url, state, problem } = node;
  const { adminKey } = terms;
  const headers = bearer(adminKey);
  const ready = await ask(url + PATHS.readyz, { headers }).catch(() => undefined);
  const checks = (ready === undefined ? [] : checksIn(ready)).filter(({ ok }) => !ok);
  const isForeign = checks.some(({ detail }) => detail.includes('foreign_secret'));
  if (isForeign) tellState({ id, url, state: 'foreign' }, found);
  // What is told of it already.
  const isTold = isForeign || problem === 'foreign_secret' || state === 'draining';
  const told = notReady(isTold ? checks.filter(({ name }) => name !== 'node') : checks, found);
  if (told !== undefined) found.error('nodes', 'node_not_ready', `node ${id} is not ready: ${told.text}`, told.mend);
  const metrics =
    adminKey === undefined ? undefined : await ask(url + PATHS.metrics, { headers }).catch(() => undefined);
  const files = /^process_max_fds(?:\{[^}]*\})? (\S+)$/m.exec(metrics?.text ?? '')?.[1];
  if (files === undefined) {
    const why = adminKey === undefined ? 'no FANFARE_ADMIN_KEY here' : '/metrics is not to be had by its URL';
    found.notAsked.push({ what: `how many files node ${id} may open`, why });
  } else judgeFiles(node, Number(files), terms.wantedConnections, found);
}

function judgeFiles({ id, capacity }: FoundNode, files: number, wanted: number, found: Findings): void {
  const room = Math.max(0, files - RESERVED_FILES);
  if (room >= (capacity === undefined || capacity === room ? wanted : Math.min(capacity, wanted))) return;
  const message = `node ${id} may open ${files} files, which leaves room for ${room} connections`;
  found.error('nodes', 'file_limit', message, `ulimit -n, or LimitNOFILE of its service: ${wanted + RESERVED_FILES}`);
}
