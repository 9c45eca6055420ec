// What a peer must remember over a kill: a file of records, appended in the order in
// which they were made, read back up to the last whole one.

import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { deserialize, serialize } from 'node:v8';

const PREFIX = 4; // u32 length before each record

export class Journal {
  #path = null;

  /** `folder` may be null: then nothing is kept beyond the process. */
  constructor(folder, name) {
    if (folder === null || folder === undefined) return;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    this.#path = join(folder, `${name}.journal`);
  }

  /** The records in order; what a kill tore off at the end is cut away. */
  read() {
    if (this.#path === null || !existsSync(this.#path)) return [];
    const bytes = readFileSync(this.#path);
    const records = [];
    let at = 0;
    while (at + PREFIX <= bytes.length) {
      const end = at + PREFIX + bytes.readUInt32BE(at);
      if (end > bytes.length) break;
      records.push(deserialize(bytes.subarray(at + PREFIX, end)));
      at = end;
    }
    if (at < bytes.length) truncateSync(this.#path, at);
    return records;
  }

  append(record) {
    if (this.#path === null) return;
    const body = serialize(record);
    const prefix = Buffer.alloc(PREFIX);
    prefix.writeUInt32BE(body.length);
    appendFileSync(this.#path, Buffer.concat([prefix, body]), { mode: 0o600 });
  }

  clear() {
    if (this.#path !== null) rmSync(this.#path, { force: true });
  }
}
