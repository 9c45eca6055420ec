// libsignal's JavaScript and Baileys' codecs behind JSON lines: known answers, made live.

import { serve } from './lib/wire.mjs';
import { ProtocolAddress, SessionBuilder, SessionCipher, curve } from 'libsignal';
import {
  buildPairingQRData,
  decodeBinaryNode,
  encodeBinaryNode,
  encodeWAMessage,
  generateParticipantHashV2,
  hkdf,
  proto,
  unpadRandomMax16,
} from '@whiskeysockets/baileys';
import {
  GroupCipher,
  GroupSessionBuilder,
  SenderKeyDistributionMessage,
  SenderKeyName,
} from '@whiskeysockets/baileys/lib/Signal/Group/index.js';

import { withoutEmptyLists } from './lib/content.mjs';
import { Party, withType, withoutType } from './lib/party.mjs';

const parties = [];

function party(number) {
  const found = parties[number];
  if (found === undefined) throw new Error(`no party ${number}`);
  return found;
}

function addressOf(text) {
  const dot = text.lastIndexOf('.');
  return new ProtocolAddress(text.slice(0, dot), Number(text.slice(dot + 1)));
}

const cipherOf = (number, address) => new SessionCipher(party(number), addressOf(address));
const senderOf = (group, address) => new SenderKeyName(group, addressOf(address));

const nodeOf = ({ tag, attrs, content }) => ({
  tag,
  attrs,
  content: Array.isArray(content) ? content.map(nodeOf) : content,
});

serve({
  // --- Curve25519: keys are 32 bytes ---
  curve_generate() {
    const { pubKey, privKey } = curve.generateKeyPair();
    return { private: privKey, public: withoutType(pubKey) };
  },
  curve_agree({ private: secret, public: key }) {
    return { shared: curve.calculateAgreement(withType(key), secret) };
  },
  curve_sign({ private: secret, message }) {
    return { signature: curve.calculateSignature(secret, message) };
  },
  curve_verify({ public: key, message, signature }) {
    // Baileys' own Curve.verify drops this answer and says yes to any well-formed signature.
    return { valid: curve.verifySignature(withType(key), message, signature) };
  },
  hkdf({ key, length, salt, info = '' }) {
    return { output: Buffer.from(hkdf(key, length, { ...(salt ? { salt } : {}), info })) };
  },

  // --- sessions; an address is "name.device" ---
  party_create(args) {
    parties.push(new Party(args));
    return { party: parties.length - 1, ...parties.at(-1).describe() };
  },
  async session_process_bundle({ party: number, address, bundle }) {
    await new SessionBuilder(party(number), addressOf(address)).initOutgoing({
      registrationId: bundle.registration_id,
      identityKey: withType(bundle.identity),
      signedPreKey: {
        keyId: bundle.signed_pre_key_id,
        publicKey: withType(bundle.signed_pre_key),
        signature: bundle.signature,
      },
      ...(bundle.pre_key === undefined || bundle.pre_key === null
        ? {}
        : { preKey: { keyId: bundle.pre_key_id, publicKey: withType(bundle.pre_key) } }),
    });
  },
  async session_encrypt({ party: number, address, plaintext }) {
    const { type, body } = await cipherOf(number, address).encrypt(plaintext);
    return { type: type === 3 ? 'pkmsg' : 'msg', ciphertext: Buffer.from(body, 'binary') };
  },
  async session_decrypt({ party: number, address, type, ciphertext }) {
    const cipher = cipherOf(number, address);
    const plaintext =
      type === 'pkmsg'
        ? await cipher.decryptPreKeyWhisperMessage(ciphertext)
        : await cipher.decryptWhisperMessage(ciphertext);
    return { plaintext };
  },
  session_delete({ party: number, address }) {
    party(number).sessions.delete(address);
  },

  // --- sender keys ---
  async sender_key_create({ party: number, group, sender }) {
    const message = await new GroupSessionBuilder(party(number)).create(senderOf(group, sender));
    return { distribution: Buffer.from(message.serialize()) };
  },
  async sender_key_process({ party: number, group, sender, distribution }) {
    await new GroupSessionBuilder(party(number)).process(
      senderOf(group, sender),
      new SenderKeyDistributionMessage(null, null, null, null, distribution),
    );
  },
  async sender_key_encrypt({ party: number, group, sender, plaintext }) {
    const cipher = new GroupCipher(party(number), senderOf(group, sender));
    return { ciphertext: Buffer.from(await cipher.encrypt(plaintext)) };
  },
  async sender_key_decrypt({ party: number, group, sender, ciphertext }) {
    const cipher = new GroupCipher(party(number), senderOf(group, sender));
    return { plaintext: Buffer.from(await cipher.decrypt(ciphertext)) };
  },

  // --- codecs ---
  encode_node({ node }) {
    return { frame: Buffer.from(encodeBinaryNode(nodeOf(node))) };
  },
  async decode_node({ frame }) {
    return { node: await decodeBinaryNode(frame) };
  },
  encode_message({ content }) {
    return { bytes: Buffer.from(proto.Message.encode(proto.Message.fromObject(content)).finish()) };
  },
  decode_message({ bytes }) {
    return { content: withoutEmptyLists(proto.Message.decode(bytes)) };
  },
  pad_message({ content }) {
    return { padded: Buffer.from(encodeWAMessage(proto.Message.fromObject(content))) };
  },
  unpad({ padded }) {
    return { bytes: Buffer.from(unpadRandomMax16(padded)) };
  },
  participant_hash({ jids }) {
    return { phash: generateParticipantHashV2(jids) };
  },
  pairing_qr({ ref, noise_key, identity_key, adv_secret }) {
    const text = (bytes) => bytes.toString('base64');
    const browser = ['Mac OS', 'Chrome', '14.4.1'];
    return { qr: buildPairingQRData(ref, text(noise_key), text(identity_key), text(adv_secret), browser) };
  },
});
