// Making elements. Text is always text: nothing here reads HTML.

const SVG = 'http://www.w3.org/2000/svg';

// html makes an element with attributes and children, which are elements or texts.
export function html(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

// svg makes an element of a drawing.
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name === 'onclick') {
      element.addEventListener('click', value);
    } else if (value === true) {
      element.setAttribute(name, '');
    } else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(name, value);
    }
  }
  element.append(...children);
  return element;
}

// byId finds an element of the page.
export function byId(id) {
  return document.getElementById(id);
}

// setText changes an element's text if it is another, so that a reader that is told of
// changes is told of no others.
export function setText(element, text) {
  if (element.textContent !== text) {
    element.textContent = text;
  }
}
