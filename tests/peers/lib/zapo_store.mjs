// zapo-js ships memory stores only; these are they, with each change written to a
// journal and done again at the next start.

import {
  SenderKeyMemoryStore,
  WaAppStateMemoryStore,
  WaIdentityMemoryStore,
  WaPreKeyMemoryStore,
  WaPrivacyTokenMemoryStore,
  WaRetryMemoryStore,
  WaSessionMemoryStore,
  WaSignalMemoryStore,
  createStore,
} from 'zapo-js/store';

import { Journal } from './journal.mjs';

const RETRY_TTL_MS = 60 * 60 * 1000; // the library's minute is short for a test under load

class AuthStore {
  #credentials = null;

  async load() {
    return this.#credentials;
  }

  async save(credentials) {
    this.#credentials = credentials;
  }

  async clear() {
    this.#credentials = null;
  }
}

const MAKERS = {
  auth: () => new AuthStore(),
  signal: () => new WaSignalMemoryStore(),
  preKey: () => new WaPreKeyMemoryStore(),
  session: () => new WaSessionMemoryStore(),
  identity: () => new WaIdentityMemoryStore(),
  senderKey: () => new SenderKeyMemoryStore(),
  appState: () => new WaAppStateMemoryStore(),
  privacyToken: () => new WaPrivacyTokenMemoryStore(),
  retry: () => new WaRetryMemoryStore(RETRY_TTL_MS),
};

// Methods that only read. The generating ones are written down as what they made.
const READS = /^(get|has|list|load|export|supports|destroy)/;
const GENERATING = new Set(['getOrGenPreKeys', 'getOrGenSinglePreKey']);

/** The stores of one installation, kept in `folder` (null: in memory). */
export class ZapoStore {
  /** `onChange(domain, method, args)` hears of every change, after it was written down. */
  static async open(folder, onChange) {
    const store = new ZapoStore(new Journal(folder, 'zapo'), onChange);
    for (const [domain, method, args] of store.journal.read()) {
      await store.stores[domain][method](...args);
    }
    return store;
  }

  constructor(journal, onChange) {
    this.journal = journal;
    this.onChange = onChange;
    this.addresses = new Map(); // of stored sessions, by their text
    this.stores = Object.fromEntries(Object.entries(MAKERS).map(([name, make]) => [name, make()]));
    for (const [domain, store] of Object.entries(this.stores)) this.#record(domain, store);
    this.waStore = createStore({
      backends: { journal: this.#backend() },
      providers: Object.fromEntries(
        Object.keys(MAKERS).filter((name) => name !== 'retry').map((name) => [name, 'journal']),
      ),
      cacheProviders: { retry: 'journal', deviceList: 'memory', messageSecret: 'memory' },
    });
  }

  clear() {
    this.journal.clear();
  }

  /** The addresses of the stored sessions. */
  sessions() {
    return [...this.addresses.values()];
  }

  #backend() {
    const give = (names) =>
      Object.fromEntries(names.map((name) => [name, () => this.#recorded[name]]));
    return { stores: give(Object.keys(MAKERS)), caches: give(['retry']) };
  }

  #recorded = {};

  #record(domain, store) {
    this.#recorded[domain] = new Proxy(store, {
      get: (target, method) => {
        const original = target[method];
        if (typeof original !== 'function') return original;
        if (GENERATING.has(method)) return this.#generate(target, method);
        if (READS.test(method)) return original.bind(target);
        return async (...args) => {
          const result = await original.apply(target, args);
          this.#written(domain, method, args);
          return result;
        };
      },
    });
    if (domain === 'session') this.#index(store);
  }

  #generate(target, method) {
    return async (...args) => {
      const make = args.pop();
      return target[method](...args, async (keyId) => {
        const record = await make(keyId);
        this.#written('preKey', 'putPreKey', [record]);
        return record;
      });
    };
  }

  #written(domain, method, args) {
    this.journal.append([domain, method, args]);
    this.onChange(domain, method, args);
  }

  #index(store) {
    const key = ({ user, server, device }) => `${user}|${server}|${device}`;
    const { setSession, setSessionsBatch, deleteSession } = store;
    store.setSession = (address, session) => {
      this.addresses.set(key(address), address);
      return setSession.call(store, address, session);
    };
    store.setSessionsBatch = (entries) => {
      for (const { address } of entries) this.addresses.set(key(address), address);
      return setSessionsBatch.call(store, entries);
    };
    store.deleteSession = (address) => {
      this.addresses.delete(key(address));
      return deleteSession.call(store, address);
    };
  }
}
