// What the page around the client tells, where there is one.

/** An event of the page, as far as it is looked at. */
export type PageEvent = { readonly type: string; readonly persisted?: boolean };

export interface Page {
  /** Whether nobody sees it. */
  isHidden(): boolean;
  /** Tells of these events; returns what ends that. */
  listen(types: readonly string[], hear: (event: PageEvent) => void): () => void;
}

export const PAGE: Page = {
  isHidden: () => !!globalThis.document?.hidden,
  listen(types, hear) {
    // `visibilitychange` fires at the document and bubbles to the window. Workers of some hosts have neither page nor options of listeners.
    for (const type of types) globalThis.addEventListener?.(type, hear as never);
    return () => {
      for (const type of types) globalThis.removeEventListener?.(type, hear as never);
    };
  },
};
