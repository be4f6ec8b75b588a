// The seam between nodes, discovery and where the cluster's state is kept.

/** What a node says of itself each second. */
export interface NodeReport {
  readonly id: string;
  /** Public `http(s)://` base. */
  readonly url: string;
  /** A new one at each start; the newer fences the older. */
  readonly incarnation: string;
  /** Sockets, and poll clients seen in the last minute. */
  readonly connections: number;
  readonly capacity: number;
  /** Assignments per second that a new, empty node can take. */
  readonly maxConnectsPerSecond: number;
  /** `full` and `deaf` nodes get nobody, `draining` ones neither. */
  readonly state: 'ready' | 'full' | 'deaf' | 'draining';
  /** Reservations that clients brought since the last report; counted in `connections` now. */
  readonly claimed: readonly string[];
}

export interface NodeRecord {
  readonly id: string;
  readonly url: string;
  readonly connections: number;
  readonly reservations: number;
  readonly capacity: number;
  readonly state: NodeReport['state'];
  /** Age of its newest report. */
  readonly reportAgeMs: number;
}

/** `fenced`: a newer incarnation has the id. `refused`: another live node with another URL has it. */
export type ReportVerdict = 'accepted' | 'fenced' | 'refused';

export interface Assignment {
  readonly node: NodeRecord;
  /** Goes into the ticket; lapses after 10 s unless a node reports it as claimed. */
  readonly reservation: string;
  /** Other nodes that could take a client, in no order. */
  readonly alternatives: readonly NodeRecord[];
}

/** Where nodes report and discovery assigns. Methods throw `FanfareError` with `broker_unavailable`. */
export interface Registry {
  report(report: NodeReport): Promise<ReportVerdict>;
  /** Picks the least loaded node and reserves a place on it, as one atomic step; `undefined` when none can take it. */
  assign(exclude: readonly string[]): Promise<Assignment | undefined>;
  /** Nodes that have reported lately. */
  list(): Promise<readonly NodeRecord[]>;
  /** Asks a node to drain; it asks for that each second. `false` when there is no such node. */
  requestDrain(id: string): Promise<boolean>;
  /** Whether {@link requestDrain} was called for the node since it started. */
  drainRequested(id: string): Promise<boolean>;
  /** Takes a node out at once, at its orderly end. */
  remove(id: string, incarnation: string): Promise<void>;
}
