import { copyText } from './copy-text.ts';
import { curlOf } from './curl.ts';
import { Icon } from './icon.tsx';

/** Copies the command that asks the service for what a view shows. @param path below `v1/`. */
export const CopyCurl = ({ path }: { path: string }) => (
  <button
    type="button"
    class="icon-button quiet"
    aria-label="Copy as curl"
    title="Copy as curl"
    onClick={() => void copyText(curlOf(path), 'Command copied')}
  >
    <Icon name="code" />
  </button>
);
