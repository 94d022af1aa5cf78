// The audit: rules of WCAG 2.1 AA that a program can check, each with the criterion that it
// stands for. The last expression is the list of what was found.
(() => {
  const found = [];
  const report = (criterion, element, words) => found.push(`${criterion}: ${words}: ${describe(element)}`);

  function describe(element) {
    const id = element.id ? `#${element.id}` : '';
    const name = element.getAttribute?.('class') ? `.${element.getAttribute('class').trim().split(/\s+/).join('.')}` : '';
    const text = (element.textContent ?? '').trim().replace(/\s+/g, ' ').slice(0, 50);
    return `<${element.tagName.toLowerCase()}${id}${name}> "${text}"`;
  }

  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const unseen = (element) => element.closest('.unseen, noscript, [hidden], title, script, style, option') !== null;
  function visible(element) {
    return element.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && element.getClientRects().length > 0 && !unseen(element)
      && !(element.matches('.skip, .skip *') && document.activeElement !== element);
  }

  // --- Contrast: 1.4.3. ---

  const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  function colour(text) { // as red, green, blue, alpha
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = text;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  }
  const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  function luminance([r, g, b]) {
    const part = (v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  }
  function contrast(a, b) {
    const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x);
    return (light + 0.05) / (dark + 0.05);
  }

  // canvasColour is what the browser paints where nothing has a background.
  const probe = document.createElement('div');
  probe.style.cssText = 'color-scheme:inherit;background:Canvas';
  document.body.append(probe);
  const canvasColour = colour(getComputedStyle(probe).backgroundColor);
  probe.remove();

  // behind is the colour behind an element of HTML: all backgrounds up to the page's.
  function behind(element) {
    const layers = [];
    for (let e = element; e; e = e.parentElement) {
      layers.push(colour(getComputedStyle(e).backgroundColor));
    }
    return layers.reverse().reduce((below, layer) => over(layer, below), canvasColour);
  }

  // behindDrawn is the colour behind a text of a drawing: its own halo, or the topmost shape
  // drawn before it that is filled and lies below its middle, or what the drawing stands on.
  function behindDrawn(text, style) {
    if (style.stroke !== 'none' && style.paintOrder.startsWith('stroke')) {
      return over(colour(style.stroke), behind(text.ownerSVGElement.parentElement));
    }
    const box = text.getBoundingClientRect();
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    let below = behind(text.ownerSVGElement);
    for (const shape of all('circle, rect, path, polygon', text.ownerSVGElement)) {
      const fill = getComputedStyle(shape).fill;
      const b = shape.getBoundingClientRect();
      const before = shape.compareDocumentPosition(text) & Node.DOCUMENT_POSITION_FOLLOWING;
      if (before && fill !== 'none' && shape.checkVisibility() && x > b.left && x < b.right && y > b.top && y < b.bottom) {
        below = over(colour(fill), below);
      }
    }
    return below;
  }

  function opacity(element) {
    let product = 1;
    for (let e = element; e; e = e.parentElement) {
      product *= Number(getComputedStyle(e).opacity);
    }
    return product;
  }

  function checkContrast(element) {
    const style = getComputedStyle(element);
    const drawn = element instanceof SVGElement;
    const background = drawn ? behindDrawn(element, style) : behind(element);
    const ink = colour(drawn ? style.fill : style.color);
    ink[3] *= opacity(element);
    const scale = drawn ? Math.abs(element.getScreenCTM().a) : 1;
    const size = parseFloat(style.fontSize) * scale;
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const ratio = contrast(over(ink, background), background);
    if (ratio < (large ? 3 : 4.5)) {
      report('1.4.3 contrast', element, `${ratio.toFixed(2)} to 1, want ${large ? 3 : 4.5}`);
    }
    if (size < 9) {
      report('1.4.4 size', element, `the letters are ${size.toFixed(1)} pixels high, too small to read`);
    }
  }

  const texts = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (walker.currentNode.textContent.trim() !== '' && visible(element) && !element.closest(':disabled')) {
      texts.add(element);
    }
  }
  texts.forEach(checkContrast);
  if (texts.size === 0) {
    found.push('audit: the page has no text, so there is nothing to judge');
  }

  // --- What can be typed into or chosen from has an edge that can be seen: 1.4.11. ---
  for (const field of all('input:not([type=checkbox], [type=range]), select, textarea').filter(visible)) {
    const style = getComputedStyle(field);
    const around = behind(field.parentElement);
    const ratio = Math.max(contrast(over(colour(style.borderTopColor), around), around), contrast(behind(field), around));
    if (ratio < 3) {
      report('1.4.11 edge', field, `${ratio.toFixed(2)} to 1, want 3`);
    }
  }

  // --- Structure: 1.3.1, 2.4.1, 2.4.2, 2.4.6, 3.1.1. ---
  if (!document.documentElement.lang) {
    found.push('3.1.1 language: <html> has no lang');
  }
  if (document.title.trim() === '') {
    found.push('2.4.2 title: the page has none');
  }
  if (/user-scalable\s*=\s*no|maximum-scale/.test(document.querySelector('meta[name=viewport]')?.content ?? '')) {
    found.push('1.4.4 zoom: the page forbids it');
  }
  const mains = all('main, [role=main]');
  if (mains.length !== 1) {
    found.push(`1.3.1 landmarks: ${mains.length} mains, want 1`);
  }
  const landmark = 'main, nav, aside, body > header, body > footer, dialog, [role=main], [role=banner], [role=navigation], [role=contentinfo]';
  for (const element of texts) {
    if (!element.closest(landmark) && !element.closest('.skip')) {
      report('1.3.1 landmarks', element, 'outside any');
    }
  }
  const heads = all('h1, h2, h3, h4, h5, h6').filter((h) => h.checkVisibility());
  if (heads.filter((h) => h.tagName === 'H1').length !== 1) {
    found.push(`1.3.1 headings: ${heads.filter((h) => h.tagName === 'H1').length} of the first level, want 1`);
  }
  heads.forEach((h, i) => {
    const level = Number(h.tagName[1]);
    const before = i > 0 ? Number(heads[i - 1].tagName[1]) : 0;
    if (level > before + 1) {
      report('1.3.1 headings', h, `level ${level} follows level ${before}`);
    }
    if (h.textContent.trim() === '') {
      report('2.4.6 headings', h, 'empty');
    }
  });
  for (const list of all('ul, ol')) {
    for (const child of list.children) {
      if (!child.matches('li, script, template')) {
        report('1.3.1 lists', child, 'in a list, and no item');
      }
    }
  }
  for (const item of all('li')) {
    if (!item.parentElement.matches('ul, ol, menu')) {
      report('1.3.1 lists', item, 'an item outside a list');
    }
  }
  for (const table of all('table').filter((t) => t.rows.length > 1)) {
    if (table.querySelector('th') === null) {
      report('1.3.1 tables', table, 'no header cell');
    }
    all('th', table).filter((th) => th.textContent.trim() === '').forEach((th) => report('1.3.1 tables', th, 'an empty header cell'));
  }

  // --- References and roles: 4.1.1, 4.1.2. ---
  const ids = new Map();
  all('[id]').forEach((e) => ids.set(e.id, (ids.get(e.id) ?? 0) + 1));
  for (const [id, count] of ids) {
    if (count > 1) {
      found.push(`4.1.1 ids: ${count} elements are called ${id}`);
    }
  }
  for (const attribute of ['aria-labelledby', 'aria-describedby', 'aria-controls', 'aria-activedescendant', 'for']) {
    for (const element of all(`[${attribute}]`)) {
      for (const id of element.getAttribute(attribute).split(/\s+/)) {
        if (!document.getElementById(id)) {
          report('4.1.2 references', element, `${attribute} names ${id}, which is not there`);
        }
      }
    }
  }
  for (const element of all('[aria-hidden=true]')) {
    all('a[href], button, input, select, textarea, [tabindex]', element).filter(visible)
      .forEach((e) => report('4.1.2 hidden', e, 'can have the focus inside what is hidden from readers'));
  }

  // --- Keyboard and size: 2.1.1, 2.4.3, 1.4.10. ---
  all('[tabindex]').filter((e) => e.tabIndex > 0).forEach((e) => report('2.4.3 order', e, 'a tabindex above 0'));
  for (const element of all('body *')) {
    const style = getComputedStyle(element);
    const scrolls = (/auto|scroll/.test(style.overflowX) && element.scrollWidth > element.clientWidth + 1)
      || (/auto|scroll/.test(style.overflowY) && element.scrollHeight > element.clientHeight + 1);
    if (scrolls && visible(element) && element.tabIndex < 0 && !element.querySelector('a[href], button:enabled, input, [tabindex="0"]')) {
      report('2.1.1 keyboard', element, 'scrolls, and the keyboard cannot reach it');
    }
    if (/hidden|clip/.test(style.overflowX) && element.scrollWidth > element.clientWidth + 1 && visible(element)
      && !/ellipsis/.test(style.textOverflow) && !(element instanceof SVGElement) && element.clientWidth > 1) {
      report('1.4.10 cut off', element, 'more is there than can be seen');
    }
  }
  if (document.documentElement.scrollWidth > innerWidth) {
    found.push(`1.4.10 reflow: the page is ${document.documentElement.scrollWidth} pixels wide, the window ${innerWidth}`);
  }
  return found;
})()
