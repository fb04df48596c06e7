// Secure storage without a phone.

export const AFTER_FIRST_UNLOCK_THIS_DEVICE_ONLY = 1;

/** For the tests: what is in it, and how it was put there. */
export const kept = new Map();

const turn = () => new Promise((resolve) => setImmediate(resolve));

export async function getItemAsync(key) {
  await turn();
  return kept.get(key)?.value ?? null;
}

export async function setItemAsync(key, value, options) {
  await turn();
  if (typeof value !== 'string') throw new TypeError('only texts can be kept');
  kept.set(key, { value, options });
}

export async function deleteItemAsync(key) {
  await turn();
  kept.delete(key);
}
