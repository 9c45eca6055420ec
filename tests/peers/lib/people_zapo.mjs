// What zapo-js does about people. Where it has no call of its own, it sends what it is given.

import { emit } from './wire.mjs';

const SERVER = 's.whatsapp.net';

export function listenToPeople(client) {
  client.on('presence', ({ rawNode: { attrs } }) =>
    emit('presence', {
      from: attrs.from,
      participant: attrs.from,
      state: attrs.type ?? 'available',
      last: attrs.last && attrs.last !== 'deny' ? Number(attrs.last) : null,
    }),
  );
  client.on('chatstate', ({ rawNode: { attrs, content } }) => {
    const [child] = content ?? [];
    const state = child?.attrs?.media === 'audio' ? 'recording' : child?.tag;
    emit('presence', { from: attrs.from, participant: attrs.participant ?? attrs.from, state, last: null });
  });
  client.on('call', ({ rawNode }) => onCall(client, rawNode));
}

function onCall(client, { attrs, content }) {
  const [child] = content ?? [];
  emit('call', {
    from: attrs.from,
    call_id: child?.attrs['call-id'] ?? null,
    status: child?.tag ?? null,
    video: child?.content?.some?.(({ tag }) => tag === 'video') ?? null,
    group: child?.attrs['group-jid'] !== undefined,
  });
}

export const peopleCommands = (live) => ({
  async chat_state({ to, state }) {
    const child = state === 'recording' ? { tag: 'composing', attrs: { media: 'audio' } } : { tag: state, attrs: {} };
    await live().sendNode({ tag: 'chatstate', attrs: { to }, content: [child] });
  },

  async follow({ jid }) {
    await live().sendNode({ tag: 'presence', attrs: { type: 'subscribe', to: jid } });
  },

  async mark_played({ from, message_id: id, participant }) {
    await live().sendReceipt({ to: from, id, participant: participant ?? undefined, type: 'played' });
  },

  async check_numbers({ numbers }) {
    const found = await live().getLidsByPhoneNumbers(numbers);
    return { found };
  },

  async about({ jid }) {
    return { text: (await live().profileCoordinator.getStatus(jid)).status };
  },

  async set_about({ text }) {
    await live().profileCoordinator.setStatus(text);
  },

  async picture({ jid, type }) {
    return { url: (await live().profileCoordinator.getProfilePicture(jid, type)).url ?? null };
  },

  async set_picture({ jpeg }) {
    await live().profileCoordinator.setProfilePicture(new Uint8Array(jpeg));
  },

  async blocklist() {
    return { jids: (await live().privacyCoordinator.getBlocklist()).jids };
  },

  async block({ jid, on }) {
    const { privacyCoordinator } = live();
    await (on ? privacyCoordinator.blockUser(jid) : privacyCoordinator.unblockUser(jid));
  },

  async privacy() {
    return { settings: await live().privacyCoordinator.getPrivacySettings() };
  },

  async set_privacy({ name, value }) {
    await live().privacyCoordinator.setPrivacySetting(name, value);
  },

  async business({ jid }) {
    const [profile] = await live().businessCoordinator.getBusinessProfile([jid]);
    return { profile: profile ?? null };
  },

  async offer_call({ to, call_id, video }) {
    const audio = { tag: 'audio', attrs: { enc: 'opus', rate: '16000' } };
    const { meLid } = live().getCredentials();
    await live().sendNode({
      tag: 'call',
      attrs: { to, id: call_id.slice(0, 16) },
      content: [
        {
          tag: 'offer',
          attrs: { 'call-id': call_id, 'call-creator': meLid },
          content: video ? [audio, { tag: 'video', attrs: {} }] : [audio],
        },
      ],
    });
  },

  async reject_call({ call_id, from }) {
    const reject = { tag: 'reject', attrs: { 'call-id': call_id, 'call-creator': from, count: '0' } };
    await live().sendNode({ tag: 'call', attrs: { to: from, id: `${call_id.slice(0, 8)}-r` }, content: [reject] });
  },

  async channel({ action, jid, server_id, emoji, count }) {
    const message = { to: jid, id: `${Date.now()}`, type: 'reaction', server_id };
    if (action === 'react') {
      const content = [{ tag: 'reaction', attrs: { code: emoji } }];
      return { result: (await live().query({ tag: 'message', attrs: message, content })).tag };
    }
    const content = [{ tag: 'messages', attrs: { type: 'jid', jid, count: `${count}` } }];
    const answer = await live().query({ tag: 'iq', attrs: { type: 'get', xmlns: 'newsletter', to: SERVER }, content });
    return { result: answer.content?.map(({ tag }) => tag) };
  },
});
