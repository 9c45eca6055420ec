// The parts of a message and of a stanza that both peers report in the same shape.

const WRAPPERS = [
  'deviceSentMessage',
  'ephemeralMessage',
  'viewOnceMessage',
  'viewOnceMessageV2',
  'documentWithCaptionMessage',
  'editedMessage',
];
const BESIDE_THE_CONTENT = new Set(['messageContextInfo', 'senderKeyDistributionMessage']);

function unwrap(content) {
  for (let depth = 0; depth < WRAPPERS.length; depth += 1) {
    const wrapper = WRAPPERS.find((name) => content?.[name]?.message);
    if (wrapper === undefined) return content ?? {};
    content = content[wrapper].message;
  }
  return content;
}

/** The words of a text message, else null. */
export function textOf(content) {
  const inner = unwrap(content);
  return inner.conversation || inner.extendedTextMessage?.text || null;
}

/** The name of the one field that says what kind of message it is, else null. */
export function kindOf(content) {
  const inner = unwrap(content);
  const fields = Object.keys(inner).filter((name) => inner[name] !== null && inner[name] !== undefined);
  return fields.find((name) => !BESIDE_THE_CONTENT.has(name)) ?? null;
}

/** `user` of user[:device]@server. */
export function userOf(jid) {
  return jid.split('@')[0].split(':')[0].split('.')[0];
}

/** The device number of a JID that names one, else null. */
export function deviceOf(jid) {
  const device = /:(\d+)@/.exec(jid);
  return device === null ? null : Number(device[1]);
}

/** A JID without its device. */
export function bare(jid) {
  return jid === undefined || jid === null ? null : jid.replace(/:\d+@/, '@');
}

const children = (node) => (Array.isArray(node.content) ? node.content : []);

/** A <receipt> stanza as the `receipt` event. */
export function receiptOf(node) {
  const { id, from, participant, recipient, type, t } = node.attrs;
  const more = children(node)
    .filter(({ tag }) => tag === 'list')
    .flatMap(children)
    .map((item) => item.attrs.id);
  return { id, ids: [id, ...more], from, participant, recipient, type: type ?? 'delivery', t };
}

/** A <message> or <notification> stanza as the `stanza` event: attributes, and kinds of <enc>. */
export function stanzaOf(node) {
  const enc = children(node).filter(({ tag }) => tag === 'enc');
  return {
    tag: node.tag,
    attrs: node.attrs,
    enc: enc.map((child) => child.attrs.type),
    children: children(node).map(({ tag }) => tag),
  };
}

const STATUS_OF_RECEIPT = {
  delivery: 'delivered',
  inactive: 'delivered',
  read: 'read',
  played: 'played',
};

/** What a receipt from another account says of a message, else null. */
export function statusOfReceipt(type) {
  return STATUS_OF_RECEIPT[type] ?? null;
}

/** A decoded message without the empty lists that a decoder makes up: protobuf knows none. */
export function withoutEmptyLists(value) {
  if (value === null || typeof value !== 'object' || value instanceof Uint8Array) return value;
  if (Array.isArray(value)) return value.map(withoutEmptyLists);
  if ('low' in value && 'high' in value) return value; // a 64-bit integer
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, item]) => !(Array.isArray(item) && item.length === 0))
      .map(([name, item]) => [name, withoutEmptyLists(item)]),
  );
}

const INNER_MESSAGE = 4; // of a PreKeySignalMessage

function varintAt(bytes, at) {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at];
    at += 1;
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return [value, at];
  }
}

/** Where the ratchet message ends: its last eight bytes are the MAC. */
function endOfRatchetMessage(type, bytes) {
  if (type !== 'pkmsg') return bytes.length;
  let at = 1; // the version byte
  while (at < bytes.length) {
    const [tag, afterTag] = varintAt(bytes, at);
    const [value, afterValue] = varintAt(bytes, afterTag);
    at = (tag & 7) === 2 ? afterValue + value : afterValue;
    if (tag >> 3 === INNER_MESSAGE) return at;
  }
  throw new Error('a pkmsg without a message');
}

/** Which of the next encryptions to spoil: one for each device that a rule means. */
export class Spoiler {
  #rules = [];

  /** `users` null: everybody; `device` null: all of their devices. */
  add(users, device) {
    this.#rules.push({ users, device, done: new Set() });
  }

  /** The ciphertext, its MAC broken if a rule still waits for this device. */
  pass(user, device, type, ciphertext) {
    const address = `${user}.${device}`;
    const rule = this.#rules.find(
      ({ users, device: only, done }) =>
        (users === null || users.includes(user)) &&
        (only === null || only === device) &&
        !done.has(address),
    );
    if (rule === undefined) return ciphertext;
    rule.done.add(address);
    const spoiled = Buffer.from(ciphertext);
    spoiled[endOfRatchetMessage(type, spoiled) - 1] ^= 0xff;
    return spoiled;
  }
}
