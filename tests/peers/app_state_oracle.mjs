// Baileys' app state behind JSON lines, with every MAC verified.

import { serve } from './lib/wire.mjs';
import {
  decodePatches,
  decodeSyncdSnapshot,
  encodeSyncdPatch,
  newLTHashState,
  proto,
} from '@whiskeysockets/baileys';
import { LTHashAntiTampering, expandAppStateKeys } from 'whatsapp-rust-bridge';

const base64 = (bytes) => Buffer.from(bytes).toString('base64');
const warnings = [];
const silent = Object.fromEntries(
  ['trace', 'debug', 'info', 'error'].map((level) => [level, () => {}]),
);
// Baileys goes on after a MAC that does not verify, and only says so here.
const logger = { ...silent, warn: (_context, text) => warnings.push(text) };

const keys = new Map(); // base64 of the id -> AppStateSyncKeyData
const states = new Map(); // collection -> Baileys' state

const stateOf = (collection) => states.get(collection) ?? newLTHashState();
const keyOf = async (id) => keys.get(id);

function told(state, mutationMap = {}) {
  if (warnings.length) throw new Error(warnings.splice(0).join('; '));
  return {
    version: state.version,
    hash: Buffer.from(state.hash),
    mutations: Object.values(mutationMap).map(({ index, syncAction }) => ({
      index,
      value: syncAction.value,
    })),
  };
}

serve({
  share_key({ key_id, key_data }) {
    keys.set(base64(key_id), proto.Message.AppStateSyncKeyData.fromObject({ keyData: key_data }));
  },
  expand({ key_data }) {
    const all = expandAppStateKeys(key_data);
    return {
      index: Buffer.from(all.indexKey),
      value_encryption: Buffer.from(all.valueEncryptionKey),
      value_mac: Buffer.from(all.valueMacKey),
      snapshot_mac: Buffer.from(all.snapshotMacKey),
      patch_mac: Buffer.from(all.patchMacKey),
    };
  },
  lthash({ hash, removed, added }) {
    return { hash: Buffer.from(new LTHashAntiTampering().subtractThenAdd(hash, removed, added)) };
  },
  /** Make the next patch as Baileys does; the version is what the server would add. */
  async encode({ collection, key_id, index, value, version, remove = false }) {
    const { SET, REMOVE } = proto.SyncdMutation.SyncdOperation;
    const { patch, state } = await encodeSyncdPatch(
      { type: collection, index, syncAction: value, apiVersion: version, operation: remove ? REMOVE : SET },
      base64(key_id),
      stateOf(collection),
      keyOf,
    );
    if (remove) delete state.indexValueMap[base64(patch.mutations[0].record.index.blob)];
    states.set(collection, state);
    const whole = proto.SyncdPatch.fromObject({ ...patch, version: { version: state.version } });
    return { patch: Buffer.from(proto.SyncdPatch.encode(whole).finish()), ...told(state) };
  },
  /** Read the next patch as Baileys does, with the MACs of patch, records and whole verified. */
  async decode({ collection, patch }) {
    const decoded = proto.SyncdPatch.decode(patch);
    const { state, mutationMap } = await decodePatches(
      collection, [decoded], stateOf(collection), keyOf, {}, undefined, logger, true,
    );
    const answer = told(state, mutationMap);
    states.set(collection, state);
    return answer;
  },
  async decode_snapshot({ collection, snapshot }) {
    const decoded = proto.SyncdSnapshot.decode(snapshot);
    const { state, mutationMap } = await decodeSyncdSnapshot(
      collection, decoded, keyOf, undefined, true, logger,
    );
    const answer = told(state, mutationMap);
    states.set(collection, state);
    return answer;
  },
  reset() {
    states.clear();
  },
});
