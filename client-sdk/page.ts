// What the page around the client tells, where there is one.

/** Whether nobody sees it. */
export const isHidden = (): boolean => !!globalThis.document?.hidden;
