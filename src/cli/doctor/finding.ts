// What `fanfare doctor` finds: each fault with its code, in plain words, and with what mends it.

export const AREAS = ['configuration', 'redis', 'discovery', 'nodes', 'tokens'] as const;
export type Area = (typeof AREAS)[number];

/** Stable: scripts go by them. Beside these are the codes with which a server refuses a token, or a client. */
export const FINDING_CODES = [
  'bad_configuration',
  ...(['redis_unreachable', 'redis_password', 'redis_url', 'redis_too_old', 'redis_is_cluster'] as const),
  ...(['redis_read_only', 'redis_right_missing', 'redis_command_missing', 'redis_refuses_writes'] as const),
  ...(['redis_evicts', 'redis_nearly_full', 'redis_clients', 'redis_no_persistence'] as const),
  ...(['redis_foreign_library', 'key_prefix'] as const),
  ...(['discovery_unreachable', 'discovery_elsewhere', 'discovery_not_ready', 'no_node'] as const),
  ...(['admin_key_refused', 'nodes_unlisted', 'origin_denied'] as const),
  ...(['node_unreachable', 'node_url_elsewhere', 'nodes_share_url', 'node_foreign_secret'] as const),
  ...(['node_without_upgrade', 'proxy_http_1_0', 'node_refuses', 'node_not_ready', 'node_deaf'] as const),
  ...(['node_full', 'node_lapsed', 'node_unreached', 'node_old_proof', 'file_limit'] as const),
  ...(['keys_unavailable', 'keys_stale', 'jwks_unreachable', 'jwks_without_kid', 'clock_differs'] as const),
] as const;
export type FindingCode = (typeof FINDING_CODES)[number];

export interface Finding {
  /** One of {@link FINDING_CODES}, or a server's. */
  readonly code: string;
  /** `warning`: it works, and is risky. */
  readonly severity: 'error' | 'warning';
  readonly area: Area;
  /** What is wrong. Never the text of a secret. */
  readonly message: string;
  /** The setting that mends it. */
  readonly mend: string;
}

/** What could not be looked at. */
export interface NotAsked {
  readonly what: string;
  readonly why: string;
}

/** Collects, in the order in which things were asked. */
export class Findings {
  readonly all: Finding[] = [];
  readonly asked: string[] = [];
  readonly notAsked: NotAsked[] = [];
  readonly #symptoms: (readonly [Finding, NotAsked])[] = [];

  error(area: Area, code: FindingCode, message: string, mend: string): void {
    this.#add({ code, severity: 'error', area, message, mend });
  }

  warning(area: Area, code: FindingCode, message: string, mend: string): void {
    this.#add({ code, severity: 'warning', area, message, mend });
  }

  /** What may follow from another fault: found where nothing else is, else what could not be looked at. */
  symptom(area: Area, code: FindingCode, message: string, mend: string, left: NotAsked): void {
    this.#symptoms.push([{ code, severity: 'warning', area, message, mend }, left]);
  }

  /** Once everything has been asked. What the operator ignores is no cause. */
  judgeSymptoms(ignored: ReadonlySet<string>): void {
    const isAlone = this.all.every(({ code }) => ignored.has(code));
    for (const [finding, left] of this.#symptoms.splice(0)) {
      if (isAlone) this.#add(finding);
      else this.notAsked.push(left);
    }
  }

  /** What a server refuses with a code of its own. */
  refusal(area: Area, code: string, message: string, mend: string): void {
    this.#add({ code, severity: 'error', area, message, mend });
  }

  /** Discovery knows none, whoever asked it; where Redis is away that is why. */
  noNode(): void {
    if (this.all.some(({ code }) => code === 'redis_unreachable')) return;
    const mend =
      'start nodes with the same FANFARE_REDIS_URL, FANFARE_PREFIX and FANFARE_CLUSTER_SECRET as discovery, or more of them';
    this.error('discovery', 'no_node', 'discovery knows no node that clients can be sent to', mend);
  }

  /** Named once, whoever found it again. */
  #add(finding: Finding): void {
    const isSame = ({ code, message }: Finding) => code === finding.code && message === finding.message;
    if (!this.all.some(isSame)) this.all.push(finding);
  }
}
