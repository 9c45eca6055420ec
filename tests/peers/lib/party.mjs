// One side of Signal conversations over libsignal's JavaScript.

import { SessionRecord, keyhelper } from 'libsignal';
import { SenderKeyRecord } from '@whiskeysockets/baileys/lib/Signal/Group/index.js';

export const withType = (key) => (key.length === 33 ? key : Buffer.concat([Buffer.from([5]), key]));
export const withoutType = (key) => (key.length === 33 ? key.subarray(1) : key);

/** One side of conversations: an identity with prekeys, and the storage that libsignal asks for. */
export class Party {
  constructor({ registration_id, pre_keys = 1 } = {}) {
    this.identity = keyhelper.generateIdentityKeyPair();
    this.registrationId = registration_id ?? keyhelper.generateRegistrationId();
    this.signedPreKey = keyhelper.generateSignedPreKey(this.identity, 1);
    this.preKeys = new Map();
    for (let id = 1; id <= pre_keys; id += 1) this.preKeys.set(id, keyhelper.generatePreKey(id).keyPair);
    this.sessions = new Map();
    this.senderKeys = new Map();
  }

  describe() {
    return {
      registration_id: this.registrationId,
      identity: withoutType(this.identity.pubKey),
      signed_pre_key_id: this.signedPreKey.keyId,
      signed_pre_key: withoutType(this.signedPreKey.keyPair.pubKey),
      signature: this.signedPreKey.signature,
      pre_keys: [...this.preKeys].map(([id, { pubKey }]) => ({ id, key: withoutType(pubKey) })),
    };
  }

  // What libsignal calls. Records are kept serialized, as a store would.
  async loadSession(address) {
    const stored = this.sessions.get(address);
    return stored && SessionRecord.deserialize(stored);
  }

  async storeSession(address, record) {
    this.sessions.set(address, record.serialize());
  }

  isTrustedIdentity() {
    return true;
  }

  async loadPreKey(id) {
    return this.preKeys.get(id);
  }

  removePreKey(id) {
    this.preKeys.delete(id);
  }

  loadSignedPreKey(id) {
    return id === undefined || id === this.signedPreKey.keyId ? this.signedPreKey.keyPair : undefined;
  }

  getOurRegistrationId() {
    return this.registrationId;
  }

  getOurIdentity() {
    return this.identity;
  }

  async loadSenderKey(name) {
    const stored = this.senderKeys.get(name.toString());
    return stored ? SenderKeyRecord.deserialize(stored) : new SenderKeyRecord();
  }

  async storeSenderKey(name, record) {
    this.senderKeys.set(name.toString(), Buffer.from(JSON.stringify(record.serialize())));
  }
}
