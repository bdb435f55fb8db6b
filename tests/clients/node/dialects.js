// Real clients of the ordinary dialects on the notes API: graphql-ws and graphql-sse. Prints one JSON object per step.
//
// node dialects.js ENDPOINT API_KEY CLIENT, where CLIENT is `ws`, `sse` or `sse-single`.
'use strict'

const [endpoint, apiKey, which] = process.argv.slice(2)
const say = (step, fields) => console.log(JSON.stringify({ step, ...fields }))
const headers = { 'x-api-key': apiKey }
const id = `${which}-${Math.random()}`
const TELL = 'mutation T($id: ID!, $text: String!) { tell(id: $id, text: $text) { id text } }'
const clients = {
  ws: () =>
    require('graphql-ws').createClient({
      url: endpoint.replace('http', 'ws'),
      webSocketImpl: require('ws'),
      connectionParams: headers,
      retryAttempts: 0,
    }),
  sse: () => require('graphql-sse').createClient({ url: endpoint, headers, retryAttempts: 0 }),
  'sse-single': () =>
    require('graphql-sse').createClient({ url: endpoint, headers, retryAttempts: 0, singleConnection: true }),
}

const once = (client, payload) =>
  new Promise((resolve, reject) => {
    let found
    client.subscribe(payload, { next: (value) => (found = value), error: reject, complete: () => resolve(found) })
  })

async function main() {
  const client = clients[which]()
  say('query', await once(client, { query: '{ echo(text: "hello") }' }))
  const heard = []
  let stop
  const three = new Promise((resolve, reject) => {
    stop = client.subscribe(
      { query: 'subscription { onTell { id text } }' },
      {
        next: ({ data }) => data.onTell.id === id && heard.push(data.onTell.text) === 3 && resolve(),
        error: reject,
        complete: () => say('completed', {}),
      },
    )
  })
  await new Promise((resolve) => setTimeout(resolve, 400))
  for (const text of ['one', 'two', 'three']) await once(client, { query: TELL, variables: { id, text } })
  await three
  say('heard', { heard })
  stop()
  await once(client, { query: 'subscription { nothing }' }).then(
    (value) => say('refused', { errors: value.errors }),
    (failure) => say('refused', { errors: Array.isArray(failure) ? failure : [{ message: String(failure.message) }] }),
  )
  client.dispose?.()
  const stranger = { ...clients, ws: () => require('graphql-ws').createClient({
    url: endpoint.replace('http', 'ws'), webSocketImpl: require('ws'), connectionParams: { 'x-api-key': 'no' }, retryAttempts: 0, lazy: true,
  }), sse: () => require('graphql-sse').createClient({ url: endpoint, headers: { 'x-api-key': 'no' }, retryAttempts: 0 }),
  'sse-single': () => require('graphql-sse').createClient({
    url: endpoint, headers: { 'x-api-key': 'no' }, retryAttempts: 0, singleConnection: true,
  }) }
  await once(stranger[which](), { query: '{ echo(text: "x") }' }).catch((failure) =>
    say('stranger', { code: failure.code, status: failure.response?.status }),
  )
}

main().then(() => process.exit(0), (failure) => {
  say('failure', { failure: String(failure?.stack ?? JSON.stringify(failure)) })
  process.exit(1)
})
