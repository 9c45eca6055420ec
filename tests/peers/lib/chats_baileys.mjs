// What Baileys does about chats and the address book: the app state, every MAC verified.

import { emit } from './wire.mjs';

export const VERIFIED = { patch: true, snapshot: true };

const CHANGES = {
  archived: ['archive', (value) => value],
  muteEndTime: ['mute', (value) => value ?? null],
  pinned: ['pin', (value) => value !== null],
  unreadCount: ['read', (value) => value === 0],
};

export function listenToChats({ ev }) {
  ev.on('chats.update', (updates) => updates.forEach(onChat));
  ev.on('chats.delete', (chats) => chats.forEach((chat) => emit('chat', { chat, action: 'delete', value: true })));
  ev.on('contacts.upsert', (contacts) => contacts.forEach((contact) => emit('contact', contact)));
  ev.on('labels.edit', (label) => emit('label', label));
  ev.on('labels.association', ({ type, association }) => emit('labeled', { type, ...association }));
  ev.on('messages.update', (updates) => {
    for (const { key, update } of updates) {
      if (typeof update.starred === 'boolean') emit('starred', { ...key, value: update.starred });
    }
  });
}

function onChat({ id, ...update }) {
  for (const [name, [action, read]] of Object.entries(CHANGES)) {
    if (name in update) emit('chat', { chat: id, action, value: read(update[name]) });
  }
}

// Baileys wants to be told of a message of the chat.
const lastMessages = (chat) => [{ key: { remoteJid: chat, fromMe: true, id: 'none' }, messageTimestamp: 1 }];

const MODIFICATIONS = {
  archive: (value, chat) => ({ archive: value, lastMessages: lastMessages(chat) }),
  mute: (value) => ({ mute: value }),
  pin: (value) => ({ pin: value }),
  read: (value, chat) => ({ markRead: value, lastMessages: lastMessages(chat) }),
  delete: (_value, chat) => ({ delete: true, lastMessages: lastMessages(chat) }),
  contact: (value) => ({ contact: value }),
  push_name: (value) => ({ pushNameSetting: value }),
  add_label: (value) => ({ addLabel: value }),
  label: (value) => ({ addChatLabel: { labelId: value } }),
};

export const chatCommands = (live) => ({
  async change_chat({ chat, action, value }) {
    await live().chatModify(MODIFICATIONS[action](value, chat), chat);
  },
});
