// How things are said.

// letter is what the member at a position is called for short.
export function letter(i) {
  return i < 0 ? '?' : i < 26 ? String.fromCharCode(65 + i) : String(i + 1);
}

// duration says how long something takes, from milliseconds.
export function duration(ms) {
  if (ms < 0) {
    return 'never';
  }
  if (ms < 10_000) {
    return `${(ms / 1000).toFixed(1)} s`;
  }
  if (ms < 120_000) {
    return `${Math.round(ms / 1000)} s`;
  }
  if (ms < 7_200_000) {
    return `${Math.floor(ms / 60_000)} min`;
  }
  return ms < 172_800_000 ? `${Math.floor(ms / 3_600_000)} h` : `${Math.floor(ms / 86_400_000)} days`;
}

// client says who a client is, as far as it says so itself.
export function client(c) {
  const who = [c.user, c.host].filter((part) => part !== '').join('@');
  const pid = c.pid > 0 ? `process ${c.pid}` : '';
  return [c.command, [who, pid].filter((part) => part !== '').join(', ')].filter((part) => part !== '').join(' · ') || 'a client';
}

// shorten makes a text no longer than so many characters, keeping both its ends.
export function shorten(text, most) {
  const characters = [...text];
  if (characters.length <= most) {
    return text;
  }
  const front = Math.ceil((most - 1) / 2);
  return `${characters.slice(0, front).join('')}…${characters.slice(characters.length - (most - 1 - front)).join('')}`;
}

// later reports whether the first of two request numbers is the higher one.
export function later(a, b) {
  const [s, t] = [BigInt(a.session), BigInt(b.session)];
  return s === t ? BigInt(a.count) > BigInt(b.count) : s > t;
}

// The states of a member, in words, as a sign, and in short where there is little room.
// Each is told by both, so that no state is known by its colour alone.
export const states = {
  critical: ['in the critical section', '★', 'inside'],
  waiting: ['waiting', '?'],
  idle: ['idle', '○'],
  'no-session': ['no session', '∅'],
  gone: ['does not answer', '✕'],
};
