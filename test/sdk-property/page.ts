// The page around the client, which Node has none of: its events, and whether somebody sees it.

const page = new EventTarget();
let listeners = 0;

Object.assign(globalThis, {
  addEventListener(type: string, listener: EventListener) {
    listeners++;
    page.addEventListener(type, listener);
  },
  removeEventListener(type: string, listener: EventListener) {
    listeners--;
    page.removeEventListener(type, listener);
  },
});

/** How many listen to it. */
export const pageListeners = (): number => listeners;

/** Has the page say `online`, `pagehide` and the like, to all that listen. */
export const hearPage = (type: string, more: object = {}): void => {
  page.dispatchEvent(Object.assign(new Event(type), more));
};

/** Has somebody see the page, or nobody. */
export const seePage = (isHidden: boolean): void => {
  Object.assign(globalThis, { document: { hidden: isHidden } });
  hearPage('visibilitychange');
};

export const unseePage = (): void => {
  Reflect.deleteProperty(globalThis, 'document');
};
