// What `fanfare doctor` finds: each fault with its code, in plain words, and with what mends it.

export const AREAS = ['configuration', 'redis', 'discovery', 'nodes', 'tokens'] as const;
export type Area = (typeof AREAS)[number];

export interface Finding {
  /** Stable: scripts go by it. */
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

  error(area: Area, code: string, message: string, mend: string): void {
    this.#add({ code, severity: 'error', area, message, mend });
  }

  warning(area: Area, code: string, message: string, mend: string): void {
    this.#add({ code, severity: 'warning', area, message, mend });
  }

  /** Named once, whoever found it again. */
  #add(finding: Finding): void {
    const isSame = ({ code, message }: Finding) => code === finding.code && message === finding.message;
    if (!this.all.some(isSame)) this.all.push(finding);
  }
}
