// What nobody else has: by that discovery knows a client again, and a node a publish.

/** 192 random bits in at most 60 digits, and not `random`'s: nobody may guess it. */
export const createSecret = (): string => crypto.getRandomValues(new Uint32Array(6)).join('');
