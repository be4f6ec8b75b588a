// Commands of one link that wait, in their order: while its token is verified, or for a slice of the event loop.

import type { ClientCommand } from '../../protocol/index.js';

/** Chosen: commands of a link that may wait, and what they may hold together. */
const MAX_WAITING = { commands: 64, characters: 256 * 1024 } as const;

/** There is one only while something waits. */
export class CommandQueue {
  #commands: ClientCommand[] = [];
  #characters = 0;

  /** `characters` are those of its frame. Answers `false`, and takes nothing, where that would be too many. */
  add(command: ClientCommand, characters: number): boolean {
    const { length } = this.#commands;
    if (length >= MAX_WAITING.commands || this.#characters + characters > MAX_WAITING.characters) return false;
    this.#characters += characters;
    this.#commands.push(command);
    return true;
  }

  /** In their order, once. */
  take(): readonly ClientCommand[] {
    const commands = this.#commands;
    this.#commands = [];
    this.#characters = 0;
    return commands;
  }
}
