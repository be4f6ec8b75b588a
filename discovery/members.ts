// Tells nodes that know the cluster's secrets from records that anybody may have written.

import type { MemberClaim, Membership } from '../src/auth/membership.js';
import type { NodeRecord } from '../src/cluster/registry.js';
import type { Logger } from '../src/lib/logger.js';

/** Chosen: a proof is made for each report, of the time that the registry told with the one before. */
const MAX_PROOF_AGE_MS = 15_000;
/** More nodes than any cluster has; beyond it what was found out is found out again. */
const MAX_KEPT = 1_000;

/** Why a node gets nobody from here. */
export type Strangeness = 'foreign_secret' | 'old_proof';

interface Kept {
  readonly record: Pick<NodeRecord, 'url' | 'incarnation' | 'proof'>;
  readonly claim: MemberClaim | undefined;
}

/** Says once of each stranger that it is one. */
export class Members {
  readonly #membership: Membership;
  readonly #logger: Logger;
  readonly #kept = new Map<string, Kept>();
  /** Strangers by id, and the start of which that was said. */
  readonly #told = new Map<string, string>();

  constructor(membership: Membership, logger: Logger) {
    this.#membership = membership;
    this.#logger = logger;
  }

  /** The fingerprint of the secret that signs here. */
  get signer(): string {
    return this.#membership.signer;
  }

  /** What is strange about a node; `undefined` for a member. A node that is leaving or begins is not looked at closely. */
  strangeness(record: NodeRecord): Strangeness | undefined {
    const claim = this.claimOf(record);
    // The secrets are the weightier of the two: a node that has just begun has no proof yet, and is not ready either.
    if (claim?.isMember === false) return 'foreign_secret';
    if (claim === undefined) return record.proof === '' && record.state === 'draining' ? 'old_proof' : 'foreign_secret';
    return Math.abs(record.reportedAtMs - claim.timeMs) > MAX_PROOF_AGE_MS ? 'old_proof' : undefined;
  }

  /** What the node says of itself, proved or not. */
  claimOf(record: NodeRecord): MemberClaim | undefined {
    const kept = this.#kept.get(record.id);
    if (kept !== undefined && isSame(kept.record, record)) return kept.claim;
    const { url, incarnation, proof } = record;
    const claim = this.#membership.read(record, proof);
    if (this.#kept.size >= MAX_KEPT) this.#kept.clear();
    this.#kept.set(record.id, { record: { url, incarnation, proof }, claim });
    return claim;
  }

  /** Names new strangers among all nodes in the log, and those that are none any more. */
  tell(nodes: readonly NodeRecord[]): void {
    const strangers = new Map<string, NodeRecord>();
    for (const node of nodes) if (this.strangeness(node) === 'foreign_secret') strangers.set(node.id, node);
    for (const { id, url, incarnation } of strangers.values()) {
      if (this.#told.get(id) === incarnation || this.#told.size >= MAX_KEPT) continue;
      this.#told.set(id, incarnation);
      const message =
        'foreign_secret: a node does not know the cluster secret that signs here; no client is sent there';
      this.#logger.warn({ node: id, url }, message);
    }
    for (const id of this.#told.keys()) {
      if (strangers.has(id)) continue;
      this.#told.delete(id);
      if (nodes.some((node) => node.id === id)) {
        this.#logger.info({ node: id }, 'the node knows the cluster secret that signs here');
      }
    }
  }
}

function isSame(one: Kept['record'], other: Kept['record']): boolean {
  return one.proof === other.proof && one.url === other.url && one.incarnation === other.incarnation;
}
