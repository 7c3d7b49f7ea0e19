import { copyText } from '../controls/copy-text.ts';
import { Icon } from '../controls/icon.tsx';

const THIS_COMPUTER = ['127.0.0.1', 'localhost', '[::1]'];
const isLocal = (): boolean => THIS_COMPUTER.includes(window.location.hostname);

/** Shares the address of the view with its filters: by the phone's own means, or as a copied link. */
export function ShareButton({ title }: { title: string }) {
  const label = isLocal() ? 'Copy link (works on this computer only)' : 'Share';
  async function share() {
    const url = window.location.href;
    const isPhone = window.matchMedia('(pointer: coarse)').matches;
    // Rejects when the user closes the sheet.
    if (isPhone && 'share' in navigator) await navigator.share({ title, url }).catch(() => {});
    else await copyText(url, isLocal() ? 'Link copied. It works on this computer only.' : 'Link copied');
  }
  return (
    <button type="button" class="icon-button" aria-label={label} title={label} onClick={() => void share()}>
      <Icon name="share" />
    </button>
  );
}
