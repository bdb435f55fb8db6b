   # Create GraphQL query to list all items
   cat > list-query.json << 'EOF'
{
  "query": "query ListItems { listDataItems { id title content timestamp version } }"
}
EOF
   
   # Execute list query
   curl -X POST \
       -H "Content-Type: application/json" \
       -H "x-api-key: ${APPSYNC_API_KEY}" \
       -d @list-query.json \
       ${APPSYNC_API_URL}
