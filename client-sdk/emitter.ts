// Listeners by type.

import type { Undo } from './types.js';

export interface Emitter<Events> {
  on<Type extends keyof Events>(type: Type, listener: (value: Events[Type]) => void): Undo;
  /** A listener that throws does not stop the others: its error is reported as uncaught, as an `EventTarget` does. */
  emit<Type extends keyof Events>(type: Type, value: Events[Type]): void;
}

export const createEmitter = <Events>(): Emitter<Events> => {
  const listeners = new Set<readonly [unknown, (value: never) => void]>();
  return {
    on(type, listener) {
      const entry = [type, listener] as const;
      listeners.add(entry);
      return () => listeners.delete(entry);
    },
    emit(type, value) {
      // Who comes meanwhile begins with the next one; who was taken away meanwhile hears nothing more.
      for (const entry of [...listeners]) {
        try {
          if (entry[0] === type && listeners.has(entry)) entry[1](value as never);
        } catch (error) {
          queueMicrotask(() => {
            throw error;
          });
        }
      }
    },
  };
};
