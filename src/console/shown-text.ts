/** The longest text of an error or of a progress that is sent to a page. */
const TEXT_MOST = 2_000;

/** Cuts a text from outside, which may be as long as a message. */
export function shownText(text: string, most = TEXT_MOST): string {
  return text.length <= most ? text : `${text.slice(0, most)}… (${text.length} characters)`;
}
