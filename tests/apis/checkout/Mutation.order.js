export function request(ctx) {
  ctx.stash.unit = 3
  return {}
}
export const response = (ctx) => ctx.prev.result
