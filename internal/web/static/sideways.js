// Tables that are wider than their place scroll sideways. Where one does, its edges show on
// which side there is more, and a hint below says it.

// markScrolling watches every such place for as long as the page is open.
export function markScrolling() {
  for (const place of document.querySelectorAll('.scroll')) {
    const hint = place.nextElementSibling?.classList.contains('sideways') ? place.nextElementSibling : null;
    const mark = () => {
      const hidden = place.scrollWidth - place.clientWidth;
      place.classList.toggle('more-left', hidden > 1 && place.scrollLeft > 1);
      place.classList.toggle('more-right', hidden > 1 && place.scrollLeft < hidden - 1);
      if (hint) {
        hint.hidden = hidden <= 1;
      }
    };
    place.addEventListener('scroll', mark, { passive: true });
    const watcher = new ResizeObserver(mark);
    watcher.observe(place);
    place.querySelectorAll('table').forEach((table) => watcher.observe(table));
  }
}
