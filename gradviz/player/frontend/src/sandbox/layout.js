// Where the cards and discs of a small graph go: in layers from left to right, as straight as they can be.

/**
 * @typedef {{id: string, wide: number, high: number}} Box
 * @typedef {{id: string, from: string, to: string, label: number}} Edge `label`: how wide what stands on it is
 * @typedef {Box & {x: number, y: number, layer: number}} Placed x and y are the middle
 * @typedef {{nodes: Map<string, Placed>, edges: Map<string, [number, number][]>, wide: number, high: number}} Layout edges through their points
 */

const [ACROSS, UP, THREAD] = [28, 22, 12]; // between columns, between rows; how high the room is that a line takes on its way
const SWEEPS = 8;

/**
 * @param {Box[]} boxes
 * @param {Edge[]} edges from each box only to such that come later
 * @returns {Layout}
 */
export function layout(boxes, edges) {
  /** @type {Map<string, number>} */
  const layerOf = new Map();
  const order = new Map(boxes.map(({ id }, k) => [id, k]));
  const sorted = boxes.toSorted((a, b) => depth(a.id) - depth(b.id));
  /** The longest way to a box. @param {string} id @returns {number} */
  function depth(id) {
    const known = layerOf.get(id);
    if (known !== undefined) return known;
    layerOf.set(id, 0);
    const before = edges.filter(({ to }) => to === id).map(({ from }) => depth(from) + 1);
    layerOf.set(id, Math.max(0, ...before));
    return /** @type {number} */ (layerOf.get(id));
  }
  // What has nothing before it stands as near as it can to what uses it.
  for (const { id } of sorted) {
    if (edges.some(({ to }) => to === id)) continue;
    const after = edges.filter(({ from }) => from === id).map(({ to }) => /** @type {number} */ (layerOf.get(to)));
    if (after.length) layerOf.set(id, Math.min(...after) - 1);
  }

  /** @type {Placed[][]} */
  const layers = [];
  /** @param {Box} box @param {number} layer */
  const put = (box, layer) => {
    const placed = { ...box, layer, x: 0, y: 0 };
    (layers[layer] ??= []).push(placed);
    return placed;
  };
  /** @type {Map<string, Placed>} */
  const nodes = new Map(boxes.map((box) => [box.id, put(box, /** @type {number} */ (layerOf.get(box.id)))]));
  // A line that passes layers has a place in each of them.
  const threads = edges.map((edge) => {
    const [from, to] = [/** @type {Placed} */ (nodes.get(edge.from)), /** @type {Placed} */ (nodes.get(edge.to))];
    const between = [];
    for (let layer = from.layer + 1; layer < to.layer; layer += 1) between.push(put({ id: "", wide: 0, high: THREAD }, layer));
    return { edge, stops: [from, ...between, to] };
  });
  /** @type {Map<Placed, Placed[]>} */
  const before = new Map();
  /** @type {Map<Placed, Placed[]>} */
  const after = new Map();
  for (const { stops } of threads) {
    for (let k = 0; k + 1 < stops.length; k += 1) {
      after.set(stops[k], [...(after.get(stops[k]) ?? []), stops[k + 1]]);
      before.set(stops[k + 1], [...(before.get(stops[k + 1]) ?? []), stops[k]]);
    }
  }

  // Rows: first in the order of the expression, then each box in the middle of its neighbours, as far as there is room.
  for (const layer of layers) layer.sort((a, b) => (order.get(a.id) ?? 0) - (order.get(b.id) ?? 0));
  for (const layer of layers) spread(layer, layer.map((_, k) => k * 60));
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const forward = sweep % 2 === 0;
    for (const layer of forward ? layers : layers.toReversed()) {
      const wanted = layer.map((one) => {
        const near = (forward ? before : after).get(one) ?? (forward ? after : before).get(one) ?? [];
        return near.length ? near.reduce((sum, { y }) => sum + y, 0) / near.length : one.y;
      });
      const ranked = layer.map((one, k) => ({ one, want: wanted[k], k })).sort((a, b) => a.want - b.want || a.k - b.k);
      layer.splice(0, layer.length, ...ranked.map(({ one }) => one));
      spread(layer, ranked.map(({ want }) => want));
    }
  }

  /** Puts boxes as near to where they want to be as they fit under each other. @param {Placed[]} layer @param {number[]} wanted */
  function spread(layer, wanted) {
    // Those that would overlap become one block, which lies where they all want to be on average.
    /** @type {{boxes: Placed[], middle: number, high: number, wants: number[]}[]} */
    const blocks = [];
    layer.forEach((one, k) => {
      blocks.push({ boxes: [one], middle: wanted[k], high: one.high, wants: [wanted[k]] });
      for (;;) {
        const [above, below] = [blocks.at(-2), /** @type {typeof blocks[0]} */ (blocks.at(-1))];
        if (!above || above.middle + above.high / 2 + UP <= below.middle - below.high / 2) break;
        // Each of the lower block wants the upper one to be as much higher as they are apart.
        const shift = above.high + UP;
        const high = above.high + UP + below.high;
        const tops = [...above.wants.map((want) => want), ...below.wants.map((want) => want - shift)];
        blocks.splice(-2, 2, { boxes: [...above.boxes, ...below.boxes], high, wants: tops, middle: 0 });
        const merged = /** @type {typeof blocks[0]} */ (blocks.at(-1));
        const first = above.boxes[0].high / 2;
        merged.middle = tops.reduce((sum, one) => sum + one, 0) / tops.length - first + high / 2;
      }
    });
    for (const { boxes: inside, middle, high } of blocks) {
      let top = middle - high / 2;
      for (const one of inside) {
        one.y = top + one.high / 2;
        top += one.high + UP;
      }
    }
  }

  // Columns: as far apart as what stands on the lines needs.
  /** How wide a line has to be for what is written on it: in a bend that may stand over the disc, too. @param {Placed} from @param {Placed} to @param {number} label */
  const needed = (from, to, label) => (Math.abs(to.y - from.y) > 30 ? 2 * (label - 52) : label + 14);
  const gaps = layers.map((_, layer) => Math.max(ACROSS, ...threads.filter(({ stops }) => stops.at(-2)?.layer === layer).map(({ edge, stops }) => needed(/** @type {Placed} */ (stops.at(-2)), /** @type {Placed} */ (stops.at(-1)), edge.label))));
  let x = 0;
  layers.forEach((layer, k) => {
    const wide = Math.max(...layer.map((one) => one.wide));
    for (const one of layer) one.x = x + wide / 2;
    x += wide + (k + 1 < layers.length ? gaps[k] : 0);
  });
  const all = layers.flat();
  const top = Math.min(...all.map((one) => one.y - one.high / 2));
  for (const one of all) one.y -= top;
  const high = Math.max(...all.map((one) => one.y + one.high / 2));
  const through = threads.map(({ edge, stops }) => {
    const middle = stops.slice(1, -1).map(({ x: across, y }) => /** @type {[number, number]} */ ([across, y]));
    const [from, to] = [stops[0], /** @type {Placed} */ (stops.at(-1))];
    return /** @type {[string, [number, number][]]} */ ([edge.id, [[from.x + from.wide / 2, from.y], ...middle, [to.x - to.wide / 2, to.y]]]);
  });
  return { nodes, edges: new Map(through), wide: x, high };
}
