// Baileys, unmodified, driven over JSON lines. Commands and events: README.md.

import { emit, serve } from './lib/wire.mjs';
import makeWASocket, {
  DisconnectReason,
  WA_CERT_DETAILS,
  WAMessageStubType,
  decryptEventResponse,
  decryptPollVote,
  downloadMediaMessage,
  generateMessageIDV2,
  proto,
} from '@whiskeysockets/baileys';
import { makeLibSignalRepository } from '@whiskeysockets/baileys/lib/Signal/libsignal.js';

import { Memory, logger } from './lib/baileys_store.mjs';
import { FileMessages, digestOf } from './lib/files.mjs';
import {
  Spoiler,
  bare,
  deviceOf,
  kindOf,
  receiptOf,
  stanzaOf,
  textOf,
  userOf,
  withoutEmptyLists,
} from './lib/content.mjs';
import { VERIFIED, chatCommands, listenToChats } from './lib/chats_baileys.mjs';
import { listenToPeople, peopleCommands } from './lib/people_baileys.mjs';

const STATUS = ['error', 'pending', 'server_ack', 'delivered', 'read', 'played'];
// Closed for good: a person has to act, so trying again would only be refused again.
const FINAL = new Set([
  DisconnectReason.loggedOut,
  DisconnectReason.forbidden,
  DisconnectReason.connectionReplaced,
  DisconnectReason.multideviceMismatch,
  405,
]);
const RECONNECT_AFTER_MS = 250;
const LID_DOMAIN = 1; // Baileys writes the Signal address of a LID as user_1.device

let options = null; // of the last `start`
let memory = null;
let socket = null; // null while stopped
let reconnectTimer = null;
let spoiler = new Spoiler();
const files = new FileMessages();
const sending = new Map(); // message id -> promise of the send under way

function repositoryThatSpoils(auth, logger, pnToLid) {
  const repository = makeLibSignalRepository(auth, logger, pnToLid);
  const { encryptMessage } = repository;
  repository.encryptMessage = async ({ jid, data }) => {
    const { type, ciphertext } = await encryptMessage({ jid, data });
    return { type, ciphertext: spoiler.pass(userOf(jid), deviceOf(jid) ?? 0, type, ciphertext) };
  };
  return repository;
}

async function findSent({ id }) {
  await sending.get(id)?.catch(() => {});
  const bytes = memory.sent.get(id);
  return bytes && proto.Message.decode(bytes);
}

function connect() {
  const { url, version, history } = options;
  const current = makeWASocket({
    waWebSocketUrl: url,
    ...(version ? { version: version.split('.').map(Number) } : {}),
    auth: { creds: memory.creds, keys: memory.keys },
    logger,
    // What arrives over the wire is reported; what this peer sends itself is not.
    emitOwnEvents: false,
    appStateMacVerification: VERIFIED,
    getMessage: findSent,
    makeSignalRepository: repositoryThatSpoils,
    // Waiting for history holds all events of a first login back for up to 20 s.
    ...(history ? {} : { shouldSyncHistoryMessage: () => false }),
  });
  socket = current;
  listen(current);
}

function listen(current) {
  const { ev, ws } = current;
  listenToChats(current);
  listenToPeople(current);
  ev.on('creds.update', () => memory.saveCreds());
  ev.on('connection.update', (update) => onConnection(current, update));
  ev.on('messages.upsert', ({ messages, type }) => messages.forEach((one) => onMessage(one, type)));
  ev.on('messages.update', (updates) => updates.forEach(onStatus));
  ev.on('messaging-history.set', ({ messages, chats }) =>
    emit('history', { messages: messages.length, chats: chats.length }),
  );
  ws.on('CB:message', (node) => emit('stanza', stanzaOf(node)));
  ws.on('CB:notification', (node) => emit('stanza', stanzaOf(node)));
  ws.on('CB:receipt', (node) => emit('receipt', receiptOf(node)));
  ws.on('CB:ack,class:message', ({ attrs }) => {
    // Errors come as messages.update.
    if (!attrs.error) emit('status', { id: attrs.id, from: attrs.from, status: 'server_ack' });
  });
}

function onConnection(current, { qr, connection, lastDisconnect }) {
  if (qr) emit('qr', { qr });
  if (connection === 'open') emit('open', account());
  if (connection !== 'close' || socket !== current) return;
  socket = null;
  const code = lastDisconnect?.error?.output?.statusCode ?? null;
  emit('close', { code, reason: lastDisconnect?.error?.message ?? null });
  const restart = code === DisconnectReason.restartRequired;
  const lost = options.reconnect && memory.creds.me && !FINAL.has(code);
  if (restart || lost) reconnectTimer = setTimeout(connect, restart ? 0 : RECONNECT_AFTER_MS);
}

function onMessage({ key, message, messageStubType, ...rest }, type) {
  const where = {
    id: key.id,
    from: bare(key.remoteJid),
    alt: bare(key.remoteJidAlt ?? key.participantAlt),
    participant: key.participant || null,
    from_me: key.fromMe,
  };
  if (messageStubType === WAMessageStubType.CIPHERTEXT) {
    emit('undecryptable', { ...where, reason: rest.messageStubParameters?.[0] ?? null });
    return;
  }
  files.keep(key.id, { key, message });
  emit('message', {
    ...where,
    text: textOf(message),
    kind: kindOf(message),
    timestamp: Number(rest.messageTimestamp),
    type,
    push_name: rest.pushName ?? null,
    stub: messageStubType ? WAMessageStubType[messageStubType] : null,
    raw: withoutEmptyLists(message) ?? null,
  });
}

function onStatus({ key, update }) {
  if (typeof update.status !== 'number') return;
  const code = update.status === 0 ? (update.messageStubParameters?.[0] ?? null) : null;
  emit('status', { id: key.id, from: key.remoteJid, status: STATUS[update.status], code });
}

function account() {
  const me = memory?.creds.me;
  return { jid: me?.id ?? null, lid: me?.lid ?? null };
}

function disconnect() {
  clearTimeout(reconnectTimer);
  const current = socket;
  socket = null; // its close is no longer ours to report
  if (current) return current.end(undefined);
}

function live() {
  if (socket === null) throw new Error('not connected');
  return socket;
}

/** Run one send under its id, so that a retry receipt that is faster finds the message. */
async function remember(id, run) {
  const work = run();
  sending.set(id, work);
  try {
    memory.saveSent(id, await work);
  } finally {
    sending.delete(id);
  }
  return { message_id: id };
}

/** The users a JID stands for: itself, and its other name where Baileys knows one. */
async function usersOf(jid) {
  const { lidMapping } = live().signalRepository;
  const other = jid.endsWith('@lid')
    ? await lidMapping.getPNForLID(jid)
    : await lidMapping.getLIDForPN(jid);
  return [userOf(jid), ...(other ? [userOf(other)] : [])];
}

/** What people do with groups, by the names that both peers share. */
const GROUP_ACTIONS = {
  create: async ({ subject, members }) => ({ id: (await live().groupCreate(subject, members)).id }),
  metadata: async ({ group: id }) => live().groupMetadata(id),
  change: async ({ group: id, members, action }) => ({
    outcomes: await live().groupParticipantsUpdate(id, members, action).then((all) =>
      all.map(({ jid, status }) => ({ jid, status })),
    ),
  }),
  leave: ({ group: id }) => live().groupLeave(id),
  rename: ({ group: id, subject }) => live().groupUpdateSubject(id, subject),
  describe: ({ group: id, description }) => live().groupUpdateDescription(id, description ?? undefined),
  invite_code: async ({ group: id }) => ({ code: await live().groupInviteCode(id) }),
  revoke_invite: async ({ group: id }) => ({ code: await live().groupRevokeInvite(id) }),
  join: async ({ code }) => ({ id: (await live().groupAcceptInvite(code)) ?? null }),
  setting: ({ group: id, setting }) => live().groupSettingUpdate(id, setting),
  timer: ({ group: id, seconds }) => live().groupToggleEphemeral(id, seconds),
  approval: ({ group: id, mode }) => live().groupJoinApprovalMode(id, mode),
  requests: async ({ group: id }) => ({ requests: await live().groupRequestParticipantsList(id) }),
  decide: async ({ group: id, members, action }) => ({
    outcomes: await live().groupRequestParticipantsUpdate(id, members, action),
  }),
};
/** A file as Baileys wants it described. */
function fileContent(kind, path, fields) {
  const flags = { gif: { gifPlayback: true }, video_note: { ptv: true }, voice: { ptt: true } };
  const field = { gif: 'video', video_note: 'video', voice: 'audio' }[kind] ?? kind;
  return { [field]: { url: path }, ...flags[kind], ...fields };
}

const nameAndDevice = (address) => {
  const [name, device] = address.split('.');
  return [name.split(`_${LID_DOMAIN}`)[0], Number(device)];
};

serve({
  ...chatCommands(live),
  ...peopleCommands(live),

  async start({ url, noise_root, auth_dir = null, version = null, reconnect = true, history = false }) {
    if (socket) throw new Error('already started');
    WA_CERT_DETAILS.PUBLIC_KEY = Buffer.from(noise_root, 'hex');
    clearTimeout(reconnectTimer);
    options = { url, auth_dir, version, reconnect, history };
    memory ??= new Memory(auth_dir);
    connect();
  },

  async stop() {
    await disconnect();
  },

  async send_text({ to, text, message_id }) {
    const sock = live();
    const id = message_id ?? generateMessageIDV2(sock.user?.id);
    return remember(id, async () => (await sock.sendMessage(to, { text }, { messageId: id })).message);
  },

  async send({ to, content, message_id }) {
    const sock = live();
    const id = message_id ?? generateMessageIDV2(sock.user?.id);
    const message = proto.Message.fromObject(content);
    return remember(id, async () => {
      await sock.relayMessage(to, message, { messageId: id });
      return message;
    });
  },

  async group({ do: action, ...given }) {
    return (await GROUP_ACTIONS[action](given)) ?? {};
  },

  async send_status({ content, audience, style = {}, message_id }) {
    const sock = live();
    const id = message_id ?? generateMessageIDV2(sock.user?.id);
    return remember(id, async () => {
      const options = { messageId: id, statusJidList: audience, ...style };
      return (await sock.sendMessage('status@broadcast', content, options)).message;
    });
  },

  /** What Baileys composes itself out of its own way to say things; times in milliseconds. */
  async compose({ to, content, options = {}, message_id }) {
    const sock = live();
    const id = message_id ?? generateMessageIDV2(sock.user?.id);
    const { event, ...rest } = content;
    const said = event
      ? { event: { ...event, startDate: new Date(event.startDate), endDate: new Date(event.endDate) } }
      : rest;
    return remember(id, async () =>
      (await sock.sendMessage(to, said, { ...options, messageId: id })).message,
    );
  },

  /** Open what was sealed under the secret of another message. */
  async open_addon({ use, secret, target, author, modifier, payload, iv }) {
    const sealed = { encPayload: payload, encIv: iv };
    if (use === 'Poll Vote') {
      const where = { pollCreatorJid: author, pollMsgId: target, pollEncKey: secret, voterJid: modifier };
      return { opened: withoutEmptyLists(decryptPollVote(sealed, where)) };
    }
    const where = { eventCreatorJid: author, eventMsgId: target, eventEncKey: secret, responderJid: modifier };
    return { opened: withoutEmptyLists(decryptEventResponse(sealed, where)) };
  },

  async send_media({ to, kind, path, message_id, ...fields }) {
    const sock = live();
    const id = message_id ?? generateMessageIDV2(sock.user?.id);
    const content = fileContent(kind, path, fields);
    return remember(id, async () => (await sock.sendMessage(to, content, { messageId: id })).message);
  },

  async fetch_media({ message_id, again = false }) {
    const sock = live();
    const found = files.get(message_id);
    // Only an answer to this tells it where files are.
    if (again) await sock.refreshMediaConn();
    // Baileys would do this by itself, but looks for the status where its errors have none.
    const message = again ? await sock.updateMediaMessage(found) : found;
    return digestOf(await downloadMediaMessage(message, 'buffer', {}));
  },

  async mark_read({ keys }) {
    await live().readMessages(
      keys.map(({ from, id, participant }) => ({ remoteJid: from, id, participant, fromMe: false })),
    );
  },

  async presence({ type = 'available', name = null }) {
    const sock = live();
    if (name !== null) sock.ev.emit('creds.update', { me: { ...memory.creds.me, name } });
    await sock.sendPresenceUpdate(type);
  },

  async forget_session({ jid = null }) {
    const users = jid === null ? null : await usersOf(jid);
    const device = jid === null ? null : deviceOf(jid);
    const gone = memory.sessions().filter((address) => {
      const [name, number] = nameAndDevice(address);
      return (users === null || users.includes(name)) && (device === null || device === number);
    });
    await live().authState.keys.set({
      session: Object.fromEntries(gone.map((address) => [address, null])),
    });
    return { forgotten: gone };
  },

  async corrupt_next({ jid = null }) {
    spoiler.add(jid === null ? null : await usersOf(jid), jid === null ? null : deviceOf(jid));
  },

  async reinstall() {
    await disconnect();
    memory.journal.clear();
    memory = new Memory(options.auth_dir);
    spoiler = new Spoiler();
    connect();
  },

  async logout() {
    const current = live();
    await current.logout();
    memory.journal.clear();
    memory = null;
  },

  async request_pairing_code({ phone, code }) {
    return { code: await live().requestPairingCode(phone, code) };
  },

  async info() {
    return { ...account(), connected: socket?.ws.isOpen ?? false };
  },
});
