// What is beside the drawing: the story, the checks, the tables.

import { byId, html, svg } from './elements.js';
import { glyph, glyphs, letter, states } from './ring.js';

// showStory tells what happened in a step. caption is "" where nothing teaches it.
export function showStory(snapshot, caption) {
  byId('caption').textContent = caption;
  byId('caption').hidden = caption === '';
  byId('happened').replaceChildren(...snapshot.happened.map((sentence) => html('li', {}, sentence.text)));
  byId('rules').replaceChildren(...(snapshot.rules.length > 0
    ? snapshot.rules.map((rule) => html('li', { class: rule.source.startsWith('Suzuki') ? 'paper' : 'ours' },
      html('span', { class: 'source' }, rule.source), ' ', rule.text))
    : [html('li', { class: 'none' }, 'None in this step.')]));
}

// showChecks tells which invariants hold: by sign, word and colour.
export function showChecks(snapshot) {
  byId('checks').replaceChildren(...snapshot.invariants.map((check) => html('li', { class: check.ok ? 'ok' : 'broken', 'data-check': check.id },
    html('span', { class: 'mark', 'aria-hidden': 'true' }, check.ok ? '✓' : '✗'),
    html('div', {},
      html('strong', {}, check.title), html('span', { class: 'word' }, check.ok ? 'holds' : 'BROKEN'),
      html('p', {}, check.ok ? check.text : check.found)))));
  const verdict = byId('verdict');
  const broken = snapshot.invariants.filter((check) => !check.ok).length;
  verdict.className = `verdict ${broken ? 'broken' : 'ok'}`;
  verdict.textContent = broken ? `✗ ${broken} of ${snapshot.invariants.length} checks broken` : `✓ all ${snapshot.invariants.length} checks hold`;
}

// showMembers fills the table of what each member knows.
export function showMembers(snapshot) {
  const names = snapshot.members.map((member) => member.name);
  const head = html('tr', {}, ...['Member', 'State', ...names.map((n) => `RN[${n}]`), 'Clients', 'Session', 'Lease', 'Guards', 'Buries', 'Own clock']
    .map((text) => html('th', { scope: 'col' }, text)));
  const rows = snapshot.members.map((member, i) => html('tr', { class: member.state },
    html('th', { scope: 'row' }, member.name, member.token ? html('span', { class: 'has', title: 'has the token' }, ' ◆') : ''),
    html('td', {}, `${states[member.state][1]} ${states[member.state][0]}`.trim(), member.share ? html('span', { class: 'tag' }, `share ${member.share}${member.recalled ? ', recalled' : ''}`) : ''),
    ...names.map((_, j) => html('td', { class: `number${i === j ? ' own' : ''}${outstanding(member, j) ? ' above' : ''}` }, member.rn[j] ?? '–')),
    html('td', { class: 'number' }, String(member.waiting + member.inside)),
    html('td', { class: 'number' }, String(member.session), member.inSession || member.state === 'crashed' ? '' : ' (not begun)'),
    html('td', { class: 'number' }, member.inSession ? `${member.leaseMillis} ms` : '–'),
    html('td', {}, member.guards.join(' ') || '–'),
    html('td', {}, member.buries.join(' ') || '–'),
    html('td', { class: 'number' }, member.state === 'crashed' ? '–' : `${member.clockMillis} ms`)));
  byId('members').replaceChildren(html('thead', {}, head), html('tbody', {}, ...rows));
}

// outstanding reports whether a holder knows of a request that was not granted yet.
function outstanding(member, j) {
  return member.token !== null && above(member.rn[j], member.token.ln[j]);
}

// above compares two numbers, SESSION.COUNT.
function above(a, b) {
  const [s, c] = a.split('.').map(Number);
  const [t, d] = b.split('.').map(Number);
  return s > t || (s === t && c > d);
}

// showTokens shows LN and Q, wherever a token is.
export function showTokens(snapshot) {
  const names = snapshot.members.map((member) => member.name);
  const cards = snapshot.members.filter((member) => member.token).map((member) => tokenCard(`At ${member.name}`, member.token, names));
  for (const stream of snapshot.streams) {
    for (const message of stream.messages.filter((m) => m.content)) {
      cards.push(tokenCard(`Under way from ${letter(stream.from)} to ${letter(stream.to)}`, message.content, names));
    }
  }
  byId('tokens').replaceChildren(...(cards.length > 0 ? cards : [html('p', { class: 'hint' }, 'There is none at present.')]));
}

function tokenCard(where, token, names) {
  return html('div', { class: 'card' },
    html('div', { class: 'where' }, svg('svg', { viewBox: '-20 -20 40 40', class: 'icon chip token', 'aria-hidden': 'true' }, ...glyph('TOKEN')), html('strong', {}, where), token.live ? '' : html('span', { class: 'tag' }, 'would be dropped now')),
    html('dl', {},
      html('dt', {}, 'LN'), html('dd', {}, ...names.map((n, i) => html('span', { class: 'entry' }, `${n} `, html('b', {}, token.ln[i])))),
      html('dt', {}, 'Q'), html('dd', {}, token.q.length > 0 ? token.q.join(' → ') : 'empty'),
      ...(token.limit ? [html('dt', {}, 'Shares'), html('dd', {}, `${token.shares.join(', ') || 'none'} (${token.limit})`)] : []),
      html('dt', {}, 'Making'), html('dd', {}, `${token.epoch}, moved ${token.hop} ${token.hop === 1 ? 'time' : 'times'}`),
      html('dt', {}, 'Fence'), html('dd', {}, `${token.fence} (making : grant)`)));
}

// showStreams lists what is under way, and the streams that are not as they should be.
export function showStreams(snapshot, act, pick) {
  const rows = [];
  const broken = { cut: [], closed: [], delayed: [] };
  for (const stream of snapshot.streams) {
    const messages = stream.messages.filter((message) => !message.heartbeat);
    const heartbeats = stream.messages.length - messages.length;
    if (messages.length > 0 || (heartbeats > 0 && stream.state !== 'open')) {
      rows.push(streamRow(stream, messages, heartbeats, act, pick));
    } else if (stream.state !== 'open') {
      broken[stream.state].push(`${letter(stream.from)} → ${letter(stream.to)}`);
    }
  }
  for (const [state, streams] of Object.entries(broken)) {
    if (streams.length > 0) {
      rows.push(html('li', {}, html('span', { class: `tag ${state}` }, state), html('span', { class: 'words' }, streams.join(', '))));
    }
  }
  byId('streams').replaceChildren(...(rows.length > 0 ? rows : [html('li', { class: 'hint' }, 'Nothing but heartbeats, if anything.')]));
}

function streamRow(stream, messages, heartbeats, act, pick) {
  const pair = `${letter(stream.from)}-${letter(stream.to)}`;
  const title = `${letter(stream.from)} → ${letter(stream.to)}`;
  const deliver = html('button', { type: 'button', 'aria-label': `Deliver ${title}`, disabled: stream.messages.length === 0, onclick: () => act(`deliver.${pair}`) }, 'Deliver');
  return html('li', {},
    html('button', { type: 'button', class: 'link', 'aria-label': `Choose the stream ${title}`, onclick: () => pick(stream) }, title),
    stream.state === 'open' ? '' : html('span', { class: `tag ${stream.state}` }, stream.state),
    html('span', { class: 'words' }, ...messages.map((message) => html('span', { class: 'message' }, html('b', {}, message.short), ` ${message.words}`)),
      heartbeats > 0 ? `${heartbeats} ${heartbeats === 1 ? 'heartbeat' : 'heartbeats'}` : ''),
    deliver);
}

// showLegend explains the signs, once.
export function showLegend() {
  const sign = (kind) => svg('svg', { viewBox: '-20 -20 40 40', class: `icon chip ${kind.toLowerCase()}`, 'aria-hidden': 'true' }, ...glyph(kind));
  const messages = Object.entries(glyphs).filter(([kind]) => kind !== 'BYE').map(([kind, [, , words]]) => html('li', {}, sign(kind), words));
  messages.push(html('li', {}, svg('svg', { viewBox: '-20 -20 40 40', class: 'icon chip heartbeat', 'aria-hidden': 'true' }, svg('circle', { r: 5 })), 'a heartbeat: PING, PONG and the like'));
  const lanes = [['open', 'open'], ['delayed', 'delayed: nothing arrives by itself (‖)'], ['closed', 'closed'], ['cut', 'cut (✕)']]
    .map(([state, words]) => html('li', {}, svg('svg', { viewBox: '0 0 40 40', class: 'icon', 'aria-hidden': 'true' },
      svg('g', { class: `lane ${state}` }, svg('path', { d: 'M2 20H38', class: 'line' }))), `a stream, ${words}`));
  const members = Object.values(states).filter(([, mark]) => mark !== '').map(([words, mark]) => html('li', {}, html('span', { class: 'icon' }, mark), words));
  byId('legend').replaceChildren(html('ul', {}, ...messages, ...lanes, ...members));
}
