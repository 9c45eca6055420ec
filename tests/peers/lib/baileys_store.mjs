// Where Baileys keeps what it must remember: tables in memory, a journal beneath them.

import { initAuthCreds, makeCacheableSignalKeyStore, proto } from '@whiskeysockets/baileys';
import { deserialize, serialize } from 'node:v8';

import { Journal } from './journal.mjs';
import { logLine, wantsLevel } from './wire.mjs';

/** What Baileys logs, as lines on standard error. */
export const logger = makeLogger();

function makeLogger() {
  const at = (level) => (...parts) => logLine(level, ...parts);
  const level = ['trace', 'debug', 'info', 'warn'].find(wantsLevel) ?? 'error';
  const made = { level, child: () => made };
  for (const name of ['trace', 'debug', 'info', 'warn', 'error']) made[name] = at(name);
  return made;
}

/** Credentials and keys, as a file store gives them: every read is a copy of what was written. */
export class Memory {
  constructor(folder) {
    this.journal = new Journal(folder, 'baileys');
    this.tables = new Map();
    this.sent = new Map();
    this.creds = initAuthCreds();
    for (const record of this.journal.read()) this.#replay(record);
    this.keys = makeCacheableSignalKeyStore(
      { get: (type, ids) => this.#get(type, ids), set: (data) => this.#set(data) },
      logger,
    );
  }

  saveCreds() {
    this.journal.append({ creds: this.creds });
  }

  saveSent(id, message) {
    const bytes = proto.Message.encode(message).finish();
    this.sent.set(id, bytes);
    this.journal.append({ sent: id, bytes });
  }

  /** The Signal addresses for which there is a session. */
  sessions() {
    return [...(this.tables.get('session')?.keys() ?? [])];
  }

  #replay({ creds, keys, sent, bytes }) {
    if (creds) this.creds = creds;
    if (keys) this.#apply(keys);
    if (sent) this.sent.set(sent, bytes);
  }

  #apply(data) {
    for (const [type, values] of Object.entries(data)) {
      if (!this.tables.has(type)) this.tables.set(type, new Map());
      const table = this.tables.get(type);
      for (const [id, value] of Object.entries(values)) {
        if (value === null || value === undefined) table.delete(id);
        else table.set(id, serialize(value));
      }
    }
  }

  async #get(type, ids) {
    const found = {};
    for (const id of ids) {
      const bytes = this.tables.get(type)?.get(id);
      if (bytes === undefined) continue;
      const value = deserialize(bytes);
      found[id] =
        type === 'app-state-sync-key' ? proto.Message.AppStateSyncKeyData.fromObject(value) : value;
    }
    return found;
  }

  async #set(data) {
    this.#apply(data);
    this.journal.append({ keys: data });
  }
}
