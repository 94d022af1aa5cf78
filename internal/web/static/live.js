// The live page: takes what the node tells, and shows it.

import { byId, html, setText, svg } from './elements.js';
import { Cluster } from './cluster.js';
import { LockList } from './locks.js';
import { Ring, requestSign, tokenSign } from './ring.js';
import { Stream } from './stream.js';
import { Timeline, sentence } from './timeline.js';
import { askSentence, letGoWord, showAsks, showLock, showMembers } from './panels.js';
import { markScrolling } from './sideways.js';
import { client, letter, states } from './words.js';

const cluster = new Cluster();
const ring = new Ring(byId('ring'));
const timeline = new Timeline(byId('timeline'), byId('no-events'));
const list = new LockList({ list: byId('list'), rows: byId('rows'), pick });

let picked = ''; // the lock that is shown; empty for none
let chosen = false; // by the user
let changed = true; // locks came or went since the list was shown
let live = false;
let refused = false; // the node's rules let the page see nothing
let unseen = ''; // a lock that they do not let it see
let due = false;
let whom = []; // the dialog's choices: whom a break may mean

const stream = new Stream({
  selected: () => picked,
  hello(hello) {
    if (cluster.version && cluster.version !== hello.version) {
      trouble(`The node runs version ${hello.version} now. Reload the page to have its own.`);
    }
    if (hello.refused || refused) {
      trouble(hello.refused ? `This page may see nothing: ${hello.refused}.` : '');
    }
    refused = Boolean(hello.refused);
    showCautions(hello.cautions ?? []);
    const happened = cluster.meet(hello);
    timeline.add(happened, cluster.members);
    happened.forEach((h) => announce(sentence(h, cluster.members)));
    changed = true;
    setText(byId('version'), `Version ${hello.version}.`);
    showConnection();
    render();
  },
  news(news) {
    const asked = cluster.asks;
    const happened = cluster.take(news);
    changed ||= Boolean(news.locks || news.gone);
    timeline.add(happened, cluster.members);
    happened.filter((h) => h.kind === 'ask' && h.lock === picked).forEach((h) => ring.pulse(h.member));
    happened.filter((h) => ['gone', 'back', 'lapse', 'made'].includes(h.kind)).forEach((h) => announce(sentence(h, cluster.members)));
    if (news.asks) {
      news.asks.filter((a) => asked.find((b) => b.lock === a.lock)?.state !== a.state).forEach((a) => announce(askSentence(a)));
    }
    choose();
    render();
  },
  changed(open) {
    if (live !== open && cluster.members.length > 0) {
      announce(open ? 'The node answers again.' : 'The node does not answer.');
      timeline.add([{ kind: open ? 'back' : 'gone', text: open ? 'This node answers the page again' : 'This node does not answer the page' }], cluster.members);
    }
    live = open;
    showConnection();
    render();
  },
});

// choose shows some lock for as long as the user has not chosen one: one that is in use.
function choose() {
  if (chosen || !cluster.settled && cluster.locks.size === 0) {
    return;
  }
  const used = (lock) => lock && (lock.holder || lock.waiting > 0);
  if (picked !== '' && cluster.locks.has(picked)) {
    return;
  }
  const names = [...cluster.locks.values()];
  const first = names.find(used) ?? names[0];
  if (first) {
    show(first.name);
  }
}

function pick(name) {
  chosen = true;
  show(name);
}

function show(name) {
  if (picked === name) {
    return;
  }
  picked = name;
  cluster.detail = null;
  setText(byId('said'), '');
  stream.act('select', { lock: name }).catch((error) => {
    if (error.message.startsWith('not allowed')) { // else a new stream asks by itself
      unseen = name;
      setText(byId('said'), `Not shown: ${error.message}.`);
      render();
    }
  });
  render();
}

// render shows everything, once before the next picture.
function render() {
  if (!due) {
    due = true;
    requestAnimationFrame(draw);
  }
}

function draw() {
  due = false;
  const detail = cluster.detail?.lock.name === picked ? cluster.detail : null;
  const lock = detail?.lock ?? cluster.locks.get(picked) ?? (picked ? { name: picked, wants: [], inside: [], searches: [], waiting: 0 } : undefined);
  const hidden = refused || picked !== '' && unseen === picked && !detail;
  if (cluster.members.length > 0) { // else the node has said nothing yet
    ring.show(cluster, hidden ? undefined : lock);
  }
  showLock(cluster, lock, detail);
  for (const id of ['facts', 'numbers']) {
    byId(id).hidden = hidden; // nobody is said to hold what is not shown
  }
  showMembers(cluster, lock);
  showActs(lock);
  showAsks(cluster.asks, pick, letGo);
  showLocks();
  timeline.filter(byId('timeline-own').checked ? picked : null);
  timeline.show();
  const answering = cluster.answering();
  const size = cluster.heard() ? cluster.members.length : 0;
  setText(byId('quorum'), size && !refused ? `${answering} of ${size} members in session; ${cluster.quorum} are a quorum` : '');
  const enough = answering >= cluster.quorum;
  byId('verdict').className = `verdict ${enough ? 'ok' : 'broken'}`;
  setText(byId('verdict'), !live || !size || refused ? '' : enough ? '✓ locks are granted' : '✗ no quorum: nobody gets a lock');
  document.body.dataset.live = live ? 'yes' : 'no';
}

function showLocks() {
  const search = byId('search').value;
  list.show(cluster.locks, { search, inUse: byId('in-use').checked, picked, changed });
  changed = false;
  const total = cluster.locks.size;
  setText(byId('locks-count'), list.names.length === total ? `${total}` : `${list.names.length} of ${total}`);
  const none = byId('no-locks');
  none.hidden = list.names.length > 0 && !cluster.more;
  setText(none, cluster.more ? `There are more than ${total}; the others are not listed. Name one to see it.`
    : total > 0 ? 'No lock that is known has this in its name.'
      : !cluster.settled ? 'Locks appear here as soon as the node answers.' : 'No member knows a lock yet. Name one above, and ask for it.');
  const button = byId('ask-new');
  button.hidden = search === '' || cluster.locks.has(search);
  setText(button, `Show “${search}”`);
}

function showActs(lock) {
  const ask = cluster.asks.find((a) => a.lock === picked);
  byId('ask').disabled = !live || !lock || Boolean(ask && ask.state !== 'refused');
  byId('release').hidden = !ask;
  byId('release').disabled = !live;
  setText(byId('release'), ask ? letGoWord(ask) : 'Let it go');
  byId('break').hidden = !lock?.holder && !lock?.kept;
  byId('break').disabled = !live;
}

function showConnection() {
  const element = byId('connection');
  element.className = `connection ${live ? 'up' : 'down'}`;
  setText(element.querySelector('.sign'), live ? '●' : '○');
  setText(byId('connection-text'), live ? `Live, from ${cluster.self ?? 'the node'}`
    : cluster.self ? `${cluster.self} does not answer; trying again. What is shown is how it was.` : 'The node does not answer; trying again.');
}

function trouble(text) {
  byId('trouble').hidden = text === '';
  setText(byId('trouble'), text);
}

// showCautions shows what the node gives up by the flags that it was started with.
function showCautions(cautions) {
  byId('cautions').hidden = cautions.length === 0;
  byId('cautions').replaceChildren(...cautions.map((text) => html('li', {}, text)));
}

// announce tells a screen reader.
function announce(text) {
  byId('announcer').textContent = text;
}

// act does something, and says under the lock's name what came of it.
async function act(what, request, done) {
  try {
    const text = await stream.act(what, request);
    setText(byId('said'), done ?? text);
  } catch (error) {
    setText(byId('said'), `Not done: ${error.message}.`);
  }
}

function letGo(lock) {
  act('unlock', { lock });
}

byId('ask').addEventListener('click', () => act('lock', { lock: picked }, ''));
byId('release').addEventListener('click', () => letGo(picked));
for (const id of ['search', 'in-use', 'timeline-own']) {
  byId(id).addEventListener('input', () => {
    changed = true;
    render();
  });
}
byId('search').addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && byId('search').value !== '') {
    pick(byId('search').value);
  }
});
byId('ask-new').addEventListener('click', () => pick(byId('search').value));
byId('timeline-pause').addEventListener('click', () => {
  timeline.paused = !timeline.paused;
  byId('timeline-pause').setAttribute('aria-pressed', String(timeline.paused));
  setText(byId('timeline-pause'), timeline.paused ? 'Go on' : 'Pause');
  render();
});

// choices are whom a break may mean: each holder, and all with one fence where there are
// several.
function choices(holders) {
  const fences = [...new Set(holders.map((h) => h.fence))];
  const together = fences.map((fence) => [fence, holders.filter((h) => h.fence === fence).length]).filter(([, n]) => n > 1);
  return [
    ...holders.map((h) => [
      `${letter(h.member)}: ${client(h.client)}, fence ${h.fence}`,
      holders.length > 1 ? { fence: h.fence, pid: h.client.pid, host: h.client.host } : { fence: h.fence },
    ]),
    ...together.map(([fence, n]) => [`all ${n} with fence ${fence}`, { fence }]),
  ];
}

// Breaking a lock: the fences are those that the user saw.
const dialog = byId('break-dialog');
byId('break').addEventListener('click', () => {
  const detail = cluster.detail?.lock.name === picked ? cluster.detail : undefined;
  const lock = detail?.lock ?? cluster.locks.get(picked);
  const holder = lock?.holder;
  if (!holder && !lock?.kept) {
    return;
  }
  const among = holder ? choices(detail?.holders ?? [holder]) : [['', { fence: lock.kept.fence }]];
  byId('break-among').hidden = among.length < 2;
  byId('break-whom').replaceChildren(...among.map(([words], i) => html('option', { value: String(i) }, words)));
  whom = among.map(([, choice]) => choice);
  setText(byId('break-title'), `Break “${picked}”?`);
  setText(byId('break-text'), among.length > 1
    ? 'Several clients share it. Those whom you choose are told, and their holds end once they have let go or their leases are over.'
    : !holder ? `Nobody alive holds it. What its last holder, with fence ${lock.kept.fence}, left undone stays so, and the lock goes to the next.`
    : `Its holder, a client of ${cluster.members[holder.member]} with fence ${holder.fence}, is told, and the lock goes to the next once it has let go or its lease is over.`);
  byId('reason').value = '';
  byId('break-do').disabled = true;
  dialog.showModal();
});
byId('reason').addEventListener('input', () => {
  byId('break-do').disabled = byId('reason').value.trim() === '';
});
byId('reason').addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && !byId('break-do').disabled) {
    byId('break-do').click();
  }
});
byId('break-do').addEventListener('click', () => {
  dialog.close();
  act('break', { lock: picked, ...whom[Number(byId('break-whom').value) || 0], reason: byId('reason').value.trim() });
});
byId('break-cancel').addEventListener('click', () => dialog.close());

function legend() {
  const sign = (...parts) => svg('svg', { class: 'icon', viewBox: '-19 -19 38 38', 'aria-hidden': 'true' }, ...parts);
  const line = (picture, words) => html('li', {}, picture, html('span', {}, words));
  byId('legend').replaceChildren(html('ul', {},
    line(sign(svg('g', { class: 'chip token' }, ...tokenSign())), 'the token: at the member that has it, or on its way'),
    line(sign(svg('g', { class: 'chip request' }, ...requestSign())), 'a request, as it goes out to all others'),
    ...Object.entries(states).filter(([, [, s]]) => s !== '').map(([, [words, s]]) => line(html('span', { class: 'icon', 'aria-hidden': 'true' }, s), words))));
}

legend();
markScrolling();
render();
setInterval(render, 1000); // durations go on
