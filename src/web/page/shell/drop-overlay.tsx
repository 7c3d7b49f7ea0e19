import { view } from '../location.ts';
import { isDragging } from '../upload/drops.ts';

/** Says that files can be dropped on any view. The start page has its drop zone for that. */
export const DropOverlay = () =>
  isDragging.value && view.value.name !== 'upload' ? (
    <div class="drop-overlay" aria-hidden="true">
      <p>Drop to label</p>
    </div>
  ) : null;
