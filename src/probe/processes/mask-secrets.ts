/**
 * Replaces well-known secrets in a command line by `***`: values of options and variables whose name says so,
 * passwords in URLs, credentials in HTTP headers, tokens of a known form, and short options of a few programs.
 *
 * It errs on the side of masking. It can't know a secret that nothing marks as one: withhold arguments for that.
 * All patterns take time linear in the argument's length: any user of the machine writes these texts.
 */
import { namesSecret } from './secret-names.js';
import { shortOptionsOf, type ShortOption } from './short-options.js';

const MASK = '***';

/** `name=value`, `name: value`, `"name":"value"`, anywhere in an argument. */
const ASSIGNMENT = /(?<![\w.-])([\w.-]+)(["']?\s*[=:]\s*)("[^"]*"|'[^']*'|[^\s&,;"'}\])]+)/g;
const LEADING_ASSIGNMENT = /^([\w./-]+)=(.+)$/s;
const CREDENTIAL_SCHEME = /^(?:basic|bearer|digest|negotiate|token|apikey)$/i;
/** A header is a whole argument, or ends where its quotes do. */
const HEADER = /(?<![\w-])([\w-]+)(\s*:\s*)([^"'\r\n]+)/g;

const URL_PASSWORD = /(:\/\/[^\s:/?#@]*:)[^\s/?#]+@/g;
/** A long user name without a password is a token: `https://<token>@host`. */
const URL_TOKEN = /(:\/\/)[^\s:/?#@]{16,}@/g;
/** Data source names such as `user:password@tcp(db)/name`; not image digests. */
const DSN_PASSWORD = /(?<![^\s="'])([\w.-]+:)[^\s@/:]+@(?!sha\d)/g;
const BEARER = /\b(bearer\s+)[\w.~+/=-]{8,}/gi;

/** Tokens that issuers give a recognisable form, so that leaks can be found. */
const KNOWN_TOKENS =
  /\b(?:gh[pousr]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[abeoprs]-[\w-]{10,}|A(?:KIA|SIA)[A-Z0-9]{16}|AIza[\w-]{30,}|sk-[\w-]{20,}|[rs]k_live_\w{16,}|npm_\w{30,}|hv[sb]\.[\w-]{20,}|dckr_pat_[\w-]{20,}|SG\.[\w-]{16,}\.[\w-]{16,}|eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?)/g;

/** @param args as the process has them, the program first. @returns as many */
export function maskSecrets(args: readonly string[]): string[] {
  return maskWords(args).map((arg) => (/\s/.test(arg) ? maskScript(arg) : arg));
}

/** The words of a renamed process's title or of a `sh -c` script are arguments too. */
function maskScript(text: string): string {
  const pieces = text.split(/(\s+)/);
  const words = maskWords(pieces.filter((_, i) => i % 2 === 0));
  return pieces.map((piece, i) => (i % 2 === 0 ? (words[i / 2] ?? piece) : piece)).join('');
}

function maskWords(words: readonly string[]): string[] {
  let shortOptions: readonly ShortOption[] = [];
  /** How to mask the word that follows an option which takes a secret. */
  let maskNext: ((word: string) => string) | undefined;
  return words.map((word) => {
    if (maskNext !== undefined) {
      const mask = maskNext;
      maskNext = undefined;
      if (!word.startsWith('--')) return mask(word);
    }
    shortOptions = shortOptionsOf(word) ?? shortOptions;
    const short = shortOptions.find((known) => carriesSecret(known, word));
    if (short) {
      const { option, separator } = short;
      if (word !== option) return option + maskAfter(word.slice(option.length), separator);
      maskNext = (next) => maskAfter(next, separator);
      return word;
    }
    if (/^--?[\w.-]+$/.test(word) && namesSecret(word)) {
      maskNext = () => MASK;
      return word;
    }
    return maskWithin(word);
  });
}

function carriesSecret(known: ShortOption, word: string): boolean {
  if (word === known.option) return known.value !== 'glued';
  return known.value !== 'next' && word.startsWith(known.option) && !known.option.startsWith('--');
}

/** Everything after the separator, or everything when there is none to expect. */
function maskAfter(value: string, separator: string | undefined): string {
  if (separator === undefined) return MASK;
  const at = value.indexOf(separator);
  return at < 0 ? value : value.slice(0, at + separator.length) + MASK;
}

function maskWithin(arg: string): string {
  const leading = LEADING_ASSIGNMENT.exec(arg);
  if (leading?.[1] !== undefined && namesSecret(leading[1])) return `${leading[1]}=${MASK}`;
  return arg
    .replace(HEADER, (whole: string, name: string, colon: string, value: string) =>
      namesSecret(name) && !value.startsWith('/') ? name + colon + maskCredentials(value) : whole,
    )
    .replace(ASSIGNMENT, (whole: string, name: string, sign: string, value: string) =>
      namesSecret(name) && !value.startsWith('/') && !value.startsWith(MASK) && !CREDENTIAL_SCHEME.test(value)
        ? name + sign + MASK
        : whole,
    )
    .replace(URL_PASSWORD, `$1${MASK}@`)
    .replace(URL_TOKEN, `$1${MASK}@`)
    .replace(DSN_PASSWORD, `$1${MASK}@`)
    .replace(BEARER, `$1${MASK}`)
    .replace(KNOWN_TOKENS, MASK);
}

/** `Bearer abc` → `Bearer ***`: the scheme is worth seeing. */
function maskCredentials(value: string): string {
  const end = value.search(/\s/);
  const scheme = end < 0 ? '' : value.slice(0, end);
  return CREDENTIAL_SCHEME.test(scheme) ? `${scheme} ${MASK}` : MASK;
}
