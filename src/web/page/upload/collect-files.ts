import type { ChosenImage } from './select-images.ts';

/** The files of an `<input type=file>`. Files of a folder are named by their path in it. */
export const collectFromList = (files: Iterable<File>): ChosenImage[] =>
  Array.from(files, (file) => ({ file, name: file.webkitRelativePath || file.name }));

/** Dropped or pasted files, including all in dropped folders. Call it within the event, before the browser empties `transfer`. */
export async function collectFromTransfer(transfer: DataTransfer): Promise<ChosenImage[]> {
  const items = Array.from(transfer.items).filter(({ kind }) => kind === 'file');
  const roots = items.map((item) => item.webkitGetAsEntry() ?? item.getAsFile());
  const found: ChosenImage[] = [];
  for (const root of roots) {
    if (root instanceof File) found.push(...collectFromList([root]));
    else if (root !== null) await walk(root, found);
  }
  return found;
}

async function walk(entry: FileSystemEntry, found: ChosenImage[]): Promise<void> {
  if (isFile(entry)) {
    const file = await new Promise<File>((resolve, reject) => entry.file(resolve, reject));
    found.push({ file, name: entry.fullPath.replace(/^\//, '') });
  } else if (isFolder(entry)) {
    const reader = entry.createReader();
    for (;;) {
      // Browsers list a folder in batches. An empty batch is the end.
      const entries = await new Promise<FileSystemEntry[]>((resolve, reject) =>
        reader.readEntries(resolve, reject),
      );
      if (entries.length === 0) return;
      for (const child of entries) await walk(child, found);
    }
  }
}

const isFile = (entry: FileSystemEntry): entry is FileSystemFileEntry => entry.isFile;
const isFolder = (entry: FileSystemEntry): entry is FileSystemDirectoryEntry => entry.isDirectory;
