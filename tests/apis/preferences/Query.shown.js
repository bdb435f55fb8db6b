export const request = (ctx) => ({ payload: { json: ctx.args, theme: ctx.args.theme } })
export const response = (ctx) => ctx.result
