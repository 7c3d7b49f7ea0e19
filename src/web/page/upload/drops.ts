/** Drops and pastes of files, on every view: outside of the drop zone the browser would leave the page and open the file. */
import { signal } from '@preact/signals';
import { navigate } from '../location.ts';
import { collectFromTransfer } from './collect-files.ts';
import { pasteText } from './pasted-addresses.ts';
import { addFiles } from './tray-state.ts';

/** Whether files are dragged over the page. */
export const isDragging = signal(false);

export function startDrops(): void {
  const leave = () => {
    isDragging.value = false;
  };
  document.addEventListener('dragover', (event) => {
    if (event.dataTransfer === null || !hasFiles(event.dataTransfer)) return;
    event.preventDefault();
    isDragging.value = true;
  });
  for (const end of ['drop', 'dragend', 'mouseout'] as const) document.addEventListener(end, leave);
  document.addEventListener('dragleave', ({ relatedTarget }) => {
    if (relatedTarget === null) leave();
  });
  document.addEventListener('drop', (event) => {
    if (event.dataTransfer === null || !hasFiles(event.dataTransfer)) return;
    event.preventDefault();
    take(event.dataTransfer);
  });
  document.addEventListener('paste', ({ clipboardData, target }) => {
    if (clipboardData === null) return;
    const isField = target instanceof Element && target.matches('input, textarea');
    if (hasFiles(clipboardData)) take(clipboardData);
    else if (!isField) void pasteText(clipboardData.getData('text/plain'));
  });
}

const hasFiles = ({ types }: DataTransfer): boolean => types.includes('Files');

function take(transfer: DataTransfer): void {
  void addFiles(collectFromTransfer(transfer));
  navigate('./');
}
