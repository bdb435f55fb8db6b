   # Remove temporary files
   rm -f lambda_function.py lambda_function.zip
   rm -f schema.graphql
   rm -f *-resolver-*.vtl
   rm -f test-event.json mutation.json list-query.json response.json
   
   echo "✅ Local files cleaned up"
