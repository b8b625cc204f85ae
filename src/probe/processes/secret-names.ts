/** Knows by the name of an option, variable or header whether its value is a secret. */

const SECRET_WORDS = new Set(
  (
    'pass password passwd passphrase passcode pwd secret secrets token credential credentials creds apikey authkey ' +
    'accesskey secretkey privatekey bearer dsn authorization cookie masterauth requirepass'
  ).split(' '),
);

/** `PGPASSWORD`, `mytoken`: words that are run together. */
const SECRET_ENDINGS = /(?:password|passwd|passphrase|secret|token|apikey)$/;

/** `api-key`, `connection_string`: secret only as a pair. */
const SECRET_PAIRS = new Set(
  (
    'api key,access key,private key,secret key,auth key,account key,shared key,encryption key,signing key,storage key,' +
    'master key,license key,connection string'
  ).split(','),
);

/** As a last word these say where the secret is or how it is treated, not what it is: `--token-file`, `TOKEN_TTL`. */
const NOT_THE_SECRET = new Set(
  (
    'file files path dir directory stdin env id ttl expiry expiration timeout length size type policy name names url ' +
    'uri endpoint enabled disabled required jar count limit version rotation ref provider prompt'
  ).split(' '),
);

/** @param name with or without its dashes: `--db-password`, `accessToken`, `-Dkey.storePassword`, `X-Api-Key` */
export function namesSecret(name: string): boolean {
  const words = name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '');
  const last = words.at(-1);
  if (last === undefined || NOT_THE_SECRET.has(last)) return false;
  return words.some(
    (word, i) =>
      SECRET_WORDS.has(word) ||
      SECRET_ENDINGS.test(word) ||
      SECRET_PAIRS.has(`${word} ${words[i + 1] ?? ''}`),
  );
}
