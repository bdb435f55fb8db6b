aws lambda create-function \
    --function-name ${LAMBDA_FUNCTION_NAME} \
    --runtime python3.11 \
    --role ${LAMBDA_ROLE_ARN} \
    --handler lambda_function.lambda_handler \
    --zip-file fileb://lambda_function.zip \
    --timeout 60 \
    --memory-size 256 \
    --environment "Variables={TABLE_NAME=${TABLE_NAME}}" \
    --tags Project=AppSyncRealTimeSync

aws lambda wait function-active \
    --function-name ${LAMBDA_FUNCTION_NAME}
