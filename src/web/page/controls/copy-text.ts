import { showToast } from './toast.tsx';

/** Puts the text into the clipboard and says so. @param done such as "Link copied". */
export async function copyText(text: string, done: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    showToast(done);
  } catch {
    // Browsers allow the clipboard only on https and on localhost.
    showToast('The browser does not allow this page to copy.');
  }
}
