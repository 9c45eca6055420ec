// What Baileys costs, measured by itself behind JSON lines: the other column of the benchmarks.

import { serve } from './lib/wire.mjs';
import { performance } from 'node:perf_hooks';

// Libraries are loaded below, so that loading them can be measured.
const rssBefore = process.memoryUsage().rss;
const importStart = performance.now();
const baileys = await import('@whiskeysockets/baileys');
const importMs = performance.now() - importStart;
const rssAfter = process.memoryUsage().rss;

const { default: makeWASocket, WA_CERT_DETAILS, decodeBinaryNode, encodeBinaryNode } = baileys;
const { GroupCipher, GroupSessionBuilder, SenderKeyDistributionMessage, SenderKeyName } =
  await import('@whiskeysockets/baileys/lib/Signal/Group/index.js');
const { ProtocolAddress, SessionBuilder, SessionCipher, curve } = await import('libsignal');
const { Memory, logger } = await import('./lib/baileys_store.mjs');
const { Party, withType } = await import('./lib/party.mjs');

const ALICE = new ProtocolAddress('15550001', 0);
const BOB = new ProtocolAddress('15550002', 1);
const BATCH = 16; // calls between two looks at the clock

/** How often `work` runs in a second, after a tenth of the time to warm up. */
async function rate(seconds, work) {
  await repeat(seconds / 10, work);
  const { count, elapsed } = await repeat(seconds, work);
  return count / elapsed;
}

async function repeat(seconds, work) {
  const start = performance.now();
  let count = 0;
  let elapsed = 0;
  while (elapsed < seconds) {
    for (let turn = 0; turn < BATCH; turn += 1) await work();
    count += BATCH;
    elapsed = (performance.now() - start) / 1000;
  }
  return { count, elapsed };
}

/** The rate of a step that uses its material up: `make` provides it outside the clock. */
async function rateOver(seconds, make, work) {
  let spent = 0;
  let count = 0;
  while (spent < seconds) {
    const items = await make();
    const start = performance.now();
    for (const item of items) await work(item);
    spent += (performance.now() - start) / 1000;
    count += items.length;
  }
  return count / spent;
}

const many = async (count, make) => {
  const made = [];
  for (let turn = 0; turn < count; turn += 1) made.push(await make());
  return made;
};

const bundleOf = (party) => {
  const { registration_id, identity, signed_pre_key_id, signed_pre_key, signature, pre_keys } = party.describe();
  return {
    registrationId: registration_id,
    identityKey: withType(identity),
    signedPreKey: { keyId: signed_pre_key_id, publicKey: withType(signed_pre_key), signature },
    preKey: { keyId: pre_keys[0].id, publicKey: withType(pre_keys[0].key) },
  };
};

const decryptWith = (cipher) => ({ type, body }) => {
  const bytes = Buffer.from(body, 'binary');
  return type === 3 ? cipher.decryptPreKeyWhisperMessage(bytes) : cipher.decryptWhisperMessage(bytes);
};

/** Two parties whose session was answered once, so that both send plain messages. */
async function talkingPair() {
  const [alice, bob] = [new Party(), new Party()];
  await new SessionBuilder(alice, BOB).initOutgoing(bundleOf(bob));
  const [toBob, toAlice] = [new SessionCipher(alice, BOB), new SessionCipher(bob, ALICE)];
  const hello = Buffer.from('hello');
  await decryptWith(toAlice)(await toBob.encrypt(hello));
  await decryptWith(toBob)(await toAlice.encrypt(hello));
  return { toBob, toAlice };
}

const nodeOf = ({ tag, attrs, content }) => ({
  tag,
  attrs,
  content: Array.isArray(content) ? content.map(nodeOf) : content,
});

/** Connect once and tell how long after the process began `until` was seen. */
function connect({ url, noise_root, auth_dir = null, version = null }, until) {
  WA_CERT_DETAILS.PUBLIC_KEY = Buffer.from(noise_root, 'hex');
  const memory = new Memory(auth_dir);
  return new Promise((resolve, reject) => {
    const socket = makeWASocket({
      waWebSocketUrl: url,
      ...(version ? { version: version.split('.').map(Number) } : {}),
      auth: { creds: memory.creds, keys: memory.keys },
      logger,
      shouldSyncHistoryMessage: () => false,
    });
    socket.ev.on('creds.update', () => memory.saveCreds());
    socket.ev.on('connection.update', (update) => {
      if (until(update)) resolve({ ms: performance.now(), rss: process.memoryUsage().rss });
      if (update.connection === 'close') reject(update.lastDisconnect.error);
    });
  });
}

serve({
  /** Milliseconds to load the library, and resident bytes before and after. */
  load: () => ({ ms: importMs, rss_before: rssBefore, rss_after: rssAfter }),

  async codec({ node, seconds = 1 }) {
    const given = nodeOf(node);
    const frame = Buffer.from(encodeBinaryNode(given));
    return {
      bytes: frame.length,
      encode: await rate(seconds, () => encodeBinaryNode(given)),
      decode: await rate(seconds, () => decodeBinaryNode(frame)),
    };
  },

  /** One direction only: no Diffie-Hellman step between messages. */
  async signal_chain({ size = 64, seconds = 1 }) {
    const { toBob, toAlice } = await talkingPair();
    const plaintext = Buffer.alloc(size, 1);
    const encrypt = () => toBob.encrypt(plaintext);
    const decrypt = await rateOver(seconds, () => many(500, encrypt), decryptWith(toAlice));
    return { encrypt: await rate(seconds, encrypt), decrypt };
  },

  /** A message each way: two ratchet steps a round trip. */
  async signal_ping_pong({ size = 64, seconds = 1 }) {
    const { toBob, toAlice } = await talkingPair();
    const plaintext = Buffer.alloc(size, 1);
    const round_trips = await rate(seconds, async () => {
      await decryptWith(toAlice)(await toBob.encrypt(plaintext));
      await decryptWith(toBob)(await toAlice.encrypt(plaintext));
    });
    return { round_trips };
  },

  /** An outgoing session from a bundle. */
  async session_setup({ seconds = 1 }) {
    const alice = new Party();
    const bundle = bundleOf(new Party());
    const setups = await rate(seconds, async () => {
      alice.sessions.clear();
      await new SessionBuilder(alice, BOB).initOutgoing(bundle);
    });
    return { setups };
  },

  async sender_key({ size = 64, seconds = 1 }) {
    const name = new SenderKeyName('120363000000000001@g.us', ALICE);
    const [alice, bob] = [new Party(), new Party()];
    const skdm = (await new GroupSessionBuilder(alice).create(name)).serialize();
    const copy = new SenderKeyDistributionMessage(null, null, null, null, skdm);
    await new GroupSessionBuilder(bob).process(name, copy);
    const plaintext = Buffer.alloc(size, 1);
    const encrypt = () => new GroupCipher(alice, name).encrypt(plaintext);
    const decrypt = await rateOver(
      seconds,
      () => many(20, encrypt),
      (bytes) => new GroupCipher(bob, name).decrypt(bytes),
    );
    return { encrypt: await rate(seconds, encrypt), decrypt };
  },

  async curve({ seconds = 1 }) {
    const { pubKey, privKey } = curve.generateKeyPair();
    const other = curve.generateKeyPair();
    const message = Buffer.alloc(64, 1);
    const signature = curve.calculateSignature(privKey, message);
    return {
      sign: await rate(seconds, () => curve.calculateSignature(privKey, message)),
      verify: await rate(seconds, () => curve.verifySignature(pubKey, message, signature)),
      agree: await rate(seconds, () => curve.calculateAgreement(other.pubKey, privKey)),
    };
  },

  /** From the start of the process to the QR code. Once a process. */
  qr: (args) => connect(args, ({ qr }) => Boolean(qr)),

  /** From the start of the process to an open connection, with stored credentials. Once a process. */
  open: (args) => connect(args, ({ connection }) => connection === 'open'),

  /** Resident bytes now, after a collection if node runs with --expose-gc. */
  memory() {
    globalThis.gc?.();
    return { rss: process.memoryUsage().rss };
  },
});
