import { signal } from '@preact/signals';
import { announce } from '../shell/live-region.tsx';

const SHOWN_MS = 3000;

const shown = signal<string | undefined>();
let timer: ReturnType<typeof setTimeout> | undefined;

/** Shows a short text for a moment, and announces it to screen readers. */
export function showToast(text: string): void {
  shown.value = text;
  announce(text);
  clearTimeout(timer);
  timer = setTimeout(() => {
    shown.value = undefined;
  }, SHOWN_MS);
}

export const Toast = () =>
  shown.value === undefined ? null : (
    <div class="toast" aria-hidden="true">
      {shown.value}
    </div>
  );
