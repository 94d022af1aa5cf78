// The page: which step is looked at, and what the buttons do.

import { byId, html } from './elements.js';
import { load } from './engine.js';
import { showChecks, showLegend, showMembers, showStory, showStreams, showTokens } from './panels.js';
import { Lessons } from './lessons.js';
import { letter, Ring } from './ring.js';
import { markScrolling } from './sideways.js';

const PACE = 1400; // between two steps of play, in milliseconds
const QUIET = 4; // after so many steps in which nothing happens, play stops

let call; // calls the stepper
let ready = []; // the ready-made scenarios
let scenario = null; // the one that is open, if it is one of them
let own = Infinity; // from which step on the course is the user's own
let now = null; // the latest answer
let picked = { member: 0, from: 0, to: 1, lane: false }; // lane: the stream was chosen, and is to be seen
let timer = null; // of play
let quiet = 0;

const lessons = new Lessons(see);
const ring = new Ring(byId('ring'), pick, (stream) => act(`deliver.${letter(stream.from)}-${letter(stream.to)}`));

// --- Which step. ---

function open(text) {
  stop();
  const answer = call({ do: 'open', text });
  if (!answer.snapshot) {
    complain(`This link holds no scenario. ${answer.error}`);
    return false;
  }
  scenario = ready.find((r) => r.text === text) ?? null;
  lessons.open(scenario);
  own = Infinity;
  picked = { member: 0, from: 0, to: 1, lane: false };
  complain(answer.error === '' ? '' : `The scenario goes no further than this: ${answer.error}`);
  keep(answer);
  return true;
}

function see(step) {
  keep(call({ do: 'see', at: step }));
}

function act(op) {
  stop();
  perform(op);
}

function perform(op) {
  const before = now.snapshot.step;
  const answer = call({ do: 'act', at: before, op });
  complain(answer.error);
  if (answer.error === '') {
    own = Math.min(own, before);
    lessons.leave();
    remember(answer.text);
  }
  keep(answer);
}

function forward() {
  if (now.snapshot.step < now.steps) {
    see(now.snapshot.step + 1);
  } else {
    perform('auto');
  }
}

function back() {
  if (now.snapshot.step > 0) {
    see(now.snapshot.step - 1);
  }
}

// --- Play. ---

function play() {
  if (timer !== null) {
    stop();
    return;
  }
  quiet = 0;
  byId('play').textContent = 'Pause';
  playOn();
  timer = setInterval(playOn, PACE);
}

function playOn() {
  const recorded = now.snapshot.step < now.steps;
  forward();
  quiet = !recorded && now.snapshot.quiet ? quiet + 1 : 0;
  const over = recorded && now.snapshot.step === now.steps;
  if (over || quiet >= QUIET || byId('trouble').textContent !== '') {
    stop();
  }
}

function stop() {
  clearInterval(timer);
  timer = null;
  byId('play').textContent = 'Play';
}

// --- Showing. ---

function keep(answer) {
  now = answer;
  show();
}

function show() {
  const { snapshot, steps, red } = now;
  const focus = document.activeElement;
  const seconds = (snapshot.millis / 1000).toFixed(3);
  byId('time').textContent = `${seconds} s` + (snapshot.op ? ` · ${snapshot.op}` : ' · the beginning');
  ring.show(snapshot, picked);
  showStory(snapshot, caption(snapshot.step));
  lessons.show(snapshot.step);
  showChecks(snapshot);
  showMembers(snapshot);
  showTokens(snapshot);
  showStreams(snapshot, act, pick);
  showActs();
  const scrub = byId('scrub');
  scrub.max = steps;
  scrub.value = snapshot.step;
  scrub.setAttribute('aria-valuetext', `Step ${snapshot.step} of ${steps}`);
  byId('count').textContent = `${snapshot.step} / ${steps}`;
  byId('first').disabled = byId('back').disabled = snapshot.step === 0;
  byId('last').disabled = snapshot.step === steps;
  byId('branch').hidden = snapshot.step === steps;
  byId('branch').textContent = `You are looking at step ${snapshot.step} of ${steps}. If you do something now, another course begins here, and the steps after it are gone.`;
  byId('red').hidden = red.length === 0;
  byId('red').textContent = `Broken after step ${red.slice(0, 12).join(', ')}${red.length > 12 ? ' and others' : ''}.`;
  if (focus && !focus.isConnected) { // the button that was pressed is gone
    byId('what').focus({ preventScroll: true });
  }
}

// caption is what there is to understand about a step of a ready-made scenario.
function caption(step) {
  if (!scenario || step > own) {
    return step === 0 ? beginning() : '';
  }
  if (step === 0) {
    return scenario.about;
  }
  return scenario.stages.find((stage) => step <= stage.through)?.caption ?? '';
}

function beginning() {
  if (now.steps > 0) {
    return 'Press Play or Forward to see what was done.';
  }
  return now.snapshot.members[0].token
    ? 'The token lies idle at A. Let a member ask for the lock, and press Play; or deliver each message yourself.'
    : 'All have just been started. Let a member ask for the lock, and press Play.';
}

function complain(text) {
  byId('trouble').textContent = text;
  byId('trouble').hidden = text === '';
}

// --- The buttons. ---

function pick(choice) {
  picked = { ...picked, ...(choice.member === undefined ? { from: choice.from, to: choice.to, lane: true } : { member: choice.member }) };
  show();
}

function button(words, op, enabled, about = '') {
  return html('button', { type: 'button', 'data-op': op, disabled: !enabled, title: about, onclick: () => act(op) }, words);
}

function showActs() {
  const { members, streams } = now.snapshot;
  choices('member', members, picked.member);
  choices('from', members, picked.from);
  choices('to', members, picked.to);
  const m = members[picked.member];
  const who = letter(picked.member);
  const up = m.state !== 'crashed';
  buttons('member-acts', [
    button('Ask', `ask.${who}`, up && m.waiting < 9, 'A client asks for the lock, alone'),
    button('Read', `read.${who}`, up && m.waiting < 9, 'A client asks to share the lock with other readers'),
    button('Permit', `permit.${who}`, up && m.waiting < 9, 'A client asks for one of three permits'),
    button('Leave', `leave.${who}`, m.critical, 'The client that entered first leaves the critical section'),
    button('Give up', `withdraw.${who}`, m.waiting > 0, 'The client that has waited longest gives up'),
    up ? button('Crash', `crash.${who}`, true, 'The process dies at once') : button('Restart', `restart.${who}`, true, 'Another process is started'),
  ]);
  const s = streams.find((x) => x.from === picked.from && x.to === picked.to);
  const pair = `${letter(picked.from)}-${letter(picked.to)}`;
  const both = members[picked.from].state !== 'crashed' && members[picked.to].state !== 'crashed';
  const isUp = s?.state === 'open' || s?.state === 'delayed';
  buttons('stream-acts', !s ? [] : [
    button('Deliver', `deliver.${pair}`, s.messages.length > 0, 'The next message arrives now'),
    s.state === 'delayed' ? button('Resume', `resume.${pair}`, true, 'Messages arrive by themselves again')
      : button('Delay', `delay.${pair}`, s.state === 'open', 'Nothing arrives by itself; the stream stays open'),
    isUp ? button('Drop', `drop.${pair}`, true, 'The stream breaks, and what is on it is lost')
      : button('Open', `open.${pair}`, s.state === 'closed' && both, 'Opens the stream again now'),
    s.state === 'cut' ? button('Heal the pair', `heal.${pair}`, true, 'They can reach each other again')
      : button('Cut the pair', `cut.${pair}`, true, 'Neither reaches the other any more'),
    button('Duplicate', `duplicate.${pair}`, s.messages.length > 0, 'Against the rules: the next message will arrive twice'),
  ]);
  const first = s?.messages.find((message) => !message.heartbeat);
  byId('picked').textContent = !s ? 'Choose two different members.'
    : `${s.state[0].toUpperCase()}${s.state.slice(1)}. ${first ? `Next: ${first.words}` : 'No message but heartbeats is under way.'}`;
  buttons('time-acts', [
    button('What comes next', 'auto', true, 'Whatever comes next in time happens (N)'),
    button('+100 ms', 'tick.100', true), button('+500 ms', 'tick.500', true), button('+2 s', 'tick.2000', true, 'T, a session’s time to live'),
  ]);
}

// buttons puts buttons in place of others, and keeps the focus where it was.
function buttons(id, list) {
  const place = byId(id);
  const index = [...place.children].indexOf(document.activeElement);
  place.replaceChildren(...list);
  if (index >= 0) {
    (list[index]?.disabled ? place.querySelector('button:enabled') : list[index])?.focus();
  }
}

// choices fills a list of members, if there are others now.
function choices(id, members, chosen) {
  const list = byId(id);
  if (list.options.length !== members.length) {
    list.replaceChildren(...members.map((member, i) => html('option', { value: i }, member.name)));
  }
  list.value = String(chosen);
}

// --- Scenarios and links. ---

function fillMenu() {
  const menu = byId('scenario');
  menu.append(html('optgroup', { label: 'Lessons' }, ...ready.map((r) => html('option', { value: r.id }, r.title))));
  menu.append(html('optgroup', { label: 'Play yourself' },
    ...[3, 4, 5, 6, 7].map((n) => html('option', { value: `n=${n}` }, `${n} nodes, the token at A`))));
  menu.append(html('option', { value: 'link', hidden: true }, 'From a link'));
  menu.addEventListener('change', () => choose(menu.value));
}

function choose(value) {
  const made = ready.find((r) => r.id === value);
  const text = made ? made.text : `${value};seed=${1 + Math.floor(Math.random() * 9999)}`;
  if (open(text)) {
    remember(made ? Lessons.link(made, 0) : text);
  }
}

// remember puts a scenario into the address, so that a reload finds it again.
function remember(text) {
  try {
    history.replaceState(null, '', `#${text}`);
  } catch {
    // Some browsers allow only so many changes in a while; the next one will do.
  }
}

// copy copies a link to the whole of what was done.
async function copy() {
  const whole = lessons.here() ?? call({ do: 'see', at: now.steps }).text;
  remember(whole);
  const text = `${location.href.split('#')[0]}#${whole}`;
  const field = byId('link');
  field.value = text;
  try {
    await navigator.clipboard.writeText(text);
    byId('copy').textContent = 'Copied';
    setTimeout(() => { byId('copy').textContent = 'Copy link'; }, 2000);
  } catch {
    field.hidden = false; // no right to the clipboard: it is to be copied by hand
    field.select();
  }
}

function fromLink() {
  const text = decodeURIComponent(location.hash.slice(1));
  if (text === '') {
    return false;
  }
  const lesson = Lessons.find(ready, text);
  if (lesson?.error) {
    complain(lesson.error);
    return false;
  }
  if (!open(lesson ? lesson.made.text : text)) {
    return false;
  }
  byId('scenario').value = scenario ? scenario.id : 'link';
  if (lesson) {
    see(lesson.step);
  }
  return true;
}

// --- The beginning. ---

function wire() {
  const on = (id, act) => byId(id).addEventListener('click', act);
  on('first', () => { stop(); see(0); });
  on('back', () => { stop(); back(); });
  on('play', play);
  on('forward', () => { stop(); forward(); });
  on('last', () => { stop(); see(now.steps); });
  on('copy', copy);
  document.querySelector('.skip').addEventListener('click', (event) => {
    event.preventDefault(); // the fragment is the scenario's
    byId('what').focus();
  });
  byId('scrub').addEventListener('input', () => { stop(); see(Number(byId('scrub').value)); });
  for (const id of ['member', 'from', 'to']) {
    byId(id).addEventListener('change', () => { picked[id] = Number(byId(id).value); picked.lane ||= id !== 'member'; show(); });
  }
  window.addEventListener('hashchange', fromLink);
  document.addEventListener('keydown', (event) => {
    const typing = event.target.closest('input:not(#keys), select, textarea, .scroll, .happened') || !byId('keys').checked;
    const act = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (act && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      act();
    }
  });
}

const keys = {
  ArrowLeft: () => { stop(); back(); },
  ArrowRight: () => { stop(); forward(); },
  Home: () => { stop(); see(0); },
  End: () => { stop(); see(now.steps); },
  p: play,
  n: () => act('auto'),
};

async function begin() {
  showLegend();
  try {
    call = await load();
  } catch (error) {
    byId('time').textContent = '';
    complain(error.message);
    return;
  }
  ready = call({ do: 'scenarios' }).scenarios;
  fillMenu();
  lessons.list(ready);
  if (!fromLink()) {
    const trouble = byId('trouble').textContent;
    open(ready[0].text);
    complain(trouble);
  }
  wire();
  byId('scenario').disabled = byId('copy').disabled = false;
  byId('main').setAttribute('aria-busy', 'false');
  document.body.dataset.loaded = 'yes';
}

markScrolling();
begin();
