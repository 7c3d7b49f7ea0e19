import { signal } from '@preact/signals';

const said = signal('');

/** Says something to a screen reader when it has a moment. */
export function say(text: string): void {
  said.value = text;
}

export function LiveRegion() {
  return (
    <div class="unseen" role="status" aria-live="polite">
      {said.value}
    </div>
  );
}
