import type { Chosen } from './select-images.ts';

/** What an `<input type=file>` holds; files of a folder go by their path in it. */
export const fromList = (files: Iterable<File>): Chosen[] =>
  Array.from(files, (file) => ({ file, name: file.webkitRelativePath || file.name }));

/** What was dropped or pasted, folders all the way down. Call it in the event: afterwards the browser empties `transfer`. */
export async function fromTransfer(transfer: DataTransfer): Promise<Chosen[]> {
  const items = Array.from(transfer.items).filter(({ kind }) => kind === 'file');
  const roots = items.map((item) => item.webkitGetAsEntry() ?? item.getAsFile());
  const found: Chosen[] = [];
  for (const root of roots) {
    if (root instanceof File) found.push(...fromList([root]));
    else if (root !== null) await walk(root, found);
  }
  return found;
}

async function walk(entry: FileSystemEntry, found: Chosen[]): Promise<void> {
  if (isFile(entry)) {
    const file = await new Promise<File>((resolve, reject) => entry.file(resolve, reject));
    found.push({ file, name: entry.fullPath.replace(/^\//, '') });
  } else if (isFolder(entry)) {
    const reader = entry.createReader();
    for (;;) {
      // Browsers list a folder in pieces, and end with an empty one.
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
