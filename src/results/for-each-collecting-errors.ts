import { isTransient } from '../core/runtime/errors.ts';

/**
 * Processes the items one after the other. An error of one item does not stop the others; the first error is thrown at the
 * end. A transient error is thrown at once, as it would affect all items.
 */
export async function forEachCollectingErrors<T>(
  items: Iterable<T>,
  process: (item: T) => Promise<void>,
): Promise<void> {
  const errors: unknown[] = [];
  for (const item of items) {
    try {
      await process(item);
    } catch (error) {
      if (isTransient(error)) throw error;
      errors.push(error);
    }
  }
  if (errors.length > 0) throw errors[0];
}
