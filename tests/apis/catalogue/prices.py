def handle(event, context):
    return [{"data": len(event) * 100 + len(each["source"]["name"])} for each in event]
