import { isTransient } from '../core/runtime/errors.ts';

/**
 * Acts on each item in turn. One that cannot be helped does not keep the others from their turn: its error is thrown at
 * the end, the first of them if there are several. A fault of the world meets all alike and is thrown at once.
 */
export async function forEachCollectingErrors<T>(
  items: Iterable<T>,
  act: (item: T) => Promise<void>,
): Promise<void> {
  const errors: unknown[] = [];
  for (const item of items) {
    try {
      await act(item);
    } catch (error) {
      if (isTransient(error)) throw error;
      errors.push(error);
    }
  }
  if (errors.length > 0) throw errors[0];
}
