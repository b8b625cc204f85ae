/** axios by its CommonJS build, whose import of `node:http` is a lean one: see `src/machine/node-http.ts`. */
import { createRequire } from 'node:module';
import type { AxiosStatic } from 'axios';

export const axios = createRequire(import.meta.url)('axios') as AxiosStatic;
