/** A plugin of rolldown and Vite that puts the licence texts of all packages in a bundle beside it. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Plugin } from 'rolldown';

const FILE = 'THIRD-PARTY-NOTICES.txt';
const HEAD =
  'The files beside this one contain code of the following packages, under the following licences.';
const RULE = `\n\n${'-'.repeat(80)}\n\n`;
const LICENCE = /^(licen[cs]e|copying)/i;
const NOTICE = /^notice/i;
/** Vite's own licence, without those of packages that are in Vite but not in its helpers. */
const OF_VITE_ITSELF = /^.*?(?=^# Licenses of bundled dependencies)/ms;

/** @param root has the folder `node_modules`. */
export const thirdPartyNotices = (root: string): Plugin => ({
  name: 'third-party-notices',
  generateBundle(_options, bundle) {
    const inChunks = Object.values(bundle).flatMap((part) => (part.type === 'chunk' ? part.moduleIds : []));
    // Both: a module whose constants were inlined is in no chunk, and a helper of the bundler is in no graph.
    const modules = [...this.getModuleIds(), ...inChunks];
    const folders = new Set(modules.flatMap((id) => packageFolder(id, root) ?? []));
    const notices = [...folders].map(noticeOf).sort();
    this.emitFile({ type: 'asset', fileName: FILE, source: `${[HEAD, ...notices].join(RULE)}\n` });
  },
});

/** The folder of a module's package; undefined for our own modules. Bundlers call their helpers `\0PACKAGE/...`. */
function packageFolder(id: string, root: string): string | undefined {
  const [, bundler] = /^\0([\w-]+)\//.exec(id) ?? [];
  if (bundler !== undefined) return path.join(root, 'node_modules', bundler);
  return /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id)?.[0];
}

/** @throws {Error} for a package without a licence text: nobody may distribute it then. */
function noticeOf(folder: string): string {
  const { name, version, license } = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
  const entries = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile());
  const files = entries.map((entry) => entry.name);
  const licences = files.filter((file) => LICENCE.test(file));
  if (licences.length === 0)
    throw new Error(`${name} ${version} is in the bundle, but ${folder} has no licence text.`);
  const texts = [...licences, ...files.filter((file) => NOTICE.test(file))].map((file) =>
    readFileSync(path.join(folder, file), 'utf8'),
  );
  return [`${name} ${version} (${license})`, ...texts.map((text) => OF_VITE_ITSELF.exec(text)?.[0] ?? text)]
    .map((part) => part.trim())
    .join('\n\n');
}
