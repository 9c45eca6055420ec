// What zapo-js does about chats: the app state, every MAC verified, as is its default.

import { emit } from './wire.mjs';

const VALUES = {
  archive: ({ archived }) => archived,
  mute: ({ muted, muteEndTimestampMs }) => (muted ? muteEndTimestampMs : null),
  pin: ({ pinned }) => pinned,
  mark_read: ({ read }) => read,
  delete: () => true,
  clear: () => true,
  lock: ({ locked }) => locked,
};

export function listenToChats(current, mine) {
  current.on('chat_event', mine((event) => {
    const action = event.action === 'mark_read' ? 'read' : event.action;
    emit('chat', { chat: event.chatJid, action, value: VALUES[event.action]?.(event) ?? null });
  }));
}

const CHANGES = {
  archive: (chats, chat, value) => chats.setChatArchive(chat, value),
  mute: (chats, chat, value) => chats.setChatMute(chat, value !== null, value ?? undefined),
  pin: (chats, chat, value) => chats.setChatPin(chat, value),
  read: (chats, chat, value) => chats.setChatRead(chat, value),
  delete: (chats, chat) => chats.deleteChat(chat),
  clear: (chats, chat) => chats.clearChat(chat),
};

export const chatCommands = (live) => ({
  async change_chat({ chat, action, value }) {
    await CHANGES[action](live().chat, chat, value);
  },
});
