// Mutants that no test can kill, each with its reason: what they change cannot be told from outside.

export interface Explained {
  readonly file: string;
  /** The mutated text, and what it becomes. */
  readonly was: string;
  readonly becomes: string;
  readonly why: string;
}

export const EXPLAINED: readonly Explained[] = [];
