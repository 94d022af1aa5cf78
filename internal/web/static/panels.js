// The panels beside the drawing: the lock that is shown, the members, what the page has
// asked for.

import { byId, html, setText } from './elements.js';
import { client, duration, later, letter, shorten, states } from './words.js';

// since is how much time has passed since something was told, in milliseconds.
const since = (told) => performance.now() - told.at;

function name(cluster, member) {
  return member < 0 ? 'a member' : `${letter(member)}, ${cluster.members[member]}`;
}

// keep replaces an element's content if it is to show something else. What did not change
// stays, and with it what is marked or focused in it.
function keep(element, key, build) {
  if (element.shown !== key) {
    element.shown = key;
    element.replaceChildren(...build());
  }
}

// showLock shows a lock in full; detail may be missing.
export function showLock(cluster, lock, detail) {
  setText(byId('lock-title'), lock ? lock.name : 'No lock yet');
  const facts = lock ? lockFacts(cluster, lock, detail) : [];
  const list = byId('facts');
  keep(list, JSON.stringify(facts.map(([term]) => term)), () => facts.flatMap(([term]) => [html('dt', {}, term), html('dd', {})]));
  facts.forEach(([, text], i) => setText(list.children[2 * i + 1], text));
  const obstacles = detail?.obstacles ?? [];
  byId('obstacles').hidden = obstacles.length === 0;
  keep(byId('obstacles'), JSON.stringify(obstacles), () => obstacles.map((text) => html('li', {}, text)));
  showWaiters(cluster, lock, detail);
  showNumbers(cluster, lock, detail);
}

// lockFacts are always the same in number, so that what stands below them keeps its place.
function lockFacts(cluster, lock, detail) {
  const { holder, token } = lock;
  const kept = holder ? undefined : lock.kept;
  const several = lock.holding > 1;
  const holders = several && detail?.lock.name === lock.name ? detail.holders : [];
  const lost = lock.last === undefined ? 'not seen yet' : `on its way, or lost; last seen at ${letter(lock.last)}`;
  const sought = lock.searches.length > 0 ? `looked for by ${lock.searches.map(letter).join(', ')}` : '';
  return [
    ['Held by', several ? `${lock.holding} together, at ${lock.inside.map(letter).join(', ')}` : holder ? name(cluster, holder.member) : kept ? keptWords(kept) : 'nobody'],
    ['Mode', modeOf(lock, holder)],
    ['Leader', holder?.value === undefined ? '–' : `says “${holder.value}”`],
    ['Client', holders.length > 0 ? sharing(lock, holders) : holder ? client(holder.client) : kept ? client(kept.client) : '–'],
    ['Fence', holders.length > 0 ? [...new Set(holders.map((h) => h.fence))].slice(0, NAMED).join(', ') : holder ? holder.fence : kept ? kept.fence : token ? `${token.fence}, the last one` : '–'],
    [several ? 'The first for' : 'Held for', holder ? duration(holder.held + since(lock)) + (holder.ending ? `; about to end: ${holder.ending}` : '') : '–'],
    // Whoever holds the lock alone has the token, also where the member itself has not told it yet.
    ['Token', token ? `at ${name(cluster, token.member)}` : holder && !holder.mode ? `at ${name(cluster, holder.member)}` : sought || lost],
    ['Made', token ? `as epoch ${token.epoch}, by ${letter(token.proposer)}; moved ${token.hop} times since` : '–'],
    ['Queue Q', token ? token.queue.map(letter).join(', then ') || 'empty' : '–'],
    ['Waiting', String(lock.waiting)],
    ['Last run', lock.run ?? '–'],
  ];
}

// keptWords says that nobody alive holds a lock, and since when it was held.
function keptWords(kept) {
  const owner = kept.owner ? `, for ${kept.owner}` : '';
  return `nobody alive${kept.certain ? '' : ', as far as is known'}; kept since ${kept.since}${owner}: break it to let others in`;
}

const NAMED = 5; // of those who share a lock, that are shown by name

// sharing says who share a lock.
function sharing(lock, holders) {
  const named = holders.slice(0, NAMED).map((h) => `${letter(h.member)}: ${client(h.client)}, for ${duration(h.held)}`);
  const more = lock.holding - named.length;
  return [...named, ...(more > 0 ? [`and ${more} more`] : [])].join('; ');
}

// modeOf says how a lock is held, and which limit it has.
function modeOf(lock, holder) {
  const by = lock.limitBy >= 0 ? `, as ${letter(lock.limitBy)} said` : '';
  if (holder && !holder.mode) {
    const stays = holder.kept ? `; kept if its holder dies${holder.owner ? `, for ${holder.owner}` : ''}` : '';
    return (lock.limit ? `exclusive; else ${lock.limit}${by}` : 'exclusive') + stays;
  }
  return lock.limit ? `${lock.limit}${by}` : '–';
}

const LISTED = 20; // waiters that are shown by name

function showWaiters(cluster, lock, detail) {
  const waiters = (detail?.waiters ?? []).slice(0, LISTED);
  const waiting = detail?.lock.waiting ?? lock?.waiting ?? 0;
  const more = waiting - waiters.length;
  byId('waiters').hidden = waiters.length === 0 && more <= 0;
  byId('no-waiters').hidden = !byId('waiters').hidden;
  setText(byId('no-waiters'), lock ? 'Nobody waits. Whoever does appears here, in turn.' : 'Whoever waits for a lock appears here, in turn.');
  const list = byId('waiters');
  keep(list, JSON.stringify([waiters.map((w) => [w.member, w.client, w.mode]), more]), () => [
    ...waiters.map((w) => html('li', {}, html('strong', {}, letter(w.member)), ` ${client(w.client)}${w.mode ? `, ${w.mode}` : ''} `, html('span', { class: 'count' }))),
    ...(more > 0 ? [html('li', { class: 'more' }, `and ${more} more`)] : []),
  ]);
  waiters.forEach((w, i) => setText(list.children[i].querySelector('.count'), `for ${duration(w.waited + since(detail))}`));
}

function showNumbers(cluster, lock, detail) {
  const table = byId('numbers');
  const views = detail?.views ?? [];
  const none = noNumbers(lock, detail);
  keep(table, JSON.stringify([views, detail?.lastGranted, cluster.members, none]), () => {
    const columns = cluster.members.map((_, j) => j);
    // Numbers of earlier sessions are marked; the newest session is the highest seen.
    const newest = columns.map((j) => [...views.map((v) => v.requestNumbers[j]), detail?.lastGranted[j]]
      .filter(Boolean).reduce((best, n) => (BigInt(n.session) > best ? BigInt(n.session) : best), 0n));
    const cell = (n, j, open) => html('td', { class: `number${open ? ' above' : ''}`, title: n ? `session ${n.session}, number ${n.count}` : '' },
      n ? n.count : '–', n && BigInt(n.session) !== newest[j] ? html('span', { class: 'old', title: 'of an earlier session' }, ' old') : '');
    const head = html('thead', {}, html('tr', {}, html('td', {}), ...columns.map((j) => html('th', { scope: 'col', class: 'number' }, letter(j)))));
    const granted = detail?.lastGranted ?? [];
    const rows = columns.map((i) => {
      const numbers = views.find((v) => v.member === i)?.requestNumbers ?? [];
      return html('tr', {}, html('th', { scope: 'row' }, `RN at ${letter(i)}`),
        ...columns.map((j) => cell(numbers[j], j, granted[j] && numbers[j] && later(numbers[j], granted[j]))));
    });
    const ln = html('tr', { class: 'ln' }, html('th', { scope: 'row' }, 'LN'), ...columns.map((j) => cell(granted[j], j, false)));
    return views.length > 0 ? [head, html('tbody', {}, ln, ...rows)] : [html('tbody', {}, html('tr', {}, html('td', { class: 'none' }, none)))];
  });
}

// noNumbers says why there are no request numbers to show. A lock that is in use is known,
// even where its numbers have not come yet.
function noNumbers(lock, detail) {
  if (!lock) {
    return 'The numbers of the lock that is shown appear here.';
  }
  if (!detail || lock.holder || lock.token || lock.waiting > 0) {
    return 'The members are being asked for their numbers.';
  }
  return 'No member knows this lock: nobody has asked for it yet, or not since the members were started.';
}

// ending is the end of a long number, which tells it from others.
function ending(number) {
  return number.length > 8 ? `…${number.slice(-6)}` : number;
}

// showMembers shows the table of members.
export function showMembers(cluster, lock) {
  const table = byId('members');
  const titles = ['Member', 'State', 'Last heard', 'Round trip', 'Lease', 'Session', 'Holds', 'Waits', 'Clients', 'Up', 'Version'];
  const standing = (address) => cluster.listed.get(address)?.standing;
  setText(byId('change'), cluster.change);
  byId('change').hidden = cluster.change === '';
  keep(table, String(cluster.members.map((m) => [m, standing(m)])), () => [
    html('thead', {}, html('tr', {}, ...titles.map((t) => html('th', { scope: 'col' }, t)))),
    html('tbody', {}, ...cluster.members.map((address, i) => html('tr', {},
      html('th', { scope: 'row' }, `${letter(i)} `, html('span', { class: 'address', title: address }, shorten(address, 26)),
        address === cluster.self ? html('span', { class: 'tag' }, 'this node') : '',
        standing(address) ? html('span', { class: 'tag' }, standing(address)) : ''),
      ...titles.slice(1).map(() => html('td', {}))))),
  ]);
  const own = cluster.statuses.get(cluster.self);
  cluster.members.forEach((address, i) => {
    const row = table.tBodies[0].rows[i];
    const state = cluster.state(i, lock);
    const status = cluster.missing.has(address) ? undefined : cluster.statuses.get(address);
    row.className = state;
    const [words, sign, short] = states[state];
    const { silent, roundTrip } = own?.peers.find((p) => p.member === address) ?? {};
    const heard = address === cluster.self ? '–' : silent === undefined ? '?' : silent < 0 ? 'never' : `${duration(silent)} ago`;
    const cells = [
      `${sign} ${short ?? words}`.trim(),
      heard,
      roundTrip >= 0 ? `${(roundTrip / 1000).toFixed(roundTrip < 10000 ? 1 : 0)} ms` : '–',
      status ? duration(status.lease) : '–',
      status ? (status.session === '0' ? 'none' : ending(status.session)) : '–',
      ...(status ? [status.holds, status.waits, status.clients].map(String) : ['–', '–', '–']),
      status ? duration(status.up) : '–',
      status ? status.version : '–',
    ];
    cells.forEach((text, k) => setText(row.cells[k + 1], text));
    row.cells[1].title = cluster.missing.get(address) ?? cluster.listed.get(address)?.trouble ?? '';
    row.cells[5].title = status?.session ?? '';
  });
}

const askSigns = { waiting: '?', held: '★', ending: '⚠', lost: '✕', refused: '✕' };
const askWords = { waiting: 'waiting', held: 'held by this page', ending: 'held, but to end', lost: 'lost', refused: 'refused' };

// showAsks shows what the page has asked for. pick is called with the name of a lock, and
// letGo too.
export function showAsks(asks, pick, letGo) {
  byId('own').hidden = asks.length === 0;
  keep(byId('asks'), JSON.stringify(asks), () => asks.map((ask) => html('li', { class: ask.state },
    html('span', { class: 'sign', 'aria-hidden': 'true' }, askSigns[ask.state]),
    html('button', { type: 'button', class: 'link', onclick: () => pick(ask.lock) }, shorten(ask.lock, 40)),
    html('span', { class: 'words' }, askWords[ask.state], ask.fence !== '0' ? `, fence ${ask.fence}` : '', ask.text ? `: ${ask.text}` : ''),
    html('button', { type: 'button', 'aria-label': `${letGoWord(ask)}: ${ask.lock}`, onclick: () => letGo(ask.lock) }, letGoWord(ask)))));
}

// letGoWord says what ends an ask.
export function letGoWord(ask) {
  return { waiting: 'Give up', held: 'Let it go', ending: 'Let it go' }[ask.state] ?? 'Dismiss';
}

// askSentence says how an ask is.
export function askSentence(ask) {
  return `${ask.lock}: ${askWords[ask.state]}${ask.text ? `, ${ask.text}` : ''}`;
}
