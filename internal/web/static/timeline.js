// The timeline: what happened, latest first.

import { html } from './elements.js';
import { letter, shorten } from './words.js';

const KEPT = 300;
const SHOWN = 60;

const signs = {
  ask: '?', enter: '★', leave: '○', move: '◆', made: '✚', search: '⌕', ending: '⚠',
  gone: '✕', back: '✓', lapse: '∅', session: '✓', page: '•',
};

// Timeline lists what happened. While it is paused it keeps what comes for later.
export class Timeline {
  // none is shown for as long as nothing is listed.
  constructor(list, none) {
    this.list = list;
    this.none = none;
    this.all = [];
    this.paused = false;
    this.only = null; // the lock whose events alone are shown
  }

  add(happened, members) {
    const time = new Date().toLocaleTimeString([], { hour12: false });
    for (const h of happened) {
      this.all.unshift({ ...h, time, words: sentence(h, members) });
    }
    this.all.length = Math.min(this.all.length, KEPT);
    this.stale ||= happened.length > 0;
  }

  filter(lock) {
    if (this.only !== lock) {
      this.only = lock;
      this.stale = true;
    }
  }

  show() {
    if (!this.stale || this.paused) {
      return;
    }
    this.stale = false;
    const shown = this.all.filter((h) => this.only === null || h.lock === undefined || h.lock === this.only).slice(0, SHOWN);
    this.none.hidden = shown.length > 0;
    this.list.hidden = shown.length === 0;
    this.list.replaceChildren(...shown.map((h) => html('li', { class: h.kind },
      html('time', {}, h.time), html('span', { class: 'sign', 'aria-hidden': 'true' }, signs[h.kind]),
      html('span', { class: 'words' }, h.words))));
  }
}

// sentence says what happened.
export function sentence(h, members) {
  const who = h.member === undefined ? '' : h.lock === undefined ? `${letter(h.member)}, ${members[h.member]},` : letter(h.member);
  const what = h.kind === 'move' ? `${letter(h.from)} → ${letter(h.member)}: the token` : `${who} ${h.text}`.trim();
  return h.lock === undefined ? what.replace(/,$/, '') : `${shorten(h.lock, 40)}: ${what}`;
}
