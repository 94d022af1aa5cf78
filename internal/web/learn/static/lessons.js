// The lessons: stories of captioned parts, each with a link of its own.

import { byId, html } from './elements.js';

// Lessons lists the lessons, and leads through the parts of the one that is open.
export class Lessons {
  // see is called with the step that is to be shown.
  constructor(see) {
    this.see = see;
    this.all = [];
    this.made = null; // the lesson that is open
    byId('part-back').addEventListener('click', () => this.go(this.part - (this.atEnd() ? 1 : 0)));
    byId('part-next').addEventListener('click', () => this.go(this.part + 1));
  }

  // link is what the address of a part ends in. Part 0 is the beginning.
  static link(made, part) {
    return part > 0 ? `lesson=${made.id}&part=${part}` : `lesson=${made.id}`;
  }

  // find returns the lesson that such an address names and the step at which its part ends;
  // null if it names none, and what is wrong with it if there is no such lesson or part.
  static find(all, text) {
    const match = /^lesson=([^&]*)(?:&part=(.*))?$/.exec(text);
    if (!match) {
      return null;
    }
    const made = all.find((r) => r.id === match[1]);
    if (!made) {
      return { error: `There is no lesson “${match[1]}”. There are: ${all.map((r) => r.id).join(', ')}.` };
    }
    const part = Number(match[2] ?? 0);
    if (!Number.isInteger(part) || part < 0 || part > made.stages.length) {
      return { error: `The lesson “${made.title}” has the parts 1 to ${made.stages.length}, and no part “${match[2]}”.` };
    }
    return { made, step: stepOf(made, part) };
  }

  list(all) {
    this.all = all;
    byId('lessons').replaceChildren(...all.map((made) => html('li', {}, html('a', { href: `#${Lessons.link(made, 0)}` }, made.title))));
    byId('lessons').hidden = false;
    byId('no-lessons').hidden = true;
  }

  // open takes the lesson that was opened; null is something else.
  open(made) {
    this.made = made;
    [...byId('lessons').children].forEach((item, i) => {
      if (this.all[i] === made) {
        item.firstChild.setAttribute('aria-current', 'true');
      } else {
        item.firstChild.removeAttribute('aria-current');
      }
    });
  }

  // leave is called when the user does something else than the lesson.
  leave() {
    this.open(null);
  }

  // show tells in which part a step is.
  show(step) {
    byId('parts').hidden = !this.made;
    if (!this.made) {
      return;
    }
    this.step = step;
    const { stages } = this.made;
    const within = stages.findIndex((stage) => step <= stage.through);
    this.part = step === 0 ? 0 : within < 0 ? stages.length : within + 1;
    const last = this.part === stages.length && this.atEnd();
    byId('part').textContent = this.part === 0 ? `${stages.length} parts` : `Part ${this.part} of ${stages.length}`;
    byId('part-back').disabled = step === 0;
    if (last && document.activeElement === byId('part-next')) {
      byId('part-back').focus(); // the other one goes away
    }
    byId('part-next').hidden = last;
    const next = this.all[this.all.indexOf(this.made) + 1];
    const link = byId('lesson-next');
    link.hidden = !last || !next;
    if (next) {
      link.href = `#${Lessons.link(next, 0)}`;
      link.textContent = `Next lesson: ${next.title}`;
    }
    byId('part-next').textContent = this.part === 0 ? 'Begin ›' : 'Next part ›';
  }

  // atEnd reports whether all of the part has been shown.
  atEnd() {
    return this.step === stepOf(this.made, this.part);
  }

  // go shows a part as a whole.
  go(part) {
    const to = !this.atEnd() && part === this.part + 1 ? this.part : part; // the rest of this one first
    this.see(stepOf(this.made, Math.max(0, to)));
    try {
      history.replaceState(null, '', `#${Lessons.link(this.made, this.part)}`);
    } catch {
      // Some browsers allow only so many changes in a while; the next one will do.
    }
  }

  // here is the address of what is shown, in a lesson.
  here() {
    return this.made ? Lessons.link(this.made, this.part) : null;
  }
}

// stepOf is the step at which a part ends.
function stepOf(made, part) {
  return part === 0 ? 0 : made.stages[part - 1].through;
}
