// What Baileys does about people: presence, profiles, privacy, blocking, calls, channels.

import { emit } from './wire.mjs';

const PRIVACY = {
  last: 'updateLastSeenPrivacy',
  online: 'updateOnlinePrivacy',
  profile: 'updateProfilePicturePrivacy',
  status: 'updateStatusPrivacy',
  readreceipts: 'updateReadReceiptsPrivacy',
  groupadd: 'updateGroupsAddPrivacy',
  calladd: 'updateCallPrivacy',
  messages: 'updateMessagesPrivacy',
};

export function listenToPeople({ ev, ws }) {
  ev.on('presence.update', ({ id, presences }) => {
    for (const [participant, { lastKnownPresence, lastSeen }] of Object.entries(presences)) {
      emit('presence', { from: id, participant, state: lastKnownPresence, last: lastSeen ?? null });
    }
  });
  ev.on('call', (calls) => {
    for (const { chatId, id, status, isVideo, isGroup } of calls) {
      emit('call', { from: chatId, call_id: id, status, video: isVideo ?? null, group: isGroup ?? null });
    }
  });
  ev.on('blocklist.update', ({ blocklist, type }) => emit('blocklist', { jids: blocklist, type }));
  ev.on('contacts.update', (updates) => updates.forEach((update) => emit('contact', update)));
  // What Baileys sent itself comes back as an ack, which its promises wait for.
  ws.on('CB:call', ({ attrs, content }) => emit('call_stanza', { attrs, child: content?.[0]?.tag }));
}

export const peopleCommands = (live) => ({
  async chat_state({ to, state }) {
    await live().sendPresenceUpdate(state, to);
  },

  async follow({ jid }) {
    await live().presenceSubscribe(jid);
  },

  async mark_played({ from, message_id: id, participant }) {
    await live().sendReceipt(from, participant ?? undefined, [id], 'played');
  },

  async check_numbers({ numbers }) {
    return { found: await live().onWhatsApp(...numbers) };
  },

  async about({ jid }) {
    const [user] = await live().fetchStatus(jid);
    return { text: user?.status?.status ?? null };
  },

  async set_about({ text }) {
    await live().updateProfileStatus(text);
  },

  async picture({ jid, type }) {
    return { url: (await live().profilePictureUrl(jid, type)) ?? null };
  },

  async set_picture({ jid, jpeg }) {
    await live().updateProfilePicture(jid, jpeg);
  },

  async blocklist() {
    return { jids: await live().fetchBlocklist() };
  },

  async block({ jid, on }) {
    await live().updateBlockStatus(jid, on ? 'block' : 'unblock');
  },

  async privacy() {
    return { settings: await live().fetchPrivacySettings(true) };
  },

  async set_privacy({ name, value }) {
    await live()[PRIVACY[name]](value);
  },

  async business({ jid }) {
    return { profile: (await live().getBusinessProfile(jid)) ?? null };
  },

  async offer_call({ to, call_id, video }) {
    const sock = live();
    const audio = { tag: 'audio', attrs: { enc: 'opus', rate: '16000' } };
    await sock.sendNode({
      tag: 'call',
      attrs: { to, id: sock.generateMessageTag() },
      content: [
        {
          tag: 'offer',
          attrs: { 'call-id': call_id, 'call-creator': sock.user.lid },
          content: video ? [audio, { tag: 'video', attrs: {} }] : [audio],
        },
      ],
    });
  },

  async reject_call({ call_id, from }) {
    await live().rejectCall(call_id, from);
  },

  async channel({ action, jid, server_id, emoji, text, count }) {
    const sock = live();
    if (action === 'follow') return { result: await sock.newsletterFollow(jid) };
    if (action === 'unfollow') return { result: await sock.newsletterUnfollow(jid) };
    if (action === 'describe') return { result: await sock.newsletterMetadata('jid', jid) };
    if (action === 'react') return { result: await sock.newsletterReactMessage(jid, server_id, emoji) };
    if (action === 'create') return { result: await sock.newsletterCreate(text) };
    if (action === 'send') return { result: await sock.sendMessage(jid, { text }) };
    const fetched = await sock.newsletterFetchMessages(jid, count, undefined, undefined);
    return { result: fetched.content?.map(({ tag }) => tag) };
  },
});
