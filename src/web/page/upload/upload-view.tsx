import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { counted } from '../format.ts';
import { serverLoaded } from '../service/server.ts';
import { announce } from '../shell/live-region.tsx';
import { Notice } from '../shell/notice.tsx';
import { collectFromTransfer } from './collect-files.ts';
import { DropZone } from './drop-zone.tsx';
import { type ChosenImage, selectImages } from './select-images.ts';
import { Tray } from './tray.tsx';

/** Collects images that are dropped, chosen or pasted. */
export function UploadView() {
  const chosen = useSignal<readonly ChosenImage[]>([]);
  const skipped = useSignal<readonly string[]>([]);
  const isReading = useSignal(false);
  const isBusy = useSignal(false);

  async function add(finding: Promise<readonly ChosenImage[]>) {
    if (isBusy.value) return;
    isReading.value = true;
    try {
      const found = await finding;
      const { limits } = await serverLoaded();
      const selection = selectImages(found, limits);
      chosen.value = [...chosen.value, ...selection.images];
      skipped.value = selection.skipped;
      announce([`${counted(chosen.value.length, 'image')} chosen.`, ...selection.skipped].join(' '));
    } catch {
      skipped.value = ['Could not read the dropped files. Use the buttons instead.'];
    } finally {
      isReading.value = false;
    }
  }

  useEffect(() => {
    const closed = new AbortController();
    const { signal } = closed;
    const paste = ({ clipboardData }: ClipboardEvent) => {
      if (clipboardData !== null && clipboardData.files.length > 0)
        void add(collectFromTransfer(clipboardData));
    };
    // On the whole document: outside the zone the browser would leave the page and open the file.
    const drop = (event: DragEvent) => {
      event.preventDefault();
      if (event.dataTransfer !== null) void add(collectFromTransfer(event.dataTransfer));
    };
    document.addEventListener('paste', paste, { signal });
    document.addEventListener('dragover', (event) => event.preventDefault(), { signal });
    document.addEventListener('drop', drop, { signal });
    return () => closed.abort();
  }, []);

  return (
    <section class="upload">
      <h1 tabIndex={-1}>Label images</h1>
      <p class="lead">Drop photos. Get a label for each.</p>
      <p class="small">
        Labels are animals, objects, vehicles and food. People, faces and most scenes are not among them.
      </p>
      <DropZone
        isSmall={chosen.value.length > 0}
        isReading={isReading.value}
        isDisabled={isBusy.value}
        onFiles={(files) => void add(Promise.resolve(files))}
      />
      {skipped.value.length > 0 && (
        <Notice kind="quiet">
          {skipped.value.map((sentence) => (
            <p key={sentence}>{sentence}</p>
          ))}
        </Notice>
      )}
      {chosen.value.length > 0 && <Tray chosen={chosen} isBusy={isBusy} />}
    </section>
  );
}
