import json
import sys

for line in sys.stdin:
    asked = json.loads(line)
    try:
        print(json.dumps({"event": receive(asked["headers"], asked["body"], asked["secret"])}), flush=True)
    except Exception as error:
        print(json.dumps({"error": repr(error)}), flush=True)
