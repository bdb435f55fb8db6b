// The real aws-amplify on the notes API: query, mutation, subscription. Prints one JSON object per step.
//
// node notes.js ENDPOINT API_KEY MODE, where MODE is `tls` (Amplify dials wss://; trust comes from
// NODE_EXTRA_CA_CERTS), `iam` (the same, signed with the AWS credentials of the environment) or `shim` (the fallback
// for who cannot install the CA: a WebSocket that dials ws:// instead).
'use strict'

const Socket = require('ws')
const [endpoint, apiKey, mode] = process.argv.slice(2)

// Node 20 has no global WebSocket. Amplify always dials wss://, also for an http:// endpoint.
globalThis.WebSocket =
  mode === 'shim'
    ? class extends Socket {
        constructor(url, protocols) {
          super(url.replace('wss://', 'ws://'), protocols)
        }
      }
    : Socket

const { Amplify } = require('aws-amplify')
const { generateClient } = require('aws-amplify/api')
const { Hub } = require('aws-amplify/utils')

const say = (step, fields) => console.log(JSON.stringify({ step, ...fields }))
const PUT = 'mutation Put($id: ID!, $text: String!) { putNote(id: $id, text: $text) { id text } }'
const GET = 'query Get($id: ID!) { getNote(id: $id) { id text } }'
const ON_PUT = 'subscription OnPut($id: ID) { onPut(id: $id) { id text } }'

const GraphQL = { endpoint, region: 'us-east-1', defaultAuthMode: mode === 'iam' ? 'iam' : 'apiKey', apiKey }
const credentials = {
  accessKeyId: process.env.AWS_ACCESS_KEY_ID,
  secretAccessKey: process.env.AWS_SECRET_ACCESS_KEY,
}
const credentialsProvider = {
  getCredentialsAndIdentityId: async () => ({ credentials, identityId: '' }),
  clearCredentialsAndIdentityId: () => {},
}
Amplify.configure({ API: { GraphQL } }, { Auth: { credentialsProvider } })
const client = generateClient()

const acknowledged = new Promise((resolve) => {
  Hub.listen('api', ({ payload }) => {
    if (payload.data?.connectionState) say('state', { state: payload.data.connectionState })
    if (payload.event === 'Subscription ack') resolve()
  })
})

async function main() {
  const id = `amplify-${mode}`
  const put = (text) => client.graphql({ query: PUT, variables: { id, text } })
  say('mutation', await put('first'))
  say('query', await client.graphql({ query: GET, variables: { id } }))
  await client.graphql({ query: '{ nothing }' }).catch((refusal) => say('refusal', { errors: refusal.errors }))

  const received = new Promise((resolve, reject) => {
    let count = 0
    client.graphql({ query: ON_PUT, variables: { id } }).subscribe({
      next: ({ data }) => {
        say('event', { data })
        if (++count === 3) resolve()
      },
      error: reject,
    })
  })
  await acknowledged
  for (const text of ['second', 'third', 'fourth']) await put(text)
  await received
  say('done')
}

setTimeout(() => process.exit(2), 20_000).unref()
main().then(
  () => process.exit(0),
  (failure) => {
    const refusals = failure?.errors ?? failure?.error?.errors ?? [failure]
    const errors = refusals.map(({ message, errorType, originalError }) => ({
      message,
      errorType: errorType ?? originalError?.name,
    }))
    say('failure', { errors })
    process.exit(1)
  },
)
