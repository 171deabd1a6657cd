// What of a panel that scrolls is in sight: only that is brought up to date while a run plays.

const NEAR = "60px"; // what is about to come into sight

/**
 * @param {HTMLElement} scroller
 * @param {(part: Element) => void} come is told what comes into sight
 */
export function makeSight(scroller, come) {
  /** @type {Set<Element>} */
  const seen = new Set();
  const observer = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) {
        if (!isIntersecting) seen.delete(target);
        else if (!seen.has(target)) {
          seen.add(target);
          come(target);
        }
      }
    },
    { root: scroller, rootMargin: NEAR },
  );
  return {
    /** @param {Element} part */
    watch: (part) => observer.observe(part),
    /** @param {Element} part */
    sees: (part) => seen.has(part),
    stop: () => observer.disconnect(),
  };
}
