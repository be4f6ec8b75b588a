// The wire contract, version 1: everything that client and server share.

export * from './channel-name.js';
export * from './codes.js';
export type { Decoded, DecodeProblem } from './decode.js';
export { field } from './decode.js';
export * from './decode-channel-read.js';
export { commandId, decodeCommand } from './decode-command.js';
export { decodeEvents } from './decode-event.js';
export { decodeFrame } from './decode-frame.js';
export * from './decode-request.js';
export * from './decode-revocation.js';
export type * from './http.js';
export * from './limits.js';
export type * from './messages.js';
export { COMMAND_TYPES } from './messages.js';
export * from './names.js';
export * from './offset.js';
export { rawMember } from './raw-member.js';
