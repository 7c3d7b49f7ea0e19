import { useSignal } from '@preact/signals';
import { announce } from '../shell/live-region.tsx';

const SHOWN_MS = 2500;

export function CopyLink() {
  const text = useSignal('Copy link');

  async function copy() {
    try {
      await navigator.clipboard.writeText(window.location.href);
      text.value = 'Link copied';
    } catch {
      // Browsers allow the clipboard only on https and on localhost.
      text.value = 'Copy the link from the address bar';
    }
    announce(text.value);
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
