import { copyText } from './copy-text.ts';
import { curlOf } from './curl.ts';
import { Icon } from './icon.tsx';

/** Copies the command that sends what a view sends. Phones have no command line. @param path below `v1/`. @param options further options of curl. */
export const CopyCurl = ({ path, options }: { path: string; options?: string }) => (
  <button
    type="button"
    class="icon-button quiet for-mouse"
    aria-label="Copy as curl"
    title="Copy as curl"
    onClick={() => void copyText(curlOf(path, options), 'Command copied')}
  >
    <Icon name="code" />
  </button>
);
