/** Drops and pastes of files and addresses, on every view: outside of the drop zone the browser would leave the page and open the file. */
import { signal } from '@preact/signals';
import { navigate } from '../location.ts';
import { collectFromTransfer } from './collect-files.ts';
import { addAddresses } from './pasted-addresses.ts';
import { addFiles } from './tray-state.ts';

/** Whether files or addresses are dragged over the page. */
export const isDragging = signal(false);

export function startDrops(): void {
  const leave = () => {
    isDragging.value = false;
  };
  // What is dragged within the page, such as a photograph of it, is none to label.
  let isOwn = false;
  document.addEventListener('dragstart', () => {
    isOwn = true;
  });
  document.addEventListener('dragend', () => {
    isOwn = false;
  });
  const isWanted = (transfer: DataTransfer) => !isOwn && (hasFiles(transfer) || hasAddresses(transfer));
  document.addEventListener('dragover', (event) => {
    if (event.dataTransfer === null || !isWanted(event.dataTransfer)) return;
    event.preventDefault();
    isDragging.value = true;
  });
  for (const end of ['drop', 'dragend', 'mouseout'] as const) document.addEventListener(end, leave);
  document.addEventListener('dragleave', ({ relatedTarget }) => {
    if (relatedTarget === null) leave();
  });
  document.addEventListener('drop', (event) => {
    if (event.dataTransfer === null || !isWanted(event.dataTransfer)) return;
    event.preventDefault();
    if (hasFiles(event.dataTransfer)) take(event.dataTransfer);
    else void addAddresses(event.dataTransfer.getData(ADDRESS_TYPE));
  });
  document.addEventListener('paste', ({ clipboardData, target }) => {
    if (clipboardData === null) return;
    const isField = target instanceof Element && target.matches('input, textarea');
    if (hasFiles(clipboardData)) take(clipboardData);
    else if (!isField) void addAddresses(clipboardData.getData('text/plain'));
  });
}

/** Of a link or an address that is dragged from another tab. */
const ADDRESS_TYPE = 'text/uri-list';

const hasFiles = ({ types }: DataTransfer): boolean => types.includes('Files');
const hasAddresses = ({ types }: DataTransfer): boolean => types.includes(ADDRESS_TYPE);

function take(transfer: DataTransfer): void {
  void addFiles(collectFromTransfer(transfer));
  navigate('./');
}
