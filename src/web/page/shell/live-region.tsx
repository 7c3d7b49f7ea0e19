import { signal } from '@preact/signals';

const announced = signal('');

/** Announces a text to screen readers, politely. */
export function announce(text: string): void {
  announced.value = text;
}

export function LiveRegion() {
  return (
    <div class="unseen" role="status" aria-live="polite">
      {announced.value}
    </div>
  );
}
