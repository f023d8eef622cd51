import { isIPv6 } from 'node:net'

/**
 * Leading groups of an IPv6 address that identify a client, 16 bits each. Whoever has an IPv6 connection has a /64 and
 * may take a new address of it for every request.
 */
const NETWORK_GROUPS = 4

/**
 * What a client without an API key is known by: its IPv4 address, or the /64 network of its IPv6 address, as in
 * `2001:db8:0:7::/64`. An IPv4 address that IPv6 sockets show as `::ffff:192.0.2.1` is that IPv4 address. Empty for a
 * socket that is closed.
 */
export function clientAddressOf({ remoteAddress = '' }: { readonly remoteAddress?: string | undefined }): string {
  const [, mapped] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(remoteAddress) ?? []
  if (mapped !== undefined) return mapped
  // The zone of a link-local address names an interface of this machine.
  const [address = ''] = remoteAddress.split('%')
  if (!isIPv6(address)) return address
  const [before = '', after] = address.split('::')
  const head = groupsOf(before)
  const groups = after === undefined ? head : [...head, ...new Array<string>(8 - head.length - groupsOf(after).length).fill('0'), ...groupsOf(after)]
  return `${groups
    .slice(0, NETWORK_GROUPS)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/${16 * NETWORK_GROUPS}`
}

/** A dotted IPv4 address at the end counts as two groups. */
function groupsOf(text: string): string[] {
  if (text === '') return []
  return text.split(':').flatMap((group) => (group.includes('.') ? ['0', '0'] : [group]))
}
