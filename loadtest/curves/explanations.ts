// Why curves are as they are: what stands below their tables. The figures themselves are in the tables alone.

/** By the curve's name. */
export const EXPLANATIONS: Readonly<Record<string, string>> = {};
