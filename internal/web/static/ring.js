// The drawing: members as a ring, the token, and requests as they go out.

import { svg, setText } from './elements.js';
import { letter, shorten, states } from './words.js';

const MIDDLE = { x: 320, y: 300 };
const RADIUS = 205;
const BODY = 36; // the largest radius of a member's disc
const MOVE = 420; // milliseconds that the token takes on the picture
const PULSE = 900;
const ROOMY = 4; // with more members than this, long labels would touch each other
const LANES = 16; // more members than this have no lines between them

const calm = matchMedia('(prefers-reduced-motion: reduce)');

// tokenSign draws the sign of the token.
export function tokenSign() {
  return [svg('path', { d: 'M0 -17L17 0L0 17L-17 0z', class: 'body' }), svg('text', { class: 'letter', y: 5 }, 'T')];
}

// requestSign draws the sign of a request.
export function requestSign() {
  return [svg('circle', { r: 12, class: 'body' }), svg('text', { class: 'letter', y: 5 }, 'R')];
}

// Ring keeps the drawing in step with the cluster.
export class Ring {
  constructor(root) {
    this.root = root;
    this.members = '';
  }

  // show draws how the cluster is with regard to a lock, which may be missing.
  show(cluster, lock) {
    if (this.members !== String(cluster.members)) {
      this.build(cluster.members);
    }
    cluster.members.forEach((address, i) => this.showMember(cluster, lock, address, i));
    this.showLanes(cluster);
    this.showMiddle(cluster, lock);
    const token = lock?.token?.member;
    if (lock?.name !== this.lock) {
      this.lock = lock?.name;
      this.at = token;
    } else if (token !== undefined && token !== this.at) {
      if (this.at !== undefined) {
        this.fly(this.at, token);
      }
      this.at = token;
    }
    this.root.setAttribute('aria-label', this.words(cluster, lock));
  }

  // build draws what stays for as long as the members do.
  build(members) {
    this.members = String(members);
    this.count = members.length;
    this.body = Math.max(14, Math.min(BODY, 300 / Math.max(1, this.count)));
    this.lanes = [];
    this.pulsed = new Map();
    const laneLayer = svg('g');
    if (this.count <= LANES) {
      for (let a = 0; a < this.count; a++) {
        for (let b = a + 1; b < this.count; b++) {
          const [from, to] = [this.place(a), this.place(b)];
          const line = svg('line', { x1: from.x, y1: from.y, x2: to.x, y2: to.y, class: 'line' });
          this.lanes.push({ a, b, line });
          laneLayer.append(line);
        }
      }
    }
    this.discs = members.map((address, i) => this.buildDisc(address, i));
    this.chips = svg('g', { 'aria-hidden': 'true' });
    this.title = svg('text', { class: 'title', x: MIDDLE.x, y: MIDDLE.y - 12 });
    this.text = svg('text', { class: 'text', x: MIDDLE.x, y: MIDDLE.y + 14 });
    this.more = svg('text', { class: 'text', x: MIDDLE.x, y: MIDDLE.y + 36 });
    const middle = svg('g', { class: 'middle' }, this.title, this.text, this.more);
    this.root.replaceChildren(laneLayer, middle, ...this.discs.map((d) => d.element), this.chips);
  }

  buildDisc(address, i) {
    const { x, y } = this.place(i);
    const r = this.body;
    const up = y < MIDDLE.y;
    const parts = {
      body: svg('circle', { r, class: 'body' }),
      name: svg('text', { class: 'name', y: r / 4 }, letter(i)),
      sign: svg('text', { class: 'sign', y: 6 }),
      state: svg('text', { class: 'state', y: up ? -r - 29 : r + 26 }),
    };
    // The token lies towards the middle of the ring and the badge a quarter turn from it, so
    // that neither covers the other, whatever the size.
    const turn = this.turn(i);
    const size = Math.max(0.6, r / BODY);
    const at = (angle, far) => `translate(${(far * Math.cos(angle)).toFixed(1)} ${(far * Math.sin(angle)).toFixed(1)}) scale(${size.toFixed(2)})`;
    const aside = (Math.cos(turn) > 0) === up ? turn + Math.PI / 2 : turn - Math.PI / 2; // away from the label
    const badge = svg('g', { class: 'badge', transform: at(aside, r) }, svg('circle', { r: 12 }), parts.sign);
    const held = svg('g', { class: 'held', transform: at(turn + Math.PI, r + 8 * size) }, ...tokenSign());
    const element = svg('g', { class: 'member', transform: `translate(${x} ${y})` },
      svg('title', {}, address), parts.body, parts.name, badge, parts.state,
      svg('text', { class: 'address', y: up ? -r - 9 : r + 46 }, this.count > LANES ? '' : shorten(address, 22)), held);
    return { element, ...parts };
  }

  showMember(cluster, lock, address, i) {
    const disc = this.discs[i];
    const state = cluster.state(i, lock);
    const holder = lock?.token?.member === i && this.flying !== i;
    disc.element.setAttribute('class', `member ${state}${holder ? ' holder' : ''}${address === cluster.self ? ' self' : ''}`);
    setText(disc.sign, states[state][1]);
    const [words, , short] = states[state];
    setText(disc.state, this.count > ROOMY ? short ?? words : words);
  }

  showLanes(cluster) {
    const open = (a, b) => {
      const status = cluster.missing.has(cluster.members[a]) ? null : cluster.statuses.get(cluster.members[a]);
      const peer = status?.peers.find((p) => p.member === cluster.members[b]);
      return status === null || status === undefined ? null : Boolean(peer?.sends && peer.receives);
    };
    for (const { a, b, line } of this.lanes) {
      const views = [open(a, b), open(b, a)].filter((view) => view !== null);
      const up = !cluster.heard() || views.length === 2 && views.every(Boolean);
      line.setAttribute('class', `line${up ? '' : ' closed'}`);
    }
  }

  showMiddle(cluster, lock) {
    setText(this.title, lock ? shorten(lock.name, 24) : 'no lock yet');
    const [text, more] = lock ? describe(cluster, lock) : ['ask for one, and see its token', ''];
    setText(this.text, text);
    setText(this.more, more);
  }

  words(cluster, lock) {
    const members = cluster.members.map((address, i) => `${letter(i)}, ${address}: ${states[cluster.state(i, lock)][0]}`);
    const about = lock ? `The lock ${lock.name}: ${describe(cluster, lock).filter((t) => t !== '').join(', ')}. ` : '';
    return `${about}Members: ${members.join('; ')}.`;
  }

  // pulse shows a request going out from a member to all others.
  pulse(member) {
    const now = performance.now();
    if (calm.matches || !this.count || now - (this.pulsed.get(member) ?? -PULSE) < PULSE) {
      return;
    }
    this.pulsed.set(member, now);
    const from = this.place(member);
    const ripple = svg('circle', { class: 'ripple', cx: from.x, cy: from.y, r: this.body });
    this.animate(ripple, [{ r: `${this.body}px`, opacity: 0.9 }, { r: `${this.body * 2.4}px`, opacity: 0 }], PULSE);
    for (let to = 0; to < this.count && this.count <= LANES; to++) {
      if (to !== member) {
        this.send(svg('g', { class: 'chip request' }, ...requestSign()), member, to, PULSE);
      }
    }
  }

  // fly moves the token from a member to another.
  fly(from, to) {
    if (calm.matches) {
      return;
    }
    this.flying = to;
    this.discs[to].element.classList.remove('holder');
    this.send(svg('g', { class: 'chip token' }, ...tokenSign()), from, to, MOVE).then(() => {
      if (this.flying === to) {
        this.flying = undefined;
        if (this.at === to) {
          this.discs[to].element.classList.add('holder');
        }
      }
    });
  }

  send(chip, from, to, milliseconds) {
    const [a, b] = [this.place(from), this.place(to)];
    const length = Math.hypot(b.x - a.x, b.y - a.y) || 1;
    const edge = this.body / length;
    const at = (t) => `translate(${a.x + (b.x - a.x) * t}px, ${a.y + (b.y - a.y) * t}px)`;
    return this.animate(chip, [{ transform: at(edge) }, { transform: at(1 - edge) }], milliseconds);
  }

  async animate(element, frames, duration) {
    this.chips.append(element);
    try {
      await element.animate(frames, { duration, easing: 'ease-in-out', fill: 'forwards' }).finished;
    } catch {
      // The page does not show it any more.
    }
    element.remove();
  }

  // turn is the angle at which a member lies, seen from the middle.
  turn(i) {
    return (2 * Math.PI * i) / this.count - Math.PI / 2;
  }

  // place is where a member is. An odd ring reaches less far down than up, and is moved
  // so that it lies in the middle.
  place(i) {
    const turn = this.turn(i);
    const odd = this.count % 2 === 1 ? RADIUS * (1 - Math.cos(Math.PI / this.count)) / 2 : 0;
    return { x: MIDDLE.x + RADIUS * Math.cos(turn), y: MIDDLE.y + odd + RADIUS * Math.sin(turn) };
  }
}

// describe says in two lines how a lock is.
export function describe(cluster, lock) {
  const waiting = lock.waiting > 0 ? `${lock.waiting} waiting` : 'nobody waits';
  if (lock.holding > 1) {
    return [`${lock.holding} share it`, waiting];
  }
  if (lock.holder) {
    return [`held by ${letter(lock.holder.member)}`, waiting];
  }
  if (lock.kept) {
    return ['kept: held by nobody alive', waiting];
  }
  if (lock.searches.length > 0) {
    return ['the token is looked for', waiting];
  }
  if (lock.token) {
    return [`free; the token rests at ${letter(lock.token.member)}`, lock.waiting > 0 ? waiting : ''];
  }
  return [lock.waiting > 0 ? 'the token is on its way' : 'free; no token seen', lock.waiting > 0 ? waiting : ''];
}
