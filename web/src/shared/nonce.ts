/** The one-time word of this page; the server puts it into the page and into the content policy of the same answer. */
export const NONCE = globalThis.document?.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? "";

/**
 * Two parts of the component library make style elements and pass no nonce on (locking the page's scroll, measuring
 * the scroll bar). Our own scripts are the only ones that run here, so the styles that they make carry the word.
 */
export function admitOwnStyles(): void {
  const make = Document.prototype.createElement;
  Document.prototype.createElement = function (this: Document, name: string, options?: ElementCreationOptions) {
    const element = make.call(this, name, options);
    if (element instanceof HTMLStyleElement) element.nonce = NONCE;
    return element;
  } as typeof make;
}
