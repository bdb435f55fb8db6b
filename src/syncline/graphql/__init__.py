"""GraphQL: GraphQL APIs as AppSync has them: schemas, resolvers on fields, requests, publications, subscriptions."""

from syncline.graphql.engine import GraphqlEngine
from syncline.graphql.service import Graphql

__all__ = ["Graphql", "GraphqlEngine"]
