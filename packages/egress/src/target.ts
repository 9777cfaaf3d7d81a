import { isIP } from 'node:net';
import type { AddressPolicy } from './address-policy.ts';

/** A URL that passed the static check, as the pools want it. */
export interface Target {
  /** `http://host:port`; the key of the pool. */
  origin: string;
  /** Without the brackets of an IPv6 literal. */
  hostname: string;
  port: number;
  /** Path and query. */
  path: string;
}

export interface UrlRefusal {
  code: 'url_refused' | 'address_refused';
  /** For people; holds the host at most, for the rest of a URL may be secret. */
  message: string;
}

/**
 * What can be said of a URL before any name is looked up; for the api at definition time, and done again by every
 * `post`. `undefined`: nothing against it. Never throws.
 */
export function checkUrl(url: string, policy: AddressPolicy): UrlRefusal | undefined {
  const target = parseTarget(url, policy);
  return 'code' in target ? target : undefined;
}

/** Numeric hosts in any spelling (`0x7f.1`, `2130706433`, full-width digits, …) are plain after WHATWG parsing. */
export function parseTarget(url: string, policy: AddressPolicy): Target | UrlRefusal {
  const parsed = parseUrl(url);
  if (parsed === undefined) return urlRefusal('not an absolute URL');
  const { protocol } = parsed;
  if (protocol !== 'http:' && protocol !== 'https:') return urlRefusal('the scheme is not http or https');
  if (parsed.username !== '' || parsed.password !== '') return urlRefusal('the URL holds credentials');
  if (parsed.port === '0') return urlRefusal('port 0 cannot be reached');
  const hostname = parsed.hostname.replace(/^\[|\]$/g, '');
  const port = parsed.port === '' ? defaultPort(protocol) : Number(parsed.port);
  return (
    hostRefusal(hostname, port, policy) ?? {
      origin: parsed.origin,
      hostname,
      port,
      path: parsed.pathname + parsed.search,
    }
  );
}

function parseUrl(url: string): URL | undefined {
  try {
    return new URL(url);
  } catch {
    return undefined;
  }
}

function defaultPort(protocol: 'http:' | 'https:'): number {
  return protocol === 'http:' ? 80 : 443;
}

/** Addresses never reach a `lookup`, so they are judged here; so is the one name whose address is known. */
function hostRefusal(hostname: string, port: number, policy: AddressPolicy): UrlRefusal | undefined {
  const address = isIP(hostname) !== 0 ? hostname : isLocalhost(hostname) ? '127.0.0.1' : undefined;
  const reason = address === undefined ? undefined : policy.refusal(address, port);
  return reason === undefined ? undefined : addressRefusal(hostname, reason);
}

/** RFC 6761. */
function isLocalhost(hostname: string): boolean {
  return /(^|\.)localhost\.?$/.test(hostname);
}

function urlRefusal(message: string): UrlRefusal {
  return { code: 'url_refused', message };
}

function addressRefusal(hostname: string, reason: string): UrlRefusal {
  return { code: 'address_refused', message: `${hostname} may not be reached: ${reason}` };
}
