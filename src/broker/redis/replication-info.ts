// What `INFO replication` says of a Redis server.

/** Redis' own default of `min-replicas-max-lag`, in seconds: a replica that has been silent for longer is not counted. */
const MAX_LAG_S = 10;

export function isReplica(info: string): boolean {
  return /^role:slave/m.test(info);
}

/** The replicas that can confirm a write. Measured: the lag is -1 now and then, as Redis takes it from two clocks. */
export function onlineReplicas(info: string): number {
  const lags = [...info.matchAll(/^slave\d+:.*state=online.*lag=(-?\d+)/gm)].map(([, lag]) => Number(lag));
  return lags.filter((lag) => lag <= MAX_LAG_S).length;
}
