   # Delete event source mapping
   aws lambda delete-event-source-mapping \
       --uuid ${EVENT_MAPPING_UUID}
   
   # Delete Lambda function
   aws lambda delete-function --function-name ${LAMBDA_FUNCTION_NAME}
   
   # Delete Lambda execution role
   aws iam detach-role-policy \
       --role-name ${LAMBDA_FUNCTION_NAME}-Role \
       --policy-arn arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole
   
   aws iam detach-role-policy \
       --role-name ${LAMBDA_FUNCTION_NAME}-Role \
       --policy-arn arn:aws:iam::aws:policy/service-role/AWSLambdaDynamoDBExecutionRole
   
   aws iam delete-role --role-name ${LAMBDA_FUNCTION_NAME}-Role
   
   echo "✅ Lambda function and IAM role deleted"
