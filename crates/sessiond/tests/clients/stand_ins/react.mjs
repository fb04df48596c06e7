// React's hooks, as far as one component without children goes: state, refs, memory, effects after the
// render, and the end.

let component = null;

export function useState(initial) {
  const owner = component;
  const cell = owner.cell(() => ({ value: initial }));
  const set = (value) => {
    if (owner.isGone) {
      owner.late.push(value);
      return;
    }
    cell.value = typeof value === 'function' ? value(cell.value) : value;
    owner.schedule();
  };
  return [cell.value, set];
}

export function useRef(initial) {
  return component.cell(() => ({ current: initial }));
}

export function useCallback(callback, deps) {
  const cell = component.cell(() => ({}));
  if (haveChanged(cell.deps, deps)) Object.assign(cell, { callback, deps });
  return cell.callback;
}

export function useEffect(effect, deps) {
  const owner = component;
  const cell = owner.cell(() => ({ isEffect: true }));
  if (!haveChanged(cell.deps, deps)) return;
  cell.deps = deps;
  owner.effects.push(() => {
    cell.undo?.();
    cell.undo = effect();
  });
}

function haveChanged(before, after) {
  return before === undefined || after.some((value, index) => !Object.is(value, before[index]));
}

/** Renders `run` until `unmount`; `late` is what was set after that. */
export function mount(run) {
  const cells = [];
  let next = 0;
  let isScheduled = false;
  const owner = {
    effects: [],
    late: [],
    isGone: false,
    cell: (make) => (cells[next] ??= make(), cells[next++]),
    schedule() {
      if (isScheduled) return;
      isScheduled = true;
      queueMicrotask(() => {
        isScheduled = false;
        if (!owner.isGone) render();
      });
    },
  };
  function render() {
    component = owner;
    next = 0;
    owner.effects = [];
    owner.result = run();
    component = null;
    for (const effect of owner.effects) effect();
  }
  render();
  return {
    get current() {
      return owner.result;
    },
    late: owner.late,
    unmount() {
      owner.isGone = true;
      for (const cell of cells) if (cell.isEffect) cell.undo?.();
    },
  };
}
