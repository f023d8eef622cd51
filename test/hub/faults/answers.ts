import { MODEL_FILES } from '../../support/hub/model-files.ts'
import type { HubServer } from '../../support/hub/server.ts'
import { ALWAYS, answer, DATA, DATA_ON_HUB, fine, type HubFault, ID, none } from './fault.ts'

export const REDIRECT_FAULTS: readonly HubFault[] = [
  {
    name: 'a token is set, and files are on another host',
    ...fine,
    plant: (hub) => close(hub, 'private'),
    settings: () => ({ token: 'hf_secret' })
  },
  { name: 'the repository was renamed (307)', ...fine, plant: (hub) => rename(hub) },
  {
    name: 'a redirect loop',
    end: 'hub_unreachable',
    ...none,
    plant: (hub) => hub.plant('hub', DATA_ON_HUB, answer(302, { location: '?again' }), ALWAYS)
  },
  {
    name: 'a login page instead of the listing (200, HTML)',
    end: 'hub_unreachable',
    ...none,
    plant: (hub) => hub.plant('hub', /api/, answer(200, { 'content-type': 'text/html' }, '<html>Log in</html>'), ALWAYS)
  },
  {
    name: 'an invalid listing (200, JSON of another form)',
    end: 'hub_unreachable',
    ...none,
    plant: (hub) => hub.plant('hub', /tree/, answer(200, { 'content-type': 'application/json' }, '{"message": "hello"}'), ALWAYS)
  },
  {
    name: 'an invalid revision (200, `null`)',
    end: 'hub_unreachable',
    ...none,
    plant: (hub) => hub.plant('hub', /revision/, answer(200, { 'content-type': 'application/json' }, 'null'), ALWAYS)
  },
  {
    name: 'a login page instead of the file (200, HTML)',
    end: 'hub_unreachable',
    requests: 1,
    resumes: false,
    plant: (hub) => hub.plant('storage', DATA, answer(200, { 'content-type': 'text/html', 'content-length': '19' }, '<html>Log in</html>'), ALWAYS)
  }
]

export const REFUSAL_FAULTS: readonly HubFault[] = [
  {
    name: 'a private repository, no token (401)',
    end: 'hub_not_found',
    ...none,
    plant: (hub) => close(hub, 'private')
  },
  {
    name: 'a wrong token (401)',
    end: 'hub_refused',
    ...none,
    plant: (hub) => close(hub, 'private'),
    settings: () => ({ token: 'hf_other' })
  },
  {
    name: 'a gated repository, no token (401, GatedRepo)',
    end: 'hub_refused',
    ...none,
    plant: (hub) => close(hub, 'gated')
  },
  {
    name: 'a gated repository whose licence was not accepted (403, GatedRepo)',
    end: 'hub_refused',
    ...none,
    plant: (hub) => hub.plant('hub', /resolve/, answer(403, { 'x-error-code': 'GatedRepo', 'x-error-message': 'not in the authorized list' }), ALWAYS),
    settings: () => ({ token: 'hf_other' })
  },
  { name: 'a disabled repository (403)', end: 'hub_refused', ...none, plant: (hub) => hub.plant('hub', /api/, answer(403), ALWAYS) },
  { name: 'no such repository', end: 'hub_not_found', ...none, plant: (hub) => hub.repositories.delete(ID) },
  { name: 'no such branch', end: 'hub_not_found', ...none, plant: (hub) => hub.repositories.get(ID)?.refs.delete('main') },
  {
    name: 'a listed file is gone (404, EntryNotFound)',
    end: 'hub_not_found',
    ...none,
    plant: (hub) => hub.plant('hub', DATA_ON_HUB, answer(404, { 'x-error-code': 'EntryNotFound' }), ALWAYS)
  }
]

/** The same repository, readable only with a token. */
function close(hub: HubServer, access: 'private' | 'gated'): void {
  hub.repositories.delete(ID)
  hub.publish(ID, MODEL_FILES, { access, token: 'hf_secret' })
}

function rename(hub: HubServer): void {
  const repository = hub.repositories.get(ID)
  if (repository === undefined) return
  hub.repositories.set('org/new-name', { ...repository, id: 'org/new-name' })
  hub.moved.set(ID, 'org/new-name')
}
