import { useRef } from 'preact/hooks';
import { addressesIn } from './address-list.ts';
import { addAddresses } from './pasted-addresses.ts';

/** The browser says it at the field, and keeps what was typed. */
const NO_ADDRESS = 'An address begins with https:// or s3://.';

/** A field for those who would rather type or paste addresses into something. */
export function AddressField() {
  const details = useRef<HTMLDetailsElement>(null);
  const field = useRef<HTMLTextAreaElement>(null);

  async function add(event: Event) {
    event.preventDefault();
    if (field.current === null) return;
    await addAddresses(field.current.value);
    field.current.value = '';
    details.current?.removeAttribute('open');
  }

  return (
    <details ref={details} class="address-field">
      <summary>Paste addresses</summary>
      <form onSubmit={(event) => void add(event)}>
        <textarea
          ref={field}
          rows={3}
          required
          spellcheck={false}
          aria-label="Addresses of photos"
          placeholder="https://example.org/photo.jpg"
          onInput={({ currentTarget: input }) =>
            input.setCustomValidity(addressesIn(input.value).length > 0 ? '' : NO_ADDRESS)
          }
        />
        <button type="submit">Add</button>
      </form>
    </details>
  );
}
