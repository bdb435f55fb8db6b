// The GraphQL-over-HTTP audit of the package graphql-http against one endpoint: node audit.js URL KEY [spec]
// Prints the audits that are not fulfilled. With `spec`, requests that name no Accept ask for the draft's media type.
'use strict'

const { auditServer } = require('graphql-http')

const [url, key, mode] = process.argv.slice(2)
const ours = { 'x-api-key': key }
const asked = mode === 'spec' ? { accept: 'application/graphql-response+json' } : {}

function fetchFn(target, options = {}) {
  return fetch(target, { ...options, headers: { ...ours, ...asked, ...options.headers } })
}

auditServer({ url, fetchFn }).then((results) => {
  const missed = results.filter((each) => each.status !== 'ok')
  const shown = missed.map(({ id, name, status, reason }) => ({ id, name, status, reason }))
  console.log(JSON.stringify({ count: results.length, missed: shown }))
})
