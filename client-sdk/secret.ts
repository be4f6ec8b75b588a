// By what discovery knows a client again.

/** 192 random bits in at most 60 digits, and not `random`'s: nobody may guess it. */
export const createSecret = (): string => crypto.getRandomValues(new Uint32Array(6)).join('');
