// Messages that carry a file, kept so that the file can be fetched by the message's id.

import { createHash } from 'node:crypto';

const FIELDS = [
  'imageMessage', 'videoMessage', 'ptvMessage', 'audioMessage', 'documentMessage', 'stickerMessage',
];
const KEPT = 500;

export class FileMessages {
  #messages = new Map();

  keep(id, message) {
    this.#messages.set(id, message);
    if (this.#messages.size > KEPT) this.#messages.delete(this.#messages.keys().next().value);
  }

  get(id) {
    if (!this.#messages.has(id)) throw new Error(`no message ${id}`);
    return this.#messages.get(id);
  }
}

/** The field of a message that holds a file, however deep in envelopes. */
export function fileField(message) {
  for (const [name, value] of Object.entries(message ?? {})) {
    if (!value) continue;
    if (FIELDS.includes(name)) return { field: name, content: value };
    if (value.message) {
      const found = fileField(value.message);
      if (found) return found;
    }
  }
  return null;
}

/** What is told of a file's content. */
export function digestOf(content) {
  return { sha256: createHash('sha256').update(content).digest('hex'), length: content.length };
}
