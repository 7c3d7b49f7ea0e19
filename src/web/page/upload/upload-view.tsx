import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { counted } from '../format.ts';
import { serverKnown } from '../service/server.ts';
import { say } from '../shell/live-region.tsx';
import { Notice } from '../shell/notice.tsx';
import { fromTransfer } from './collect-files.ts';
import { DropZone } from './drop-zone.tsx';
import { type Chosen, sift } from './select-images.ts';
import { Tray } from './tray.tsx';

/** Choosing images, from wherever they are dropped, picked or pasted. */
export function UploadView() {
  const chosen = useSignal<readonly Chosen[]>([]);
  const leftOut = useSignal<readonly string[]>([]);
  const isReading = useSignal(false);
  const isBusy = useSignal(false);

  async function add(finding: Promise<readonly Chosen[]>) {
    if (isBusy.value) return;
    isReading.value = true;
    try {
      const found = await finding;
      const { limits } = await serverKnown();
      const sifted = sift(found, limits);
      chosen.value = [...chosen.value, ...sifted.taken];
      leftOut.value = sifted.leftOut;
      say([`${counted(chosen.value.length, 'image')} chosen.`, ...sifted.leftOut].join(' '));
    } catch {
      leftOut.value = ['What was dropped could not be read. Choose it with the buttons instead.'];
    } finally {
      isReading.value = false;
    }
  }

  useEffect(() => {
    const closed = new AbortController();
    const { signal } = closed;
    const paste = ({ clipboardData }: ClipboardEvent) => {
      if (clipboardData !== null && clipboardData.files.length > 0) void add(fromTransfer(clipboardData));
    };
    // Beside the zone, too: a browser would otherwise leave the page and show the file.
    const drop = (event: DragEvent) => {
      event.preventDefault();
      if (event.dataTransfer !== null) void add(fromTransfer(event.dataTransfer));
    };
    document.addEventListener('paste', paste, { signal });
    document.addEventListener('dragover', (event) => event.preventDefault(), { signal });
    document.addEventListener('drop', drop, { signal });
    return () => closed.abort();
  }, []);

  return (
    <section class="upload">
      <h1 tabIndex={-1}>Label images</h1>
      <p class="lead">Drop photographs, and each gets the name of what it shows.</p>
      <DropZone
        isSmall={chosen.value.length > 0}
        isReading={isReading.value}
        isDisabled={isBusy.value}
        onFiles={(files) => void add(Promise.resolve(files))}
      />
      {leftOut.value.length > 0 && (
        <Notice kind="quiet">
          {leftOut.value.map((sentence) => (
            <p key={sentence}>{sentence}</p>
          ))}
        </Notice>
      )}
      {chosen.value.length > 0 && <Tray chosen={chosen} isBusy={isBusy} />}
    </section>
  );
}
