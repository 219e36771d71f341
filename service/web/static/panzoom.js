// One surface to pull about: by mouse, finger, pinch, wheel or keys. The map and the wall say what that means for them.

/** How far the pointer may stray for a press to count as a tap, in px. */
const STILL_PX = 5;
const DOUBLE_MS = 350;
const STEP_PX = 80;
const KEY_ZOOM = 1.5;

/** @typedef {{x: number, y: number}} Spot in px from the upper left corner of the surface */
/**
 * @typedef {object} Moves
 * @property {(dx: number, dy: number, event: Event) => void} pan
 * @property {(factor: number, at: Spot) => void} zoom
 * @property {() => void} home back to where everything is in view
 * @property {(at: Spot) => void} [tap]
 * @property {(at: Spot) => void} [double]
 * @property {(at: Spot|null) => void} [hover] null when the pointer has left
 * @property {() => void} [enter] the Enter key
 * @property {() => boolean} [draws] whether a drag draws instead of pulling
 * @property {(path: Spot[], done: boolean) => void} [draw]
 */

/**
 * @param {HTMLElement} surface needs `touch-action: none`
 * @param {Moves} moves
 */
export function panZoom(surface, moves) {
  /** @type {Map<number, Spot>} */
  const held = new Map();
  let path = null;
  let strayed = 0;
  let lastTap = { time: 0, x: 0, y: 0 };

  const spot = (event) => {
    const box = surface.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };

  surface.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    surface.setPointerCapture(event.pointerId);
    held.set(event.pointerId, spot(event));
    if (held.size === 1) {
      strayed = 0;
      if (moves.draws?.() && !event.shiftKey) path = [spot(event)];
    } else {
      // A second finger means a pinch, also in the middle of a lasso.
      if (path) moves.draw?.([], false);
      path = null;
      strayed = Infinity;
    }
    moves.hover?.(null);
  });

  surface.addEventListener("pointermove", (event) => {
    const at = spot(event);
    const before = held.get(event.pointerId);
    if (!before) {
      if (event.pointerType !== "touch") moves.hover?.(at);
      return;
    }
    strayed += Math.hypot(at.x - before.x, at.y - before.y);
    if (held.size === 1) moveOne(before, at, event);
    else if (held.size === 2) movePinch(event.pointerId, before, at, event);
    held.set(event.pointerId, at);
  });

  function moveOne(before, at, event) {
    if (path) {
      const last = path[path.length - 1];
      if (Math.hypot(at.x - last.x, at.y - last.y) >= 3) path.push(at);
      moves.draw?.(path, false);
    } else if (strayed > STILL_PX) {
      surface.classList.add("held");
      moves.pan(at.x - before.x, at.y - before.y, event);
    }
  }

  function movePinch(id, before, at, event) {
    const [other] = [...held].filter(([one]) => one !== id).map(([, where]) => where);
    const middle = { x: (at.x + other.x) / 2, y: (at.y + other.y) / 2 };
    moves.pan((at.x - before.x) / 2, (at.y - before.y) / 2, event);
    moves.zoom(distance(at, other) / Math.max(distance(before, other), 1), middle);
  }

  function letGo(event) {
    if (!held.delete(event.pointerId)) return;
    surface.classList.remove("held");
    const drawn = path;
    path = null;
    if (event.type === "pointercancel") moves.draw?.([], false);
    else if (drawn && strayed > STILL_PX) moves.draw?.(drawn, true);
    else if (strayed <= STILL_PX) press(spot(event), event.timeStamp);
  }

  function press(at, time) {
    const again = time - lastTap.time < DOUBLE_MS && distance(at, lastTap) < 4 * STILL_PX;
    lastTap = again ? { time: 0, x: 0, y: 0 } : { time, ...at };
    if (again) moves.double?.(at);
    else moves.tap?.(at);
  }

  surface.addEventListener("pointerup", letGo);
  surface.addEventListener("pointercancel", letGo);
  surface.addEventListener("pointerleave", () => moves.hover?.(null));
  surface.addEventListener("wheel", (event) => {
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    // A trackpad's pinch arrives as a wheel with Ctrl, in smaller steps.
    const pace = event.ctrlKey ? 0.01 : 0.0016;
    moves.zoom(Math.exp(-Math.max(-300, Math.min(300, event.deltaY * lines)) * pace), spot(event));
  }, { passive: false });

  surface.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const middle = { x: surface.clientWidth / 2, y: surface.clientHeight / 2 };
    const run = {
      ArrowLeft: () => moves.pan(STEP_PX, 0, event),
      ArrowRight: () => moves.pan(-STEP_PX, 0, event),
      ArrowUp: () => moves.pan(0, STEP_PX, event),
      ArrowDown: () => moves.pan(0, -STEP_PX, event),
      "+": () => moves.zoom(KEY_ZOOM, middle),
      "=": () => moves.zoom(KEY_ZOOM, middle),
      "-": () => moves.zoom(1 / KEY_ZOOM, middle),
      0: () => moves.home(),
      Home: () => moves.home(),
      Enter: () => moves.enter?.(),
    }[event.key];
    if (!run) return;
    event.preventDefault();
    run();
  });
}

const distance = (a, b) => Math.hypot(a.x - b.x, a.y - b.y);
