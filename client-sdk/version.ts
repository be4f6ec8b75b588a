// The SDK's version: tabs share a connection only with their like. `shared.ts` has it written out.

export const VERSION = '0.2.0';
