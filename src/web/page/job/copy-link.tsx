import { useSignal } from '@preact/signals';
import { say } from '../shell/live-region.tsx';

const SHOWN_MS = 2500;

export function CopyLink() {
  const text = useSignal('Copy link');

  async function copy() {
    try {
      await navigator.clipboard.writeText(window.location.href);
      text.value = 'Link copied';
    } catch {
      // Browsers offer the clipboard to pages of https and of this machine only.
      text.value = 'Copy it from the address bar';
    }
    say(text.value);
    setTimeout(() => {
      text.value = 'Copy link';
    }, SHOWN_MS);
  }

  return (
    <button type="button" onClick={() => void copy()}>
      {text.value}
    </button>
  );
}
