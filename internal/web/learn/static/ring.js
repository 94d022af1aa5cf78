// The drawing: members as a ring, streams between them, messages under way.

import { svg } from './elements.js';

const MIDDLE = { x: 320, y: 300 };
const RADIUS = 215;
const MEMBER = 36; // radius of a member's disc
const LANE = 0.075; // how far the two directions of a pair are apart, as a part of their length

// glyphs tells, for each kind of message, its letter, its shape and its meaning.
export const glyphs = {
  REQUEST: ['R', 'round', 'REQUEST: asks for the token'],
  TOKEN: ['T', 'diamond', 'TOKEN: whoever has it may enter'],
  PROBE: ['?', 'square', 'PROBE: asks where the token is'],
  'PROBE-ANSWER': ['!', 'square', 'HOLD, RECENT or NONE: the answer to that'],
  BALLOT: ['B', 'hexagon', 'BALLOT: asks for a promise, so that the token can be made anew'],
  'BALLOT-ANSWER': ['P', 'hexagon', 'PROMISE or a refusal: the answer to a ballot'],
  ABORT: ['A', 'hexagon', 'ABORT: takes the promises back'],
  RECALL: ['C', 'round', 'RECALL: asks for a share that is out'],
  DONE: ['D', 'round', 'DONE: says how many are still in under it'],
  BYE: ['Y', 'square', 'BYE'],
};

const SHAPES = {
  round: () => svg('circle', { r: 13, class: 'body' }),
  square: () => svg('rect', { x: -12, y: -12, width: 24, height: 24, rx: 4, class: 'body' }),
  hexagon: () => svg('path', { d: 'M-8 -13h16l7 13l-7 13h-16l-7 -13z', class: 'body' }),
  diamond: () => svg('path', { d: 'M0 -17L17 0L0 17L-17 0z', class: 'body' }),
};

// The states of a member, in words and as a sign.
export const states = {
  critical: ['in the critical section', '★'],
  sharing: ['shares the lock', '☆'],
  waiting: ['waiting', '?'],
  idle: ['idle', ''],
  starting: ['waiting after its start', '↻'],
  'no-session': ['no session', '∅'],
  crashed: ['crashed', '✕'],
};

// glyph draws the sign of a message.
export function glyph(kind) {
  const [letter, shape] = glyphs[kind] ?? ['·', 'square'];
  return [SHAPES[shape](), svg('text', { class: 'letter', y: 5 }, letter)];
}

// Ring keeps the drawing in step with snapshots.
export class Ring {
  // pick is called with a stream or a member that was chosen: {from, to} or {member}.
  // deliver is called with a stream whose message was double-clicked.
  constructor(root, pick, deliver) {
    this.root = root;
    this.pick = pick;
    this.deliver = deliver;
    this.members = 0;
  }

  // show draws a snapshot. picked is what is chosen at present.
  show(snapshot, picked) {
    if (snapshot.members.length !== this.members) {
      this.build(snapshot.members.length);
    }
    snapshot.streams.forEach((stream) => this.showStream(stream, picked));
    snapshot.members.forEach((member, i) => this.showMember(member, i, picked));
    this.showMessages(snapshot.streams);
  }

  // build draws all that stays for as long as the number of members does.
  build(members) {
    this.members = members;
    this.lanes = new Map();
    this.discs = [];
    this.chips = new Map();
    const laneLayer = svg('g');
    this.chipLayer = svg('g');
    const discLayer = svg('g');
    for (let from = 0; from < members; from++) {
      for (let to = 0; to < members; to++) {
        if (from !== to) {
          laneLayer.append(this.buildLane(from, to));
        }
      }
      discLayer.append(this.buildDisc(from));
    }
    this.root.replaceChildren(laneLayer, discLayer, this.chipLayer);
  }

  buildLane(from, to) {
    const { start, bend, end } = this.course(from, to);
    const d = `M${start.x} ${start.y}Q${bend.x} ${bend.y} ${end.x} ${end.y}`;
    const middle = this.along(from, to, 0.5);
    const lane = svg('g', { class: 'lane', onclick: () => this.pick({ from, to }) },
      svg('path', { d, class: 'reach' }), svg('path', { d, class: 'line' }),
      svg('text', { x: middle.x, y: middle.y + 5, class: 'sign' }));
    this.lanes.set(`${from}-${to}`, lane);
    return lane;
  }

  buildDisc(i) {
    const { x, y } = this.place(i);
    const up = y < MIDDLE.y;
    const choose = () => this.pick({ member: i });
    const disc = svg('g', { class: 'member', transform: `translate(${x} ${y})`, tabindex: 0, role: 'button', onclick: choose },
      svg('circle', { r: MEMBER + 7, class: 'halo' }),
      svg('circle', { r: MEMBER, class: 'body' }),
      svg('text', { class: 'name', y: 9 }),
      svg('g', { class: 'badge', transform: `translate(${MEMBER - 6} ${up ? MEMBER - 8 : -MEMBER + 8})` },
        svg('circle', { r: 12 }), svg('text', { class: 'sign', y: 6 })),
      svg('text', { class: 'state', y: up ? -MEMBER - 32 : MEMBER + 28 }),
      svg('text', { class: 'lease', y: up ? -MEMBER - 13 : MEMBER + 48 }),
      svg('g', { class: 'held', transform: `translate(${-MEMBER + 4} ${up ? MEMBER - 8 : -MEMBER + 8})` }, ...glyph('TOKEN')));
    onKeys(disc, choose);
    this.discs.push(disc);
    return disc;
  }

  showStream(stream, picked) {
    const lane = this.lanes.get(`${stream.from}-${stream.to}`);
    const isPicked = picked.lane && picked.from === stream.from && picked.to === stream.to;
    lane.setAttribute('class', `lane ${stream.state}${isPicked ? ' picked' : ''}`);
    lane.querySelector('.sign').textContent = { cut: '✕', delayed: '‖', closed: '', open: '' }[stream.state];
  }

  showMember(member, i, picked) {
    const disc = this.discs[i];
    const [words, sign] = states[member.state];
    disc.setAttribute('class', `member ${member.state}${picked.member === i ? ' picked' : ''}${member.token ? ' holder' : ''}`);
    disc.setAttribute('aria-label', `${member.name}: ${words}${member.token ? ', has the token' : ''}. Choose it`);
    disc.querySelector('.name').textContent = member.name;
    disc.querySelector('.sign').textContent = sign;
    const count = member.state === 'sharing' ? member.inside : member.waiting;
    disc.querySelector('.state').textContent = count > 1 ? `${words} (${count})` : words;
    disc.querySelector('.lease').textContent = member.inSession
      ? `session ${member.session}, lease ${(member.leaseMillis / 1000).toFixed(1)} s` : '';
  }

  showMessages(streams) {
    const under = new Set();
    for (const stream of streams) {
      let ahead = 0.9;
      for (const message of stream.messages) {
        const done = Math.min(ahead, 0.16 + 0.66 * message.done);
        ahead = done - (message.heartbeat ? 0.04 : 0.11);
        under.add(message.id);
        this.showChip(stream, message, Math.max(0.1, done));
      }
    }
    for (const [id, chip] of this.chips) {
      if (!under.has(id)) {
        this.chips.delete(id);
        this.arrive(chip);
      }
    }
  }

  showChip(stream, message, done) {
    let chip = this.chips.get(message.id);
    if (!chip) {
      chip = this.buildChip(stream, message);
      this.chips.set(message.id, chip);
      this.chipLayer.append(chip.element);
    }
    const { x, y } = this.along(stream.from, stream.to, done);
    chip.element.setAttribute('transform', `translate(${x.toFixed(1)} ${y.toFixed(1)})`);
  }

  buildChip(stream, message) {
    const { from, to } = stream;
    if (message.heartbeat) {
      return { from, to, element: svg('g', { class: 'chip heartbeat' }, svg('circle', { r: 3 })) };
    }
    const choose = () => this.pick({ from, to });
    const element = svg('g', {
      class: `chip ${message.kind.toLowerCase()}`, tabindex: 0, role: 'button', onclick: choose,
      'aria-label': `${message.short} from ${letter(from)} to ${letter(to)}, under way. ${message.words} Choose the stream; press D to deliver.`,
    }, svg('title', {}, `${letter(from)} → ${letter(to)}: ${message.words} Double-click to deliver.`), ...glyph(message.kind));
    element.addEventListener('dblclick', () => this.deliver({ from, to }));
    onKeys(element, choose);
    element.addEventListener('keydown', (event) => {
      if (event.key === 'd' || event.key === 'D') {
        this.deliver({ from, to });
      }
    });
    return { from, to, element };
  }

  // arrive lets what is not under way any more fade at its goal.
  arrive(chip) {
    const { x, y } = this.along(chip.from, chip.to, 0.97);
    chip.element.classList.add('arrived');
    chip.element.removeAttribute('tabindex');
    chip.element.setAttribute('aria-hidden', 'true');
    chip.element.setAttribute('transform', `translate(${x.toFixed(1)} ${y.toFixed(1)})`);
    setTimeout(() => chip.element.remove(), 450);
  }

  // place is where a member is. An odd ring reaches less far down than up, and is moved
  // so that it lies in the middle.
  place(i) {
    const turn = (2 * Math.PI * i) / this.members - Math.PI / 2;
    const odd = this.members % 2 === 1 ? RADIUS * (1 - Math.cos(Math.PI / this.members)) / 2 : 0;
    return { x: MIDDLE.x + RADIUS * Math.cos(turn), y: MIDDLE.y + odd + RADIUS * Math.sin(turn) };
  }

  // course is the way of a stream: it keeps to its right.
  course(from, to) {
    const a = this.place(from);
    const b = this.place(to);
    const [dx, dy] = [b.x - a.x, b.y - a.y];
    const length = Math.hypot(dx, dy);
    const bend = { x: (a.x + b.x) / 2 - dy * LANE * 2, y: (a.y + b.y) / 2 + dx * LANE * 2 };
    const edge = (MEMBER + 6) / length;
    const aside = 0.035;
    return {
      start: { x: a.x + dx * edge - dy * aside, y: a.y + dy * edge + dx * aside },
      bend,
      end: { x: b.x - dx * edge - dy * aside, y: b.y - dy * edge + dx * aside },
    };
  }

  // along is a point of that way, from 0 to 1.
  along(from, to, t) {
    const { start, bend, end } = this.course(from, to);
    const mix = (k) => (1 - t) ** 2 * start[k] + 2 * t * (1 - t) * bend[k] + t ** 2 * end[k];
    return { x: mix('x'), y: mix('y') };
  }
}

// letter is what a member is called.
export function letter(i) {
  return String.fromCharCode(65 + i);
}

// onKeys lets Enter and Space do what a click does.
function onKeys(element, act) {
  element.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      act();
    }
  });
}
