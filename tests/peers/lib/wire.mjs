// JSON lines on standard input and output: commands in, answers and events out.
//
// Import this module first. libsignal prints session keys to the console, so every
// console method and standard output itself are silenced before a library loads;
// only the writer saved here still reaches the pipe.

import { createInterface } from 'node:readline';

const writeLine = process.stdout.write.bind(process.stdout);
process.stdout.write = (_chunk, encoding, callback) => {
  const done = typeof encoding === 'function' ? encoding : callback;
  if (done) done();
  return true;
};
for (const name of ['log', 'info', 'warn', 'error', 'debug', 'trace', 'dir', 'table']) {
  console[name] = () => {};
}

/** A value as plain JSON: bytes become {"$base64": ...}, 64-bit integers numbers or strings. */
export function toJson(value) {
  if (value === null || value === undefined) return undefined;
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'function' || typeof value === 'symbol') return undefined;
  if (typeof value !== 'object') return value;
  if (value instanceof Uint8Array) return { $base64: Buffer.from(value).toString('base64') };
  if (value instanceof Date) return value.toISOString();
  if (isLong(value)) return longToJson(value);
  if (Array.isArray(value)) return value.map((item) => toJson(item) ?? null);
  const entries = value instanceof Map ? value.entries() : Object.entries(value);
  const plain = {};
  for (const [key, item] of entries) {
    const encoded = toJson(item);
    if (encoded !== undefined) plain[key] = encoded;
  }
  return plain;
}

/** The reverse of toJson for what comes in: {"$base64": ...} becomes a Buffer. */
export function fromJson(value) {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(fromJson);
  if (typeof value.$base64 === 'string') return Buffer.from(value.$base64, 'base64');
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fromJson(item)]));
}

function isLong(value) {
  return typeof value.low === 'number' && typeof value.high === 'number' && 'unsigned' in value;
}

function longToJson({ low, high, unsigned }) {
  const wide = (BigInt(unsigned ? high >>> 0 : high) << 32n) | BigInt(low >>> 0);
  return Number.isSafeInteger(Number(wide)) ? Number(wide) : wide.toString();
}

/** Write one event line. */
export function emit(event, fields = {}) {
  send({ event, ...fields });
}

function send(message) {
  writeLine(`${JSON.stringify(toJson(message))}\n`);
}

/** Answer command lines with the methods of `commands` until standard input ends. */
export function serve(commands) {
  const lines = createInterface({ input: process.stdin, crlfDelay: Infinity });
  lines.on('line', (line) => void answer(commands, line));
  lines.on('close', () => process.exit(0));
  process.on('uncaughtException', (error) => {
    process.stderr.write(`${error?.stack ?? error}\n`);
    process.exit(70);
  });
  process.on('unhandledRejection', (error) => {
    process.stderr.write(`unhandled rejection: ${error?.stack ?? error}\n`);
    emit('error', { error: errorText(error) });
  });
  emit('ready', { pid: process.pid, node: process.versions.node });
}

async function answer(commands, line) {
  let id = null;
  try {
    const { id: given, command, ...args } = JSON.parse(line);
    id = given;
    if (!Object.hasOwn(commands, command)) throw new Error(`unknown command ${command}`);
    const result = await commands[command](fromJson(args));
    send({ id, ok: true, result: result ?? {} });
  } catch (error) {
    send({ id, ok: false, error: errorText(error) });
  }
}

/** What an error says, and the status code a Boom carries. */
export function errorText(error) {
  const code = error?.output?.statusCode;
  return `${error?.message ?? error}${code === undefined ? '' : ` (${code})`}`;
}

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'];

/** Whether lines of `level` are wanted: PEER_LOG names the lowest, "warn" by default. */
export function wantsLevel(level) {
  return LEVELS.indexOf(level) >= LEVELS.indexOf(process.env.PEER_LOG ?? 'warn');
}

/** One log line on standard error, which the Python side keeps for failure messages. */
export function logLine(level, ...parts) {
  if (!wantsLevel(level)) return;
  const text = parts.filter((part) => part !== undefined).map(logText).join(' ');
  process.stderr.write(`${new Date().toISOString()} ${level} ${text}\n`);
}

function logText(part) {
  if (typeof part === 'string') return part;
  if (part instanceof Error) return part.stack ?? part.message;
  const shown = JSON.stringify(toJson(part), (_key, value) =>
    value instanceof Error ? value.message : value,
  );
  return shown?.slice(0, 4000) ?? '';
}
