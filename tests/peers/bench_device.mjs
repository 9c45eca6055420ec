// Baileys as one end of a conversation that is measured. Times are seconds of the
// machine's monotonic clock, so that those of two processes can be compared.

import { serve } from './lib/wire.mjs';
import makeWASocket, { DisconnectReason, WA_CERT_DETAILS, proto } from '@whiskeysockets/baileys';

import { Memory, logger } from './lib/baileys_store.mjs';
import { textOf } from './lib/content.mjs';

const now = () => Number(process.hrtime.bigint()) / 1e9;

let memory = null;
let socket = null;
const arrived = []; // when each text from others was given out
let waiting = []; // { found, resolve }: commands that wait for something to happen
const seen = { qr: null, open: null };

function look() {
  waiting = waiting.filter(({ found, resolve }) => {
    const result = found();
    if (result) resolve(result);
    return !result;
  });
}

const until = (found) =>
  new Promise((resolve) => {
    waiting.push({ found, resolve });
    look();
  });

function connect({ url, noise_root, auth_dir }) {
  WA_CERT_DETAILS.PUBLIC_KEY = Buffer.from(noise_root, 'hex');
  memory ??= new Memory(auth_dir);
  const current = makeWASocket({
    waWebSocketUrl: url,
    auth: { creds: memory.creds, keys: memory.keys },
    logger,
    emitOwnEvents: false,
    getMessage: async ({ id }) => {
      const bytes = memory.sent.get(id);
      return bytes && proto.Message.decode(bytes);
    },
    shouldSyncHistoryMessage: () => false,
  });
  socket = current;
  current.ev.on('creds.update', () => memory.saveCreds());
  current.ev.on('messages.upsert', ({ messages }) => {
    for (const { key, message } of messages) if (!key.fromMe && textOf(message)) arrived.push(now());
    look();
  });
  current.ev.on('connection.update', ({ qr, connection, lastDisconnect }) => {
    if (socket !== current) return;
    if (qr) seen.qr = qr;
    if (connection === 'open') seen.open = now();
    const code = lastDisconnect?.error?.output?.statusCode;
    if (connection === 'close' && code === DisconnectReason.restartRequired) {
      connect({ url, noise_root, auth_dir });
    }
    look();
  });
}

serve({
  /** Connect without credentials; give the QR code. */
  async link(server) {
    connect(server);
    return { qr: await until(() => seen.qr) };
  },

  /** Connect with the stored credentials. */
  async connect(server) {
    connect(server);
  },

  /** Wait until the connection is open; give when it was. */
  opened: async () => ({ at: await until(() => seen.open) }),

  async disconnect() {
    const current = socket;
    socket = seen.open = null;
    await current.end(undefined);
  },

  /** Send texts, each without waiting for the one before; give when that began and ended. */
  async send({ to, texts }) {
    const began = now();
    await Promise.all(
      texts.map(async (text) => {
        const { key, message } = await socket.sendMessage(to, { text });
        memory.saveSent(key.id, message);
      }),
    );
    return { began, ended: now() };
  },

  /** Wait for `count` texts, oldest first; give when each arrived. */
  async receive({ count }) {
    await until(() => arrived.length >= count);
    return { at: arrived.splice(0, count) };
  },
});
