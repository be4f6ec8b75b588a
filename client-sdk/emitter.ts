// Listeners by type.

import { refuseArgument } from './arguments.js';
import type { Undo } from './types.js';

export interface Emitter<Events> {
  on<Type extends keyof Events>(type: Type, listener: (value: Events[Type]) => void): Undo;
  /** A listener that throws does not stop the others: its error is reported as uncaught, as an `EventTarget` does. */
  emit<Type extends keyof Events>(type: Type, value: Events[Type]): void;
}

/** Throws `TypeError` for an event that is none of `types`, and for what is no listener. */
export const createEmitter = <Events>(types: RegExp): Emitter<Events> => {
  const entries = new Set<(type: unknown, value: unknown) => void>();
  /** The state that was told last: a listener may bring the next one about, and nobody hears of an older one after it. */
  let newest: unknown;
  return {
    on(type, listener) {
      if (!types.test(type as string) || typeof listener !== 'function')
        refuseArgument(`on(${type as string})`, `${types}, function`);
      const entry = (other: unknown, value: unknown) => other === type && listener(value as never);
      entries.add(entry);
      return () => entries.delete(entry);
    },
    emit(type, value) {
      // Who comes meanwhile begins with the next one; who was taken away meanwhile hears nothing more.
      if (type === 'state') newest = value;
      for (const entry of [...entries]) {
        try {
          if (entries.has(entry) && (type !== 'state' || newest === value)) entry(type, value);
        } catch (error) {
          queueMicrotask(() => {
            throw error;
          });
        }
      }
    },
  };
};
