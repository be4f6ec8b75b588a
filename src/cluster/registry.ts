// The seam between nodes, discovery and where the cluster's state is kept.

/** What a node says of itself each second. */
export interface NodeReport {
  readonly id: string;
  /** Public `http(s)://` base. */
  readonly url: string;
  /** A new one at each start; the newer fences the older. */
  readonly incarnation: string;
  /** What counts as load. */
  readonly connections: number;
  readonly capacity: number;
  /** Assignments per second that a new, empty node can take. */
  readonly maxConnectsPerSecond: number;
  /** Only `ready` nodes get clients. */
  readonly state: 'ready' | 'full' | 'deaf' | 'foreign' | 'draining';
  /** Whether its URL is known to lead to it; where others are, nobody is sent to one that is not. */
  readonly reached: boolean;
  /** What it proves of itself; opaque here. At most 2 KiB of printable ASCII. */
  readonly proof: string;
  /** Reservations that clients brought since the last report; counted in `connections` now. */
  readonly claimed: readonly string[];
  /** Optional parts of the protocol that it serves, each of `a-z`; absent: none. */
  readonly features?: readonly string[];
}

export interface NodeRecord {
  readonly id: string;
  readonly url: string;
  readonly connections: number;
  readonly reservations: number;
  readonly capacity: number;
  readonly state: NodeReport['state'];
  readonly incarnation: string;
  readonly proof: string;
  /** When its newest report came, by the registry's clock, and how long ago that is. */
  readonly reportedAtMs: number;
  readonly reportAgeMs: number;
  /**
   * Why others are preferred to it: its URL has not been seen to lead to it (`unreached`), or clients that were sent there
   * did not come (`lapsed`).
   */
  readonly doubt?: 'unreached' | 'lapsed';
  readonly features?: readonly string[];
}

export type NamedNode = Omit<NodeRecord, 'proof'>;

/** `fenced`: a newer incarnation has the id. `refused`: another live node with another URL has it. */
export type ReportVerdict = 'accepted' | 'fenced' | 'refused';

/** What a node learns from its report. */
export interface ReportAnswer {
  readonly verdict: ReportVerdict;
  /** The registry's clock, Unix milliseconds. */
  readonly nowMs: number;
  /** Whether {@link Registry.requestDrain} was called for the node since it started. */
  readonly drain: boolean;
  /** Fingerprints of the secrets that discoveries sign with. */
  readonly signers: readonly string[];
  /** Places that were reserved under its id and lapsed. */
  readonly lapsed: number;
  /** Whether so many of them lapsed, one after the other, that others are preferred. */
  readonly isDoubted: boolean;
}

/** For whom a place is asked. */
export interface Asker {
  /** A short word of `A-Za-z0-9_-` that stands for a user, or for an address of those who have no name. */
  readonly mark: string;
  /** Whether a place is kept for it. */
  readonly reserves: boolean;
}

export interface Assignment {
  readonly node: NodeRecord;
  /** Goes into the ticket; lapses after 10 s unless a node reports it as claimed. Absent where none is kept. */
  readonly reservation: string | undefined;
  /** Other nodes that could take a client, in no order; what they prove stands in {@link Registry.list}. */
  readonly alternatives: readonly NamedNode[];
  /** How many nodes could take a client and were not allowed. */
  readonly others: number;
}

/** Where nodes report and discovery assigns. Methods throw `FanfareError` with `broker_unavailable`. */
export interface Registry {
  report(report: NodeReport): Promise<ReportAnswer>;
  /**
   * Picks the least loaded node and reserves a place on it, as one atomic step; `undefined` when none can take it. Where
   * `allowed` is given, only among those ids. Of places of one asker that lapse, one says something of its node; none does
   * that `exclude` has led there. Without an asker each is somebody else's.
   */
  assign(exclude: readonly string[], allowed?: readonly string[], asker?: Asker): Promise<Assignment | undefined>;
  /** Nodes that have reported lately. `signer`, of a discovery, is told to the nodes for a while. */
  list(signer?: string): Promise<readonly NodeRecord[]>;
  /** Why nothing can be written, where the last {@link list} answered what was known when writing ended; else `undefined`. */
  readonly refusal?: Error | undefined;
  /** Asks a node to drain; it hears of it with its next report. `false` when there is no such node. */
  requestDrain(id: string): Promise<boolean>;
  /** Takes a node out at once, at its orderly end. */
  remove(id: string, incarnation: string): Promise<void>;
}
