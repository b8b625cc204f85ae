/**
 * Text that others chose (a process can call itself anything), made fit for being shown: no character in it is a command to
 * a terminal, ends a line, or is forbidden in XML, which pictures are made of.
 */

/** Control characters, and what XML 1.0 (2.2, Char) has no place for: halves of surrogate pairs, U+FFFE and U+FFFF. */
const INVISIBLE = /[\p{Cc}\p{Cs}\uFFFE\uFFFF]/gu;

/** Each of them as `\x1b` or `\ufffe`; everything else as it is. */
export function visibleText(text: string): string {
  return text.replace(INVISIBLE, (character) => {
    const code = character.charCodeAt(0);
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16)}`;
  });
}
