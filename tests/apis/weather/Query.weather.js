import { util } from '@aws-appsync/utils'
export const request = (ctx) => ({
  method: 'GET', resourcePath: `/weather/${util.urlEncode(ctx.args.city)}`, params: { query: { unit: 'C' }, headers: { 'x-from': 'tests' } },
})
export function response(ctx) {
  const { statusCode, body } = ctx.result
  if (statusCode !== 200) util.error(`Answered ${statusCode}`, 'Weather', JSON.parse(body))
  return JSON.parse(body)
}
