import type { ComponentChildren } from 'preact';
import { useId, useRef } from 'preact/hooks';
import { Icon, type IconName } from './icon.tsx';

const GAP_PX = 6;
const EDGE_PX = 8;

interface MenuProps {
  label: string;
  icon: IconName;
  /** Shown beside the icon. Without it the button is the icon alone. */
  text?: string;
  /** Further classes of the button. */
  class?: string;
  /** Items. */
  children: ComponentChildren;
}

/** A button that opens a menu. Arrow keys move in it; Escape, a choice and a click elsewhere close it. */
export function Menu({ label, icon, text, class: more = '', children }: MenuProps) {
  const id = useId();
  const trigger = useRef<HTMLButtonElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const items = () => [...(list.current?.querySelectorAll<HTMLElement>('[role=menuitem]') ?? [])];

  function place({ newState }: Pick<ToggleEvent, 'newState'>) {
    if (newState !== 'open' || trigger.current === null || list.current === null) return;
    const { left, right, bottom } = trigger.current.getBoundingClientRect();
    const widthPx = document.documentElement.clientWidth;
    const isOnTheLeft = left + right < widthPx;
    Object.assign(list.current.style, {
      top: `${bottom + GAP_PX}px`,
      left: isOnTheLeft ? `${Math.max(EDGE_PX, left)}px` : 'auto',
      right: isOnTheLeft ? 'auto' : `${Math.max(EDGE_PX, widthPx - right)}px`,
    });
  }
  function onToggle({ newState }: Pick<ToggleEvent, 'newState'>) {
    if (newState !== 'open') return;
    items()[0]?.focus();
    // The menu would not scroll with its button.
    window.addEventListener('scroll', () => list.current?.hidePopover(), { once: true, passive: true });
  }
  function onKeyDown(event: KeyboardEvent) {
    const all = items();
    const at = all.indexOf(document.activeElement as HTMLElement);
    const next = { ArrowDown: at + 1, ArrowUp: at - 1 + all.length, Home: 0, End: all.length - 1 }[event.key];
    if (event.key === 'Tab') list.current?.hidePopover();
    if (next === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    all[next % all.length]?.focus();
  }

  return (
    <>
      <button
        ref={trigger}
        type="button"
        class={`${more} ${text === undefined ? 'icon-button' : ''}`}
        popovertarget={id}
        aria-haspopup="menu"
        aria-label={label}
        title={text === undefined ? label : undefined}
      >
        <Icon name={icon} />
        {text}
        {text !== undefined && <Icon name="down" />}
      </button>
      <div
        ref={list}
        id={id}
        popover="auto"
        class="menu"
        role="menu"
        tabIndex={-1}
        aria-label={label}
        onBeforeToggle={place}
        onToggle={onToggle}
        onKeyDown={onKeyDown}
        onClick={() => list.current?.hidePopover()}
      >
        {children}
      </div>
    </>
  );
}

interface ItemProps {
  icon: IconName;
  text: string;
  /** A second line. */
  hint?: string;
}

const content = ({ icon, text, hint }: ItemProps) => (
  <>
    <Icon name={icon} />
    <span>
      {text}
      {hint !== undefined && <small>{hint}</small>}
    </span>
  </>
);

export const MenuButton = ({
  isDangerous = false,
  onChoose,
  ...item
}: ItemProps & { isDangerous?: boolean; onChoose(): void }) => (
  <button
    type="button"
    role="menuitem"
    tabIndex={-1}
    class={`menu-item ${isDangerous ? 'menu-item-danger' : ''}`}
    onClick={onChoose}
  >
    {content(item)}
  </button>
);

/** @param download its address is a file to save. */
export const MenuLink = ({ href, download, ...item }: ItemProps & { href: string; download?: boolean }) => (
  <a role="menuitem" tabIndex={-1} class="menu-item" href={href} download={download}>
    {content(item)}
  </a>
);
