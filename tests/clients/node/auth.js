// The real aws-amplify Auth on a user pool: SRP, password, new password, refresh, sign-out, and GraphQL with the tokens.
// Prints one JSON object per step.
//
// node auth.js URL POOL CLIENT GRAPHQL, with PASSWORD, TEMPORARY in the environment; users `ada` and `bob` (who has a
// temporary password) are there, `ada` in the group `staff`.
'use strict'

const Socket = require('ws')
const [url, userPoolId, userPoolClientId, endpoint] = process.argv.slice(2)
globalThis.WebSocket = Socket

const { Amplify } = require('aws-amplify')
const auth = require('aws-amplify/auth')
const { generateClient } = require('aws-amplify/api')

const say = (step, fields) => console.log(JSON.stringify({ step, ...fields }))
const { PASSWORD, TEMPORARY } = process.env

Amplify.configure({
  Auth: { Cognito: { userPoolId, userPoolClientId, userPoolEndpoint: url + '/' } },
  API: { GraphQL: { endpoint, region: 'us-east-1', defaultAuthMode: 'userPool' } },
})

async function refused(step, work) {
  try {
    await work
    say(step, { refused: false })
  } catch (error) {
    say(step, { refused: error.name, message: error.message })
  }
}

async function main() {
  await refused('wrong password', auth.signIn({ username: 'ada', password: 'nope' }))

  const srp = await auth.signIn({ username: 'ada', password: PASSWORD })
  const user = await auth.getCurrentUser()
  const session = await auth.fetchAuthSession()
  say('srp', { ...srp, user, groups: session.tokens.accessToken.payload['cognito:groups'] })
  say('attributes', await auth.fetchUserAttributes())

  const client = generateClient()
  const answer = await client.graphql({ query: '{ me staff }' })
  say('graphql', answer.data)

  const heard = new Promise((resolve, reject) => {
    client.graphql({ query: 'subscription { onSay { id } }' }).subscribe({ next: (m) => resolve(m.data), error: reject })
  })
  const beat = setInterval(() => client.graphql({ query: 'mutation { say(id: "1") { id } }' }).catch(() => {}), 300)
  say('subscription', await heard)
  clearInterval(beat)

  const before = session.tokens.accessToken.payload.jti
  const fresh = await auth.fetchAuthSession({ forceRefresh: true })
  say('refresh', { renewed: fresh.tokens.accessToken.payload.jti !== before, same: fresh.tokens.accessToken.payload.origin_jti === session.tokens.accessToken.payload.origin_jti })
  await auth.signOut()
  await refused('after sign-out', auth.getCurrentUser())

  const plain = await auth.signIn({ username: 'ada', password: PASSWORD, options: { authFlowType: 'USER_PASSWORD_AUTH' } })
  say('password', plain)
  await auth.signOut({ global: true })

  const asked = await auth.signIn({ username: 'bob', password: TEMPORARY })
  say('temporary', asked)
  const done = await auth.confirmSignIn({ challengeResponse: PASSWORD })
  say('new password', done)
  await auth.signOut()

  say('sign-up', await auth.signUp({ username: 'eve', password: PASSWORD, options: { userAttributes: { email: 'eve@example.com' } } }))
  await refused('unconfirmed', auth.confirmSignUp({ username: 'eve', confirmationCode: 'nope' }))
}

main().then(() => process.exit(0), (error) => { console.error(error); process.exit(1) })
