// The list of locks: thousands may be there, and only those in sight are elements.

import { html, setText } from './elements.js';
import { letter } from './words.js';

const ROW = 44; // pixels; the style sheet has the same
const SPARE = 4; // rows beyond each edge

// LockList shows the locks whose names contain what is searched for.
export class LockList {
  // pick is called with the name of a lock that was chosen.
  constructor({ list, rows, pick }) {
    Object.assign(this, { list, rows, pick });
    this.names = [];
    this.used = new Map(); // elements by position
    this.stale = true;
    list.addEventListener('scroll', () => this.draw());
    list.addEventListener('keydown', (event) => this.key(event));
    new ResizeObserver(() => this.draw()).observe(list);
  }

  // show takes the locks as they are. changed says whether some came or went.
  show(locks, { search, inUse, picked, changed }) {
    const wanted = `${inUse}|${search}`;
    if (changed || inUse || this.wanted !== wanted) {
      this.wanted = wanted;
      const needle = search.toLowerCase();
      this.names = [...locks.values()]
        .filter((l) => (!inUse || l.holder || l.kept || l.waiting > 0) && l.name.toLowerCase().includes(needle))
        .map((l) => l.name).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
      this.rows.style.height = `${this.names.length * ROW}px`;
    }
    this.locks = locks;
    this.picked = picked;
    this.draw();
  }

  draw() {
    if (!this.locks) {
      return;
    }
    const top = Math.max(0, Math.floor(this.list.scrollTop / ROW) - SPARE);
    const end = Math.min(this.names.length, Math.ceil((this.list.scrollTop + this.list.clientHeight) / ROW) + SPARE);
    for (const [i, row] of this.used) {
      if (i < top || i >= end) {
        row.remove();
        this.used.delete(i);
      }
    }
    let active = '';
    for (let i = top; i < end; i++) {
      const row = this.used.get(i) ?? this.build(i);
      this.fill(row, i);
      if (this.names[i] === this.picked) {
        active = row.id;
      }
    }
    if (active) {
      this.list.setAttribute('aria-activedescendant', active);
    } else {
      this.list.removeAttribute('aria-activedescendant');
    }
  }

  build(i) {
    const row = html('div', { role: 'option', id: `row-${i}`, class: 'row', onclick: () => this.pick(this.names[i]) },
      html('span', { class: 'sign', 'aria-hidden': 'true' }), html('span', { class: 'name' }), html('span', { class: 'state' }));
    row.style.top = `${i * ROW}px`;
    this.used.set(i, row);
    this.rows.append(row);
    return row;
  }

  fill(row, i) {
    const lock = this.locks.get(this.names[i]);
    const state = lock?.holder ? 'held' : lock?.kept ? 'kept' : lock?.waiting > 0 ? 'wanted' : 'free';
    const picked = this.names[i] === this.picked;
    row.className = `row ${state}${picked ? ' picked' : ''}`;
    row.setAttribute('aria-selected', String(picked));
    row.setAttribute('aria-setsize', String(this.names.length));
    row.setAttribute('aria-posinset', String(i + 1));
    const [sign, name, words] = row.children;
    setText(sign, { held: '★', kept: '✕', wanted: '?', free: '○' }[state]);
    setText(name, this.names[i]);
    name.title = this.names[i];
    const waiting = lock?.waiting > 0 ? `${lock.waiting} waiting` : '';
    const held = lock?.holding > 1 ? `${lock.holding} share it` : lock?.holder ? `held by ${letter(lock.holder.member)}` : lock?.kept ? 'kept, held by nobody alive' : '';
    setText(words, [held, waiting].filter((t) => t !== '').join(', ') || 'free');
  }

  key(event) {
    const page = Math.max(1, Math.floor(this.list.clientHeight / ROW) - 1);
    const at = this.names.indexOf(this.picked);
    const to = {
      ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + page, PageUp: at - page, Home: 0, End: this.names.length - 1,
    }[event.key];
    if (to === undefined || this.names.length === 0) {
      return;
    }
    event.preventDefault();
    const i = Math.max(0, Math.min(this.names.length - 1, to));
    const { scrollTop, clientHeight } = this.list;
    if (i * ROW < scrollTop) {
      this.list.scrollTop = i * ROW;
    } else if ((i + 1) * ROW > scrollTop + clientHeight) {
      this.list.scrollTop = (i + 1) * ROW - clientHeight;
    }
    this.pick(this.names[i]);
  }
}
