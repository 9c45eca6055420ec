// zapo-js, unmodified, driven over JSON lines. Commands and events: README.md.

import { emit, errorText, logLine, serve } from './lib/wire.mjs';
import { WebSocket as NodeWebSocket } from 'ws';
import { WaClient, proto } from 'zapo-js';
import { decryptAddonPayload, encryptAddonPayload } from 'zapo-js/message';

import {
  Spoiler,
  bare,
  deviceOf,
  kindOf,
  receiptOf,
  stanzaOf,
  statusOfReceipt,
  textOf,
  userOf,
  withoutEmptyLists,
} from './lib/content.mjs';
import { chatCommands, listenToChats } from './lib/chats_zapo.mjs';
import { listenToPeople, peopleCommands } from './lib/people_zapo.mjs';
import { FileMessages, digestOf, fileField } from './lib/files.mjs';
import { ZapoStore } from './lib/zapo_store.mjs';

const RECONNECT_AFTER_MS = 250;
const CONFLICT_CODES = { replaced: 440, device_removed: 401 };
const LOST = 428; // as Baileys names a connection that was closed without a word

// The stores are cleared by `reinstall` and `logout` only. Left alone, zapo-js would
// also forget a pairing of which it hears the 515 before it has closed the socket itself.
const KEEP = Object.fromEntries(
  [
    'auth', 'signal', 'preKey', 'session', 'identity', 'senderKey', 'appState', 'retry',
    'participants', 'deviceList', 'messages', 'messageSecret', 'threads', 'contacts', 'privacyToken',
  ].map((name) => [name, false]),
);

const logger = { level: 'trace' };
for (const level of ['trace', 'debug', 'info', 'warn', 'error']) {
  logger[level] = (message, context) => logLine(level, message, context);
}

let options = null; // of the last `start`
let store = null;
let client = null; // null while stopped
let goodbye = null; // why the server is about to close, if it said so
let spoiler = new Spoiler();
let opening = { success: false, preKeys: false };
const files = new FileMessages();
const otherNames = new Map(); // user -> the other user part of the same account

// Node 20 has no WebSocket of its own; this one also sends what a browser sends, and
// lets the closing of a socket be seen, which zapo-js keeps to itself.
globalThis.WebSocket = class extends NodeWebSocket {
  constructor(url, second, third) {
    const isOptions = second !== null && typeof second === 'object' && !Array.isArray(second);
    const given = (isOptions ? second : third) ?? {};
    const protocols = isOptions ? second.protocols : second;
    super(url, protocols ?? [], { headers: given.headers, origin: 'https://web.whatsapp.com' });
    const owner = client;
    this.addEventListener('close', ({ code, reason }) => {
      if (owner === null || client !== owner) return;
      emit('close', goodbye ?? { code: LOST, reason: reason || `WebSocket closed (${code})` });
      goodbye = null;
      opening = { ...opening, success: false };
    });
  }
};

function connect() {
  const { url, noise_root: root, version, reconnect, history } = options;
  const current = new WaClient(
    {
      store: store.waStore,
      sessionId: 'peer',
      chatSocketUrls: [url],
      urls: [url],
      reconnectIntervalMs: RECONNECT_AFTER_MS,
      ...(reconnect ? {} : { maxReconnectAttempts: 0 }),
      ...(version ? { version } : {}),
      history: { enabled: history },
      addons: { autoDecrypt: true },
      logoutStoreClear: KEEP,
      testHooks: { noiseRootCa: { publicKey: new Uint8Array(Buffer.from(root, 'hex')), serial: 0 } },
    },
    logger,
  );
  client = current;
  goodbye = null;
  opening = { success: false, preKeys: false };
  listen(current);
  spoilEncryption(current);
  // Answered at once: how it went is told by events.
  keepConnecting(current);
}

/** zapo-js reconnects by itself once it was connected; a first connection that times out ends it. */
function keepConnecting(current) {
  current.connect().catch((error) => {
    logLine('warn', 'connect failed', errorText(error));
    const superseded = error.message.includes('superseded');
    if (client !== current || superseded || !options.reconnect) return;
    setTimeout(() => client === current && keepConnecting(current), RECONNECT_AFTER_MS);
  });
}

function listen(current) {
  listenToPeople(current);
  const mine = (handle) => (event) => client === current && handle(event);
  listenToChats(current, mine);
  current.on('auth_qr', mine(({ qr }) => emit('qr', { qr })));
  current.on('connection_success', mine(() => {
    opening.success = true;
    openWhenReady();
  }));
  current.on('transport_node_in', mine(({ node }) => onNode(node)));
  current.on('message', mine(onMessage));
  current.on('message_addon', mine(onAddon));
  current.on('message_receipt', mine(({ rawNode }) => onReceipt(receiptOf(rawNode))));
  current.on('stanza_unhandled', mine(onUnhandled));
  current.on('history_sync_chunk', mine(({ messagesCount, conversationsCount }) =>
    emit('history', { messages: messagesCount, chats: conversationsCount }),
  ));
  current.on('client_error', mine(({ error }) => logLine('warn', 'client error', errorText(error))));
}

/** Logged in counts once the server has prekeys to give to others, as with Baileys. */
function openWhenReady() {
  if (!opening.success || !opening.preKeys) return;
  opening.success = false;
  emit('open', account());
}

function onStoreChange(domain, method, [value]) {
  if (domain !== 'preKey' || method !== 'setServerHasPreKeys') return;
  opening.preKeys = value;
  openWhenReady();
}

function onNode(node) {
  const { tag, attrs, content } = node;
  if (tag === 'message' || tag === 'notification') emit('stanza', stanzaOf(node));
  if (tag === 'receipt') emit('receipt', receiptOf(node));
  if (tag === 'message') learnNames(attrs);
  if (tag === 'ack' && attrs.class === 'message') onAck(attrs);
  if (tag === 'failure') goodbye = { code: Number(attrs.reason), reason: 'failure' };
  if (tag === 'stream:error') goodbye = streamError(attrs, Array.isArray(content) ? content : []);
}

function streamError({ code }, children) {
  const conflict = children.find(({ tag }) => tag === 'conflict')?.attrs.type;
  return {
    code: code ? Number(code) : (CONFLICT_CODES[conflict] ?? 500),
    reason: `stream error ${code ?? conflict ?? children[0]?.tag ?? ''}`.trim(),
  };
}

function learnNames({ from, participant, ...attrs }) {
  const sender = participant ?? from;
  const other = attrs.sender_lid ?? attrs.sender_pn ?? attrs.participant_lid ?? attrs.participant_pn;
  if (!sender || !other) return;
  otherNames.set(userOf(sender), userOf(other));
  otherNames.set(userOf(other), userOf(sender));
}

function onAck({ id, from, error }) {
  if (error) emit('status', { id, from, status: 'error', code: error });
  else emit('status', { id, from, status: 'server_ack' });
}

function onReceipt({ ids, from, type }) {
  const status = statusOfReceipt(type);
  if (status === null) return;
  for (const id of ids) emit('status', { id, from, status });
}

function isMine(jid) {
  const { jid: me, lid } = account();
  return [me, lid].some((own) => own && userOf(own) === userOf(jid));
}

/** Where a message stanza belongs: the chat, the author, whether it is our own. */
function whereOf({ attrs }) {
  const { id, from, participant, recipient } = attrs;
  const fromMe = isMine(participant ?? from);
  return {
    id,
    from: bare(fromMe && recipient ? recipient : from),
    alt: bare(attrs.sender_lid ?? attrs.sender_pn ?? attrs.participant_lid ?? attrs.participant_pn),
    participant: participant ?? null,
    from_me: fromMe,
  };
}

function onMessage({ rawNode, message, timestampSeconds }) {
  files.keep(rawNode.attrs.id, message);
  emit('message', {
    ...whereOf(rawNode),
    text: textOf(message),
    kind: kindOf(message),
    timestamp: timestampSeconds,
    type: rawNode.attrs.offline === undefined ? 'notify' : 'append',
    push_name: rawNode.attrs.notify ?? null,
    raw: withoutEmptyLists(message),
  });
}

/** What was sealed under the secret of another message, which zapo-js keeps and opens itself. */
function onAddon({ rawNode, kind, targetMessageId, decrypted }) {
  const { kind: _kind, ...opened } = decrypted;
  emit('addon', { ...whereOf(rawNode), kind, target: targetMessageId, opened: withoutEmptyLists(opened) });
}

const ADDONS = {
  'Poll Vote': proto.Message.PollVoteMessage,
  'Event Response': proto.Message.EventResponseMessage,
  'Enc Reaction': proto.Message.ReactionMessage,
  'Message Edit': proto.Message,
};

function onUnhandled({ rawNode, reason }) {
  if (reason.startsWith('message.decrypt_failed')) {
    emit('undecryptable', { ...whereOf(rawNode), reason });
  }
}

function account() {
  const credentials = client?.getCredentials();
  return { jid: credentials?.meJid ?? null, lid: credentials?.meLid ?? null };
}

/** Every ciphertext of a session passes the spoiler on its way out. */
function spoilEncryption(current) {
  const protocol = current.messageDispatch.signalProtocol;
  const encryptMessagesBatch = protocol.encryptMessagesBatch.bind(protocol);
  protocol.encryptMessagesBatch = async (requests, sessions) => {
    const encrypted = await encryptMessagesBatch(requests, sessions);
    return encrypted.map((one, index) => {
      const { user, device } = requests[index].address;
      const ciphertext = spoiler.pass(user, device, one.type, one.ciphertext);
      return { ...one, ciphertext: new Uint8Array(ciphertext) };
    });
  };
}

async function disconnect() {
  const current = client;
  client = null; // its close is no longer ours to report
  if (current) await current.disconnect();
}

function live() {
  if (client === null || !client.getState().connected) throw new Error('not connected');
  return client;
}

async function publish(to, content, message_id) {
  const { id, ack } = await live().sendMessage(to, content, message_id ? { id: message_id } : {});
  return { message_id: id, error: ack.error ?? null };
}

const attrsOf = (node, ...path) => {
  for (const tag of path) node = (Array.isArray(node?.content) ? node.content : []).find((child) => child.tag === tag);
  return node?.attrs ?? {};
};

/** What people do with groups, by the names that both peers share; the rest zapo-js can't do. */
const GROUP_ACTIONS = {
  create: async ({ subject, members }) => {
    const result = await live().group.createGroup(subject, members);
    return { id: `${attrsOf(result, 'group').id}@g.us` };
  },
  metadata: async ({ group: id }) => live().group.queryGroupMetadata(id),
  change: async ({ group: id, members, action }) => {
    const result = await live().group[`${action}Participants`](id, members);
    const found = result.content.find(({ tag }) => tag === action)?.content ?? [];
    return { outcomes: found.map(({ attrs }) => ({ jid: attrs.jid, status: attrs.error ?? '200' })) };
  },
  leave: async ({ group: id }) => void (await live().group.leaveGroup([id])),
  rename: ({ group: id, subject }) => live().group.setSubject(id, subject),
  describe: ({ group: id, description, previous = null }) => live().group.setDescription(id, description, previous),
  revoke_invite: async ({ group: id }) => ({ code: attrsOf(await live().group.revokeInvite(id), 'invite').code }),
  join: async ({ code }) => ({ id: attrsOf(await live().group.joinGroupViaInvite(code), 'group').jid ?? null }),
};

const usersOf = (jid) => [userOf(jid), ...(otherNames.has(userOf(jid)) ? [otherNames.get(userOf(jid))] : [])];

serve({
  ...chatCommands(live),
  ...peopleCommands(live),

  async start({ url, noise_root, auth_dir = null, version = null, reconnect = true, history = false }) {
    if (client) throw new Error('already started');
    options = { url, noise_root, auth_dir, version, reconnect, history };
    store ??= await ZapoStore.open(auth_dir, onStoreChange);
    connect();
  },

  async stop() {
    await disconnect();
  },

  async send_text({ to, text, message_id }) {
    return publish(to, text, message_id);
  },

  async send({ to, content, message_id }) {
    return publish(to, content, message_id);
  },

  async group({ do: action, ...given }) {
    return (await GROUP_ACTIONS[action](given)) ?? {};
  },

  /** Seal under the secret of another message. */
  async seal_addon({ use, secret, target, author, modifier, content, iv }) {
    const payload = ADDONS[use].encode(content).finish();
    const sealed = await encryptAddonPayload({
      messageSecret: secret,
      stanzaId: target,
      parentMsgOriginalSender: author,
      modificationSender: modifier,
      modificationType: use,
      payload,
      iv,
    });
    return { payload: sealed };
  },

  /** Open what was sealed so. */
  async open_addon({ use, secret, target, author, modifier, payload, iv }) {
    const opened = await decryptAddonPayload({
      messageSecret: secret,
      stanzaId: target,
      parentMsgOriginalSender: author,
      modificationSender: modifier,
      modificationType: use,
      ciphertext: payload,
      iv,
    });
    return { opened: withoutEmptyLists(ADDONS[use].decode(opened)) };
  },

  async send_media({ to, kind, path, message_id, ...fields }) {
    const type = { video_note: 'ptv', gif: 'video', voice: 'audio' }[kind] ?? kind;
    const flags = { gif: { gifPlayback: true }, voice: { ptt: true } };
    return publish(to, { type, media: path, ...flags[kind], ...fields }, message_id);
  },

  async fetch_media({ message_id }) {
    const { field, content } = fileField(files.get(message_id));
    const mediaType = { ptvMessage: 'video' }[field] ?? field.replace('Message', '');
    const { url, directPath, mediaKey, fileSha256, fileEncSha256 } = content;
    // It checks MAC, both hashes and padding by itself.
    const request = { url, directPath, mediaType, mediaKey, fileSha256, fileEncSha256 };
    return digestOf(await live().mediaTransfer.downloadAndDecrypt(request));
  },

  async mark_read({ keys }) {
    for (const { from, id, participant } of keys) {
      await live().sendReceipt({ to: from, id, participant, type: 'read', t: `${Math.floor(Date.now() / 1000)}` });
    }
  },

  async presence({ type = 'available' }) {
    await live().sendPresence(type);
  },

  async forget_session({ jid = null }) {
    const users = jid === null ? null : usersOf(jid);
    const device = jid === null ? null : deviceOf(jid);
    const gone = store.sessions().filter(
      (address) =>
        (users === null || users.includes(address.user)) &&
        (device === null || device === address.device),
    );
    const { session } = store.waStore.session('peer');
    for (const address of gone) await session.deleteSession(address);
    return { forgotten: gone.map(({ user, device: number }) => `${user}.${number}`) };
  },

  async corrupt_next({ jid = null }) {
    spoiler.add(jid === null ? null : usersOf(jid), jid === null ? null : deviceOf(jid));
  },

  async reinstall() {
    await disconnect();
    store.clear();
    store = await ZapoStore.open(options.auth_dir, onStoreChange);
    spoiler = new Spoiler();
    connect();
  },

  async logout() {
    const current = live();
    await current.logout();
    await disconnect();
    store.clear();
    store = null;
    emit('close', { code: 401, reason: 'logged out' });
  },

  async request_pairing_code({ phone, code }) {
    return { code: await live().requestPairingCode(phone, false, code) };
  },

  async info() {
    return { ...account(), connected: client?.getState().connected ?? false };
  },
});
